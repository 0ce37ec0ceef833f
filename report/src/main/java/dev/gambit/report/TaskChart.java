package dev.gambit.report;

import dev.gambit.calibration.Perplexity.Estimate;
import java.awt.BasicStroke;
import java.util.List;
import org.jfree.chart.JFreeChart;
import org.jfree.chart.axis.NumberAxis;
import org.jfree.chart.axis.SymbolAxis;
import org.jfree.chart.plot.ValueMarker;
import org.jfree.chart.plot.XYPlot;
import org.jfree.chart.renderer.xy.XYErrorRenderer;
import org.jfree.data.xy.XYIntervalSeries;
import org.jfree.data.xy.XYIntervalSeriesCollection;

/** How far each variant's accuracy is from the dense model's, a line each, with bars of two standard errors. */
final class TaskChart {

    private static final int ROW_HEIGHT = 26;
    private static final int FRAME = 130;
    private static final double POINTS = 100;

    private TaskChart() {}

    static int height(int rows) {
        return FRAME + ROW_HEIGHT * rows;
    }

    static JFreeChart chart(SweepPoint.Tasks dense, List<SweepPoint.Tasks> rows, List<String> policies) {
        XYIntervalSeriesCollection data = new XYIntervalSeriesCollection();
        XYErrorRenderer renderer = new XYErrorRenderer();
        renderer.setDrawYError(false);
        renderer.setCapLength(4);
        renderer.setErrorStroke(new BasicStroke(1.6f));
        String[] names = new String[rows.size()];
        for (int i = 0; i < names.length; i++) {
            SweepPoint.Tasks row = rows.get(i);
            names[i] = row.name();
            Estimate d = TaskSummary.difference(row, dense);
            double bar = 2 * POINTS * d.error();
            XYIntervalSeries series = new XYIntervalSeries(i);
            series.add(POINTS * d.mean(), POINTS * d.mean() - bar, POINTS * d.mean() + bar, i, i, i);
            data.addSeries(series);
            int colour = Math.max(0, policies.indexOf(row.policy()));
            renderer.setSeriesPaint(i, Style.colour(colour));
            renderer.setSeriesShape(i, Style.mark(colour));
        }
        NumberAxis domain = new NumberAxis("percentage points");
        domain.setAutoRangeIncludesZero(true);
        SymbolAxis range = new SymbolAxis(null, names);
        range.setInverted(true);
        range.setGridBandsVisible(false);
        range.setRange(-0.6, names.length - 0.4);
        XYPlot plot = new XYPlot(data, domain, range, renderer);
        plot.addDomainMarker(new ValueMarker(0, Style.QUIET, new BasicStroke(1)));
        int items = dense.scores().stream().mapToInt(s -> s.right().length).sum();
        JFreeChart chart = Style.chart(
                "Accuracy on tasks, difference to dense",
                "mean over " + dense.scores().size() + " tasks, " + items + " items, paired; bars: 2 standard errors",
                plot);
        plot.setDomainGridlinesVisible(true);
        plot.setDomainGridlinePaint(Style.GRID);
        plot.setDomainGridlineStroke(new BasicStroke(1));
        plot.setRangeGridlinesVisible(false);
        range.setTickLabelFont(Style.font(13, false));
        range.setTickLabelPaint(Style.TEXT);
        return chart;
    }
}
