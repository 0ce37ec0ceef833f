package dev.gambit.bindings;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gambit.bindings.testing.ChildJvm;
import dev.gambit.bindings.testing.ContractMain;
import dev.gambit.bindings.testing.StubLibrary;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The contract through FFM on an emulated 64-bit Arm processor, as on a Jetson: its calling convention is another. */
class Aarch64Test {

    private static final String TOOL = "tools/aarch64-java.sh";

    @Test
    void theContractHoldsOnArm() throws Exception {
        Path java = Stream.of(System.getProperty("gambit.shared", "../shared"), "../../shared", "../../../shared")
                .map(folder -> Path.of(folder, TOOL)).filter(Files::isExecutable).findFirst().orElse(null);
        assumeTrue(java != null, "no shared folder with " + TOOL + " (-Dgambit.shared), which runs Java on Arm");
        // it fetches an emulator and an Arm runtime the first time, which needs the network
        int ready = new ProcessBuilder(java.toString(), "-version").redirectErrorStream(true)
                .redirectOutput(Redirect.DISCARD).start().waitFor();
        assumeTrue(ready == 0, TOOL + " cannot set itself up here");
        Path stub = StubLibrary.compile("aarch64-linux-gnu-gcc");
        String said = ChildJvm.run(List.of(java.toString()), 300,
                List.of("-cp", System.getProperty("java.class.path"), "-D" + StubLibrary.PROPERTY + "=" + stub),
                ContractMain.class.getName());
        assertTrue(said.contains("aarch64: ") && said.contains(" tests, 0 failed"), said);
    }
}
