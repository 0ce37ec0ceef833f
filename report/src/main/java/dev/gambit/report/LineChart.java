package dev.gambit.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.font.FontRenderContext;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.jfree.chart.JFreeChart;
import org.jfree.chart.axis.NumberAxis;
import org.jfree.chart.axis.NumberTickUnit;
import org.jfree.chart.axis.ValueAxis;
import org.jfree.chart.plot.ValueMarker;
import org.jfree.chart.plot.XYPlot;
import org.jfree.chart.renderer.xy.XYErrorRenderer;
import org.jfree.chart.ui.RectangleAnchor;
import org.jfree.chart.ui.RectangleInsets;
import org.jfree.chart.ui.TextAnchor;
import org.jfree.data.xy.XYIntervalSeries;
import org.jfree.data.xy.XYIntervalSeriesCollection;

/** One line a policy over {@code active}, which falls from left to right: further right is less read. */
final class LineChart {

    /**
     * One point.
     *
     * @param error half the length of its bar
     */
    record Point(double x, double y, double error) {}

    private final XYIntervalSeriesCollection data = new XYIntervalSeriesCollection();
    private final EndLabels labels = new EndLabels();
    private final List<String> names = new ArrayList<>();
    private double least = 1;

    /** Adds a line. */
    void add(String name, List<Point> points) {
        if (points.isEmpty()) {
            return;
        }
        XYIntervalSeries series = new XYIntervalSeries(name);
        List<Point> sorted = new ArrayList<>(points);
        sorted.sort(Comparator.comparingDouble(Point::x).reversed());
        for (Point p : sorted) {
            series.add(p.x, p.x, p.x, p.y, p.y - p.error, p.y + p.error);
            least = Math.min(least, p.x);
        }
        labels.add(name, Style.colour(names.size()), sorted.getLast().x, sorted.getLast().y);
        names.add(name);
        data.addSeries(series);
    }

    /** Returns whether there is nothing to see. */
    boolean isEmpty() {
        return names.isEmpty();
    }

    /** Returns the round distance of which about six fill a range. */
    private static double step(double length) {
        double decade = Math.pow(10, Math.floor(Math.log10(length / 6)));
        for (double round : new double[] {1, 2, 5}) {
            if (round * decade >= length / 6) {
                return round * decade;
            }
        }
        return 10 * decade;
    }

    /**
     * Makes the chart.
     *
     * @param logarithmic whether values are shown so
     * @param dense the dense model's value, shown as a line; NaN for none
     * @param denseText what is written on it
     */
    JFreeChart chart(String title, String subtitle, boolean logarithmic, double dense, String denseText) {
        NumberAxis domain = new NumberAxis("active: fraction of the layers' weights used for a token");
        domain.setInverted(true);
        domain.setRange(Math.floor(least * 20 - 0.2) / 20, 1);
        domain.setTickUnit(new NumberTickUnit(0.1));
        domain.setNumberFormatOverride(new DecimalFormat("0.0", DecimalFormatSymbols.getInstance(
                Locale.ROOT)));
        ValueAxis range = logarithmic ? new LogTicks() : new NumberAxis();
        if (range instanceof NumberAxis linear) {
            linear.setAutoRangeIncludesZero(false);
        }
        XYErrorRenderer renderer = new XYErrorRenderer();
        renderer.setDefaultLinesVisible(true);
        renderer.setDrawXError(false);
        renderer.setCapLength(3);
        renderer.setErrorStroke(new BasicStroke(1));
        for (int i = 0; i < names.size(); i++) {
            renderer.setSeriesPaint(i, Style.colour(i));
            renderer.setSeriesStroke(i, Style.stroke(i));
            renderer.setSeriesShape(i, Style.mark(i));
        }
        XYPlot plot = new XYPlot(data, domain, range, renderer);
        plot.addAnnotation(labels, false);
        JFreeChart chart = Style.chart(title, subtitle, plot);
        if (!Double.isNaN(dense)) {
            ValueMarker marker = new ValueMarker(dense, Style.QUIET, new BasicStroke(
                    1, BasicStroke.CAP_BUTT, BasicStroke.JOIN_MITER, 10, new float[] {5, 4}, 0));
            marker.setLabel(denseText);
            marker.setLabelFont(Style.font(12, false));
            marker.setLabelPaint(Style.QUIET);
            marker.setLabelBackgroundColor(new Color(0, 0, 0, 0));
            marker.setLabelAnchor(RectangleAnchor.TOP_LEFT);
            marker.setLabelTextAnchor(TextAnchor.BOTTOM_LEFT);
            plot.addRangeMarker(marker);
            // the line is to be seen, with its text on it
            double low = Math.min(plot.getDataRange(range).getLowerBound(), dense);
            double high = Math.max(plot.getDataRange(range).getUpperBound(), dense);
            range.setRange(
                    logarithmic ? low / Math.pow(high / low, 0.06) : low - 0.08 * (high - low),
                    logarithmic ? high * Math.pow(high / low, 0.08) : high + 0.12 * (high - low));
            if (range instanceof NumberAxis linear) {
                linear.setTickUnit(new NumberTickUnit(step(range.getRange().getLength())));
            }
        }
        Font font = Style.font(13, true);
        double widest = names.stream()
                .mapToDouble(n -> font.getStringBounds(n, new FontRenderContext(null, true, true)).getWidth())
                .max()
                .orElse(0);
        plot.setInsets(new RectangleInsets(6, 2, 2, widest + 18));
        return chart;
    }
}
