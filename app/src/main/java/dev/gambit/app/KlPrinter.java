package dev.gambit.app;

import dev.gambit.calibration.KlDivergence;
import dev.gambit.calibration.Perplexity.Estimate;
import java.io.PrintStream;
import java.util.Locale;

/** The lines that llama-perplexity prints with {@code --kl-divergence}. */
final class KlPrinter {

    /** Fewer tokens than this give no statistics, there as here. */
    private static final int MIN_TOKENS = 100;

    private static final double[] UPPER = {0.999, 0.99, 0.95, 0.9};
    private static final double[] LOWER = {0.1, 0.05, 0.01, 0.001};

    private final PrintStream out;

    KlPrinter(PrintStream out) {
        this.out = out;
    }

    /** Prints a window's line, the first with a head. */
    void chunk(int chunk, KlDivergence.Result r) {
        if (chunk == 1) {
            out.println("chunk             PPL               ln(PPL(Q)/PPL(base))          KL Divergence"
                    + "              Δp RMS            Same top p");
        }
        print("%4d", chunk);
        pair("    %9.4f ± %9.4f", r.perplexity(), 1);
        pair("    %10.5f ± %10.5f", r.logRatio(), 1);
        pair("    %10.5f ± %10.5f", r.divergence(), 1);
        pair("    %6.3f ± %6.3f %%", r.rmsProbabilityDifference(), 100);
        pair("    %6.3f ± %6.3f %%", r.sameTopShare(), 100);
        out.println();
        out.flush();
    }

    /** Prints the statistics over all windows. */
    void summary(KlDivergence.Result r) {
        out.println();
        if (r.tokens() < MIN_TOKENS) {
            return;
        }
        Estimate ppl = r.perplexity();
        Estimate base = r.basePerplexity();
        Estimate log = r.logRatio();
        double ratio = Math.exp(log.mean());
        double covariance = r.correlation() * ppl.error() * base.error();
        double error = Math.sqrt(Math.max(
                0, ppl.error() * ppl.error() + base.error() * base.error() - 2 * covariance));
        out.println("====== Perplexity statistics ======");
        line("Mean PPL(Q)                   : %10.6f ± %10.6f", ppl);
        line("Mean PPL(base)                : %10.6f ± %10.6f", base);
        print("Cor(ln(PPL(Q)), ln(PPL(base))): %6.2f%%%n", 100 * r.correlation());
        line("Mean ln(PPL(Q)/PPL(base))     : %10.6f ± %10.6f", log);
        line("Mean PPL(Q)/PPL(base)         : %10.6f ± %10.6f", new Estimate(ratio, ratio * log.error()));
        line("Mean PPL(Q)-PPL(base)         : %10.6f ± %10.6f", new Estimate(ppl.mean() - base.mean(), error));
        out.println();
        out.println("====== KL divergence statistics ======");
        line("Mean    KLD: %10.6f ± %10.6f", r.divergence());
        quantiles("KLD: %10.6f", r.divergences(), 1, false);
        out.println();
        out.println("====== Token probability statistics ======");
        double[] differences = r.probabilityDifferences();
        percent("Mean    Δp: %6.3f ± %5.3f %%", KlDivergence.Result.mean(differences));
        quantiles("Δp: %6.3f%%", differences, 100, true);
        percent("RMS Δp    : %6.3f ± %5.3f %%", r.rmsProbabilityDifference());
        percent("Same top p: %6.3f ± %5.3f %%", r.sameTopShare());
    }

    private void quantiles(String format, double[] x, double unit, boolean quartiles) {
        quantile("Maximum ", format, x, 1, unit);
        for (double q : UPPER) {
            quantile(name(q), format, x, q, unit);
        }
        if (quartiles) {
            quantile(name(0.75), format, x, 0.75, unit);
        }
        quantile("Median  ", format, x, 0.5, unit);
        if (quartiles) {
            quantile(name(0.25), format, x, 0.25, unit);
        }
        for (double q : LOWER) {
            quantile(name(q), format, x, q, unit);
        }
        quantile("Minimum ", format, x, 0, unit);
    }

    private static String name(double fraction) {
        return String.format(Locale.ROOT, "%4.1f%%   ", 100 * fraction);
    }

    private void quantile(String name, String format, double[] x, double fraction, double unit) {
        out.print(name);
        print(format, unit * KlDivergence.Result.quantile(x, fraction));
        out.println();
    }

    private void print(String format, Object value) {
        out.printf(Locale.ROOT, format, value);
    }

    private void line(String format, Estimate e) {
        pair(format + "%n", e, 1);
    }

    private void percent(String format, Estimate e) {
        pair(format + "%n", e, 100);
    }

    private void pair(String format, Estimate e, double unit) {
        out.printf(Locale.ROOT, format, unit * e.mean(), unit * e.error());
    }
}
