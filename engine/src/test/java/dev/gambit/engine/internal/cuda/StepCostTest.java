package dev.gambit.engine.internal.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.bindings.testing.RecordingCudaDriver;
import dev.gambit.engine.BackendChoice;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelOptions;
import dev.gambit.engine.Session;
import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.internal.model.ModelConfig;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import dev.gambit.engine.testing.RecordingDriverProvider;
import dev.gambit.engine.testing.TinyModel;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The predicted cost of a step is that of the step the backend captures, here on a GPU that only writes down. */
class StepCostTest {

    private static final TinyModel.Shape SHAPE = new TinyModel.Shape(3, 64, 96, 4, 2, 16, 16);

    private static final double ORIN = 204.8e9;
    /** Bytes a second at which everything is worth skipping. */
    private static final double SLOW = 1;

    @TempDir
    Path folder;

    static Stream<Arguments> policies() {
        List<Set<Site>> sites = List.of(Set.of(), StepCost.chessAttention(), EnumSet.of(Site.FFN_ACT),
                EnumSet.allOf(Site.class), EnumSet.of(Site.DOWN_IN), EnumSet.of(Site.GATE_IN, Site.UP_IN),
                EnumSet.of(Site.UP_IN, Site.FFN_ACT), EnumSet.of(Site.Q_IN, Site.K_IN, Site.V_IN, Site.GATE_IN));
        return Stream.of(GgmlType.F16, GgmlType.Q8_0, GgmlType.Q4_0)
                .flatMap(type -> sites.stream().map(s -> Arguments.of(type, s)));
    }

    /** By rows, as such small matrices are taken, and by columns. */
    @ParameterizedTest
    @MethodSource("policies")
    void isWhatTheBackendCaptures(GgmlType type, Set<Site> sites) {
        capturedIsPredicted(type, sites);
        System.setProperty("gambit.cuda.columns", "all");
        try {
            capturedIsPredicted(type, sites);
        } finally {
            System.clearProperty("gambit.cuda.columns");
        }
    }

    private void capturedIsPredicted(GgmlType type, Set<Site> sites) {
        Path file = new TinyModel(SHAPE, name -> type).untied(type).write(folder.resolve("tiny.gguf"));
        ModelConfig config;
        try (GgufFile gguf = GgufFile.open(file)) {
            config = ModelConfig.of(gguf);
        }
        Thresholds thresholds = sites.isEmpty() ? null : new Thresholds(SHAPE.layers());
        for (Site site : sites) {
            for (int l = 0; l < SHAPE.layers(); l++) {
                thresholds.set(l, site, new float[config.channels(site)]);
            }
        }
        RecordingCudaDriver gpu = RecordingDriverProvider.DRIVER;
        int before = gpu.live();
        ModelOptions options = ModelOptions.builder().backend(BackendChoice.CUDA)
                .cudaDriver(RecordingDriverProvider.NAME).thresholds(thresholds).contextLength(64).build();
        try (LanguageModel model = LanguageModel.open(file, options); Session session = model.session()) {
            gpu.clear();
            // its kernels do nothing, so a step never reports that it is done
            assertThrows(RuntimeException.class, () -> session.evaluate(new int[] {1}));
            StepCost cost = StepCost.of(config, type, false, sites, 1, 64, ORIN);
            assertEquals(captured(gpu), cost.launches(), "launches");
            assertEquals(model.weightBytes(), cost.weightBytes(), "bytes of a token that keeps everything");
        }
        assertEquals(before, gpu.live(), "made and not released");
    }

    /** How many kernels, copies and fills were captured. */
    private static int captured(RecordingCudaDriver gpu) {
        List<String> calls = gpu.calls();
        int from = calls.indexOf("cuStreamBeginCapture_v2(2)");
        int to = calls.indexOf("cuStreamEndCapture()");
        assertTrue(from >= 0 && to > from, calls.toString());
        return (int) calls.subList(from, to).stream()
                .filter(c -> c.startsWith("cuLaunchKernel") || c.startsWith("cuMem")).count();
    }

