package dev.gambit.calibration;

import static org.junit.jupiter.api.Assumptions.abort;

import dev.gambit.engine.KvCacheType;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelOptions;
import dev.gambit.engine.sparsity.Thresholds;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/** The models and texts the tests run on. */
final class Fixtures {

    static final int WINDOW = 128;

    private static Path fable;

    private Fixtures() {}

    /** The embedded model as a file. */
    static synchronized Path fable() {
        if (fable == null) {
            fable = copy("/dev/gambit/engine/fable-7m-q8_0.gguf", ".gguf");
        }
        return fable;
    }

    /** The thresholds that come with it, as a file. */
    static Path embeddedSidecar() {
        return copy("/dev/gambit/engine/fable-7m.chess.gguf", ".gguf");
    }

    static Path stories() {
        return copy("/dev/gambit/calibration/stories-calib.jsonl", ".jsonl");
    }

    private static Path copy(String resource, String suffix) {
        try (InputStream in = Fixtures.class.getResourceAsStream(resource)) {
            Path file = Files.createTempFile("gambit-test", suffix);
            file.toFile().deleteOnExit();
            Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String testStories() {
        try (InputStream in = Fixtures.class.getResourceAsStream("/dev/gambit/calibration/stories-test.txt")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static LanguageModel openFable(int threads, Thresholds thresholds) {
        return open(fable(), 512, threads, thresholds);
    }

    static LanguageModel open(Path model, int context, int threads, Thresholds thresholds) {
        return LanguageModel.open(
                model,
                ModelOptions.builder()
                        .contextLength(context)
                        .threads(threads)
                        .cacheType(KvCacheType.F32, KvCacheType.F32)
                        .thresholds(thresholds)
                        .build());
    }

    /** Windows {@code from … from+count-1} of the test stories as a run of its own. */
    static TokenWindows windows(LanguageModel model, int from, int count) {
        int[] tokens = model.tokenizer().encode(testStories(), false, false);
        return TokenWindows.of(java.util.Arrays.copyOfRange(tokens, from * WINDOW, (from + count) * WINDOW), WINDOW, 0,
                -1);
    }

    static CalibrationStatistics calibrate(LanguageModel model, int threads, int from, int count) {
        return new Calibrator(fable(), threads)
                .run(model, windows(model, from, count), List.of("stories-" + from), (stage, done, total) -> {});
    }

    /** A file of the shared folder; the test is skipped where there is none. */
    static Path shared(String name) {
        String property = System.getProperty("gambit.shared");
        List<Path> folders = property != null
                ? List.of(Path.of(property))
                : List.of(Path.of("../shared"), Path.of("../../shared"));
        for (Path folder : folders) {
            if (Files.exists(folder.resolve(name))) {
                return folder.resolve(name);
            }
        }
        abort("no " + name + " in " + folders + "; set -Dgambit.shared=FOLDER");
        return null;
    }
}
