package dev.gambit.calibration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.gguf.Dequantizer;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufTensor;
import dev.gambit.engine.gguf.GgufValue;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The thresholds in the engine's jar are what {@code calibrate-fable.sh} makes of the embedded model and the stories. */
class EmbeddedSidecarTest {

    /** Sums of other vector widths differ in the last bits; thresholds of another text differ by percents. */
    private static final double TOLERANCE = 1e-4;

    @TempDir
    private Path folder;

    @Test
    void calibratingAgainGivesTheSameThresholds() {
        Path made = folder.resolve("made.gguf");
        try (LanguageModel model = Fixtures.openFable(0, null)) {
            TokenWindows windows =
                    TokenWindows.of(model.tokenizer(), CalibrationText.read(List.of(Fixtures.stories())), 512, 32);
            CalibrationStatistics s = new Calibrator(Fixtures.fable(), 0)
                    .run(model, windows, List.of("stories-calib.jsonl"), (stage, done, total) -> {});
            SidecarWriter.write(s, made);
        }
        try (GgufFile expected = GgufFile.open(Fixtures.embeddedSidecar());
                GgufFile found = GgufFile.open(made)) {
            assertEquals(
                    new ArrayList<>(expected.metadata().values().keySet()),
                    new ArrayList<>(found.metadata().values().keySet()));
            expected.metadata().values().forEach((key, value) -> {
                GgufValue other = found.metadata().values().get(key);
                assertArrayEquals(new Object[] {value.value()}, new Object[] {other.value()}, key);
            });
            assertEquals(expected.tensors().size(), found.tensors().size());
            for (GgufTensor t : expected.tensors()) {
                GgufTensor other = found.find(t.name());
                assertNotNull(other, t.name());
                float[] a = values(expected, t);
                float[] b = values(found, other);
                for (int i = 0; i < a.length; i++) {
                    assertEquals(a[i], b[i], a[i] * TOLERANCE, t.name() + "[" + i + "]");
                }
            }
        }
    }

    private static float[] values(GgufFile file, GgufTensor t) {
        float[] out = new float[t.columns()];
        try (Arena arena = Arena.ofConfined()) {
            Dequantizer.row(t.type(), file.map(t, arena), 0, out.length, out, 0);
        }
        return out;
    }
}
