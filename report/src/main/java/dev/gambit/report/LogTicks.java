package dev.gambit.report;

import java.awt.Graphics2D;
import java.awt.geom.Rectangle2D;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import org.jfree.chart.axis.AxisState;
import org.jfree.chart.axis.LogAxis;
import org.jfree.chart.axis.NumberTick;
import org.jfree.chart.ui.RectangleEdge;
import org.jfree.chart.ui.TextAnchor;

/** A logarithmic axis labelled in plain numbers at 1, 2 and 5 of each decade, or more closely where few of those fit. */
final class LogTicks extends LogAxis {

    private static final long serialVersionUID = 1L;

    private static final double[][] STEPS = {{1}, {1, 2, 5}, {1, 1.5, 2, 3, 4, 5, 7}, {1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3,
        3.5, 4, 4.5, 5, 6, 7, 8, 9}};
    private static final int LEAST = 5;
    private static final int MOST = 9;

    LogTicks() {
        super(null);
    }

    @Override
    @SuppressWarnings("rawtypes") // as JFreeChart declares it
    public List refreshTicks(Graphics2D g, AxisState state, Rectangle2D area, RectangleEdge edge) {
        List<NumberTick> ticks = new ArrayList<>();
        for (double[] steps : STEPS) {
            List<NumberTick> closer = ticks(steps);
            if (closer.size() <= MOST || ticks.isEmpty()) {
                ticks = closer;
            }
            if (ticks.size() >= LEAST) {
                break;
            }
        }
        return ticks;
    }

    private List<NumberTick> ticks(double[] steps) {
        List<NumberTick> ticks = new ArrayList<>();
        double low = getRange().getLowerBound();
        double high = getRange().getUpperBound();
        for (double decade = Math.pow(10, Math.floor(Math.log10(low))); decade <= high; decade *= 10) {
            for (double step : steps) {
                double value = decade * step;
                if (value >= low && value <= high) {
                    ticks.add(new NumberTick(value, text(value), TextAnchor.CENTER_RIGHT, TextAnchor.CENTER, 0));
                }
            }
        }
        return ticks;
    }

    private static String text(double value) {
        return new BigDecimal(value).round(new MathContext(3)).stripTrailingZeros().toPlainString();
    }
}
