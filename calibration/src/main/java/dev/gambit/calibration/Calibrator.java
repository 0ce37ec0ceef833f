package dev.gambit.calibration;

import dev.gambit.engine.ActivationListener;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Session;
import java.nio.file.Path;
import java.util.List;

/**
 * Runs a dense model over a text and keeps statistics of its activations, all positions of each window counted: {@code u},
 * the channels' mean magnitude of {@code up}, and the distributions that need none. The distributions of the importances
 * weighted with {@code u} follow from {@link ChannelHistograms}, or from a second pass where the text is short or the model
 * large. The norms of the weights' columns come from the file.
 *
 * <p>The same bits for any number of threads, as far as the model's are: see {@link ChannelPass}.
 */
public final class Calibrator {

    private final Path file;
    private final BaseModel base;
    private final int threads;

    /**
     * @param file the model that is going to be run
     * @param threads threads for the statistics; 0 for the processors this process may use
     * @throws GambitException where the file cannot be read as a model
     */
    public Calibrator(Path file, int threads) {
        this.file = file;
        base = BaseModel.of(file);
        this.threads = threads;
    }

    /**
     * Runs over the text.
     *
     * @param model opened without sparsity, with room for a window
     * @param windows the text
     * @param datasets the text's names, without folders
     * @param progress hears of the stage {@code "channels"}, and {@code "importances"} where there is a second pass
     * @throws GambitException where the model is sparse, or its activations are not finite
     */
    public CalibrationStatistics run(
            LanguageModel model,
            TokenWindows windows,
            List<String> datasets,
            ProgressListener progress) {
        if (model.thresholds() != null) {
            throw new GambitException(GambitException.line(
                    "model to calibrate", "a dense one", "one with thresholds",
                    "open it without --chess and --sparsity"));
        }
        CalibrationStatistics statistics = new CalibrationStatistics(base, windows.size(), datasets);
        try (Workers workers = new Workers(threads);
                Session session = model.session()) {
            statistics.setColumnNorms(ColumnNorms.of(file, base.layers(), workers));
            ChannelHistograms histograms = onePass(windows) ? new ChannelHistograms(base.layers(), base.feedForward())
                    : null;
            pass(session, windows, "channels", progress, new ChannelPass(statistics, workers, histograms));
            statistics.addChunks(windows.count());
            for (int l = 0; l < base.layers(); l++) {
                statistics.layer(l).addTokens((long) windows.count() * windows.size());
            }
            if (histograms != null) {
                histograms.importances(statistics, workers);
            } else {
                pass(session, windows, "importances", progress, new ImportancePass(statistics, workers));
            }
            for (int l = 0; l < base.layers(); l++) {
                statistics.layer(l).requireFinite(l);
            }
            return statistics;
        }
    }

    /** Whether there are entries enough, and memory enough, for {@link ChannelHistograms}. */
    private boolean onePass(TokenWindows windows) {
        return (long) windows.count() * windows.size() * base.feedForward() >= ChannelHistograms.ENOUGH
                && ChannelHistograms.bytes(base.layers(), base.feedForward()) < Runtime.getRuntime().maxMemory() / 4;
    }

    private static void pass(
            Session session, TokenWindows windows, String stage, ProgressListener progress,
            ActivationListener listener) {
        for (int w = 0; w < windows.count(); w++) {
            progress.progress(stage, w, windows.count());
            session.truncate(0);
            session.observe(windows.window(w), listener);
        }
        progress.progress(stage, windows.count(), windows.count());
    }
}
