package dev.gambit.engine.internal.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.bindings.testing.RecordingCudaDriver;
import dev.gambit.engine.BackendChoice;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelOptions;
import dev.gambit.engine.Session;
import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import dev.gambit.engine.testing.RecordingDriverProvider;
import dev.gambit.engine.testing.TinyModel;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a model on a GPU takes it gives back, whatever fails on the way; on a GPU that only writes down. */
class CudaLifecycleTest {

    private static final String LOAD = "gambit.cuda.load";
    private static final RecordingCudaDriver GPU = RecordingDriverProvider.DRIVER;

    @TempDir
    Path folder;

    private Path file;
    private ModelOptions options;
    private int before;

    @AfterEach
    void leaveTheProperty() {
        System.clearProperty(LOAD);
    }

    @BeforeEach
    void writeModel() {
        TinyModel.Shape shape = new TinyModel.Shape(2, 32, 64, 2, 1, 16, 16);
        file = new TinyModel(shape, name -> GgmlType.Q8_0).write(folder.resolve("tiny.gguf"));
        Thresholds thresholds = new Thresholds(2);
        for (int l = 0; l < 2; l++) {
            thresholds.set(l, Site.FFN_ACT, new float[64]);
        }
        options = ModelOptions.builder().backend(BackendChoice.CUDA).cudaDriver(RecordingDriverProvider.NAME)
                .thresholds(thresholds).contextLength(64).build();
        // once before anything is counted: the driver is opened once a process
        LanguageModel.open(file, options).close();
        before = GPU.live();
        GPU.clear();
    }

    @Test
    void twoHundredTimesOpenAndClosed() {
        for (int i = 0; i < 200; i++) {
            try (LanguageModel model = LanguageModel.open(file, options)) {
                model.session();
            }
            assertEquals(before, GPU.live());
        }
    }

    /** Each call that opening makes fails once: out of memory, and an illegal address. */
    @ParameterizedTest
    @CsvSource({"2, copied", "700, copied", "2, registered", "700, registered"})
    void whicheverCallOfOpeningFails(int code, String load) {
        System.setProperty(LOAD, load);
        LanguageModel.open(file, options).close();
        int calls = GPU.calls().size();
        assertTrue(calls > 50, GPU.calls().toString());
        int failures = 0;
        for (int n = 1; n <= calls; n++) {
            GPU.clear();
            GPU.fail("", n, code);
            try {
                // some calls may fail: what they ask for is not needed
                LanguageModel.open(file, options).close();
            } catch (GambitException e) {
                failures++;
                assertTrue(e.getMessage().contains("cu"), e.getMessage());
            }
            GPU.fail("none", 1, 0);
            String failed = GPU.calls().size() >= n ? GPU.calls().get(n - 1) : "nothing";
            boolean released = failed.matches(
                    "cu(Mem(Free|HostUnregister)|\\w*Destroy|ModuleUnload|DevicePrimaryCtxRelease).*");
            int lost = GPU.live() - before;
            // pages whose registration could not be ended are mapped again, and this time it can
            assertTrue(lost <= 0 || released && lost == 1, failed + " (call " + n + ") leaks " + lost);
            before = GPU.live();
        }
        assertTrue(failures > calls / 2, failures + " of " + calls);
    }

    /** What a GPU that shares the host's memory reads in place needs no buffer of its size. */
    @Test
    void registeredPagesAreReadInPlaceAndGivenBack() {
        System.setProperty(LOAD, "registered");
        LanguageModel.open(file, options).close();
        List<String> calls = GPU.calls();
        long registered = calls.stream().filter(c -> c.startsWith("cuMemHostRegister")).count();
        assertEquals(15, registered, "7 matrices of each of 2 layers, and the embeddings");
        assertEquals(registered, calls.stream().filter(c -> c.startsWith("cuMemHostUnregister")).count());
        assertTrue(calls.stream().noneMatch(c -> c.startsWith("cuMemcpyHtoDAsync")), calls.toString());
        assertEquals(before, GPU.live());
    }

    @Test
    void pagesThatCannotBeRegisteredAreCopied() {
        System.setProperty(LOAD, "registered");
        GPU.fail("cuMemHostRegister_v2", 1, 801);
        LanguageModel.open(file, options).close();
        assertEquals(15, GPU.calls().stream().filter(c -> c.startsWith("cuMemcpyHtoDAsync")).count());
        assertEquals(before, GPU.live());
    }

    @Test
    void aClosedModelsSessionSaysSo() {
        LanguageModel model = LanguageModel.open(file, options);
        Session session = model.session();
        model.close();
        GambitException e = assertThrows(GambitException.class, () -> session.evaluate(new int[] {1}));
        assertTrue(e.getMessage().contains("closed"), e.getMessage());
        assertEquals(before, GPU.live());
    }

    @Test
    void anErrorOfOneModelLeavesAnother() {
        try (LanguageModel model = LanguageModel.open(file, options);
                LanguageModel other = LanguageModel.open(file, options);
                Session session = model.session()) {
            GPU.fail("cuGraphLaunch", 1, 719);
            GambitException e = assertThrows(GambitException.class, () -> session.evaluate(new int[] {1}));
            assertTrue(e.getMessage().contains("cuGraphLaunch failed") && e.getMessage().contains("--backend cpu"),
                    e.getMessage());
            GambitException again = assertThrows(GambitException.class, () -> session.evaluate(new int[] {1}));
            assertEquals(e.getMessage(), again.getMessage());
            other.session().close();
        }
        assertEquals(before, GPU.live());
    }
}
