package dev.gambit.engine.internal.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gambit.engine.internal.cpu.KernelChecks.Check;
import dev.gambit.engine.testing.ChildJvm;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;

/** Vector kernels of one width, in a JVM of their own: a width is chosen once a process. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class ForkedKernelContract extends KernelContract {

    private final int bits;
    private final Map<Check, String> results = new EnumMap<>(Check.class);

    ForkedKernelContract(int bits) {
        this.bits = bits;
    }

    @BeforeAll
    void runAll() {
        List<String> options = List.of(
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-Xbatch", // compiled code is used from the moment it is due
                "-Dgambit.vector.bits=" + bits);
        List<String> lines = ChildJvm.run(options, KernelChecks.class).lines();
        assertEquals("vector-" + bits, lines.getFirst());
        for (String line : lines.subList(1, lines.size())) {
            int space = line.indexOf(' ');
            results.put(Check.valueOf(line.substring(0, space)), line.substring(space + 1));
        }
    }

    @Override
    int run(Check check) {
        String result = results.get(check);
        if (result == null || !result.matches("[0-9]+")) {
            throw new AssertionError(result);
        }
        return Integer.parseInt(result);
    }
}
