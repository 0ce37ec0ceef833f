package dev.gambit.bindings.jcuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import jcuda.nvptxcompiler.JNvPTXCompiler;
import jcuda.nvptxcompiler.nvPTXCompilerHandle;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * NVIDIA's compiler of CUDA 12.0, which comes with JCuda and needs neither GPU nor driver, accepts every kernel of the
 * compute_80 set: what the driver of a JetPack 6 would say to it.
 */
class PtxTest {

    private static final Path SET = Path.of("../cuda-kernels/src/main/resources/dev/gambit/cuda/ptx/compute_80");

    @BeforeAll
    static void loadCompiler() {
        try {
            JNvPTXCompiler.setExceptionsEnabled(false);
        } catch (LinkageError e) {
            abort("JCuda's PTX compiler cannot be loaded on " + System.getProperty("os.name") + ", "
                    + System.getProperty("os.arch"));
        }
    }

    /** What the compiler says against a text; empty if it accepts it. */
    private static String errors(String ptx, String gpu) {
        nvPTXCompilerHandle compiler = new nvPTXCompilerHandle();
        byte[] text = ptx.getBytes(StandardCharsets.UTF_8);
        assertEquals(0, JNvPTXCompiler.nvPTXCompilerCreate(compiler, text.length, text));
        try {
            // for Jetsons as their driver does it; that others accept it needs no optimisation
            String[] options = {"--gpu-name=" + gpu, "--opt-level=" + (gpu.equals("sm_87") ? 3 : 0)};
            int result = JNvPTXCompiler.nvPTXCompilerCompile(compiler, options.length, options);
            if (result == 0) {
                return "";
            }
            long[] size = new long[1];
            JNvPTXCompiler.nvPTXCompilerGetErrorLogSize(compiler, size);
            byte[] log = new byte[(int) size[0] + 1];
            JNvPTXCompiler.nvPTXCompilerGetErrorLog(compiler, log);
            return "result " + result + ": " + new String(log, StandardCharsets.UTF_8).replace("\0", "").strip();
        } finally {
            JNvPTXCompiler.nvPTXCompilerDestroy(compiler);
        }
    }

    private static List<Path> files() throws IOException {
        assumeTrue(Files.isDirectory(SET), "no " + SET);
        try (Stream<Path> files = Files.list(SET)) {
            return files.filter(file -> file.toString().endsWith(".ptx")).sorted().toList();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"sm_80", "sm_87", "sm_90"})
    void everyKernelIsAccepted(String gpu) throws IOException {
        List<Path> files = files();
        assertTrue(files.size() > 20, "only " + files);
        List<String> refused = new ArrayList<>();
        for (Path file : files) {
            String errors = errors(Files.readString(file), gpu);
            if (!errors.isEmpty()) {
                refused.add(file.getFileName() + ": " + errors);
            }
        }
        assertEquals(List.of(), refused);
    }

    @Test
    void aTextOfANewerVersionIsRefused() throws IOException {
        String ptx = Files.readString(files().getFirst());
        String newer = ptx.replaceFirst("(?m)^\\.version 7\\.8", ".version 9.0");
        assertNotEquals(ptx, newer, "expected .version 7.8");
        assertTrue(errors(newer, "sm_87").contains("Unsupported .version 9.0"), errors(newer, "sm_87"));
    }
}
