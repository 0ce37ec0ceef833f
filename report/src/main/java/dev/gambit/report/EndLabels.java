package dev.gambit.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.geom.Line2D;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jfree.chart.annotations.AbstractXYAnnotation;
import org.jfree.chart.axis.ValueAxis;
import org.jfree.chart.plot.PlotRenderingInfo;
import org.jfree.chart.plot.XYPlot;

/** Lines' names at the lines' ends, in their colours, in a column right of the plot where none covers another. */
final class EndLabels extends AbstractXYAnnotation {

    private static final long serialVersionUID = 1L;

    private static final int SIZE = 13;
    private static final double GAP = 10;

    /**
     * A name.
     *
     * @param x where the line ends
     * @param y where the line ends
     */
    private record Label(String text, Color colour, double x, double y) {}

    private final transient List<Label> labels = new ArrayList<>();

    void add(String text, Color colour, double x, double y) {
        labels.add(new Label(text, colour, x, y));
    }

    @Override
    public void draw(
            Graphics2D g, XYPlot plot, Rectangle2D area, ValueAxis domain, ValueAxis range, int index,
            PlotRenderingInfo info) {
        g.setFont(Style.font(SIZE, true));
        FontMetrics metrics = g.getFontMetrics();
        double height = metrics.getHeight();
        List<Label> sorted = new ArrayList<>(labels);
        sorted.sort(Comparator.comparingDouble(l -> range.valueToJava2D(l.y, area, plot.getRangeAxisEdge())));
        double[] at = new double[sorted.size()];
        for (int i = 0; i < at.length; i++) {
            at[i] = range.valueToJava2D(sorted.get(i).y, area, plot.getRangeAxisEdge());
            at[i] = Math.max(Math.max(area.getMinY() + height / 2, at[i]), i == 0 ? 0 : at[i - 1] + height);
        }
        // what was pushed out below moves up again
        double limit = area.getMaxY() - height / 2;
        for (int i = at.length - 1; i >= 0; i--) {
            at[i] = Math.min(at[i], limit);
            limit = at[i] - height;
        }
        double x = area.getMaxX() + GAP;
        for (int i = 0; i < at.length; i++) {
            Label l = sorted.get(i);
            double endX = domain.valueToJava2D(l.x, area, plot.getDomainAxisEdge());
            double endY = range.valueToJava2D(l.y, area, plot.getRangeAxisEdge());
            g.setPaint(new Color(l.colour.getRed(), l.colour.getGreen(), l.colour.getBlue(), 110));
            g.setStroke(new BasicStroke(0.8f));
            double knee = Math.max(endX + 7, area.getMaxX() - 14);
            g.draw(new Line2D.Double(endX + 6, endY, knee, endY));
            g.draw(new Line2D.Double(knee, endY, x - 3, at[i]));
            g.setPaint(l.colour);
            g.drawString(l.text, (float) x, (float) (at[i] + metrics.getAscent() / 2.0 - 2));
        }
    }
}