    @Test
    void halfTheChannelsAreHalfOfWhatCanBeSkipped() {
        ModelConfig config = new ModelConfig(2, 64, 96, 4, 2, 16, 16, 100, 512, 1e-5f, 16, 10_000, 1);
        StepCost dense = StepCost.of(config, GgmlType.F16, true, Set.of(), 1, 10, SLOW);
        StepCost half = StepCost.of(config, GgmlType.F16, true, StepCost.chessAttention(), 0.5, 10, SLOW);
        // q, o, up and down, half floats, of two layers
        long skippable = 2 * 2L * (2 * 64 * 64 + 2 * 64 * 96);
        assertEquals(dense.weightBytes() - skippable / 2, half.weightBytes());
        assertEquals(2L * 2 * 10 * 2 * 2 * 16, dense.cacheBytes());
        assertEquals(dense.deviceBytes(), half.deviceBytes());
        long layers = 2 * 2L * (64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 96);
        // of columns, 100 tokens are not padded
        assertEquals(layers + 2 * 64 * 100, dense.deviceBytes());
        StepCost untied = StepCost.of(config, GgmlType.F16, false, Set.of(), 1, 10, SLOW);
        assertEquals(dense.deviceBytes() + 2 * 64 * 100, untied.deviceBytes());
        assertEquals(dense.weightBytes(), untied.weightBytes());
    }

    @Test
    void scalesOfAGroupAreLoadedWhereOneOfItsInputsIsKept() {
        ModelConfig config = new ModelConfig(1, 64, 96, 4, 2, 16, 16, 100, 512, 1e-5f, 16, 10_000, 1);
        StepCost dense = StepCost.of(config, GgmlType.Q8_0, true, Set.of(), 1, 0, SLOW);
        StepCost half = StepCost.of(config, GgmlType.Q8_0, true, EnumSet.of(Site.O_IN), 0.5, 0, SLOW);
        assertEquals(dense.weightBytes() - 32 * 64, half.weightBytes(), "the plane is halved, the scales are not");
    }

    /** Llama's shapes and SmolLM2's on an H200 and an Orin: skipped where that takes less time, not only fewer bytes. */
    @Test
    void onlyWhatIsWorthItLiesByColumns() {
        ModelConfig small = new ModelConfig(30, 576, 1536, 9, 3, 64, 64, 49_152, 2048, 1e-5f, 64, 10_000, 1);
        ModelConfig middle = new ModelConfig(16, 2048, 8192, 32, 8, 64, 64, 128_256, 2048, 1e-5f, 64, 10_000, 1);
        ModelConfig large = new ModelConfig(32, 4096, 14336, 32, 8, 128, 128, 128_256, 2048, 1e-5f, 128, 10_000, 1);
        double h200 = 4.8e12;
        assertEquals(launches(small, GgmlType.Q4_1, Set.of(), h200), chess(small, GgmlType.Q4_1, h200));
        assertEquals(bytes(small, Set.of(), h200) - upHalf(small), bytes(small, StepCost.chessAttention(), h200));
        assertEquals(launches(middle, GgmlType.F16, Set.of(), h200), chess(middle, GgmlType.F16, h200));
        assertEquals(launches(large, GgmlType.F16, Set.of(), h200), chess(large, GgmlType.F16, h200));
        assertEquals(launches(large, GgmlType.F16, Set.of(), ORIN), chess(large, GgmlType.F16, ORIN));
        assertEquals(launches(small, GgmlType.Q4_1, Set.of(), ORIN), chess(small, GgmlType.Q4_1, ORIN));
    }

    private static int launches(ModelConfig config, GgmlType type, Set<Site> sites, double bandwidth) {
        return StepCost.of(config, type, true, sites, .5, 10, bandwidth).launches();
    }

    private static int chess(ModelConfig config, GgmlType type, double bandwidth) {
        return launches(config, type, StepCost.chessAttention(), bandwidth);
    }

    private static long bytes(ModelConfig config, Set<Site> sites, double bandwidth) {
        return StepCost.of(config, GgmlType.F16, true, sites, .5, 10, bandwidth).weightBytes();
    }

    /** Bytes of half of up's rows, half floats. */
    private static long upHalf(ModelConfig c) {
        return (long) c.layers() * c.embedding() * c.feedForward();
    }
}
