package dev.gambit.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.Shape;
import java.awt.geom.Line2D;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jfree.chart.annotations.AbstractXYAnnotation;
import org.jfree.chart.axis.ValueAxis;
import org.jfree.chart.plot.PlotRenderingInfo;
import org.jfree.chart.plot.XYPlot;

/** Lines' names at the lines' ends, in their colours, moved apart where one would cover another. */
final class EndLabels extends AbstractXYAnnotation {

    private static final long serialVersionUID = 1L;

    private static final int SIZE = 13;
    private static final double GAP = 9;
    private static final int ROUNDS = 60;
    /** Lines that pass under a name step back. */
    private static final Color HALO = new Color(255, 255, 255, 150);

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
        Shape clip = g.getClip();
        g.setClip(null); // the margin right of the plot is theirs, too
        g.setFont(Style.font(SIZE, true));
        FontMetrics metrics = g.getFontMetrics();
        List<Label> sorted = new ArrayList<>(labels);
        sorted.sort(Comparator.comparingDouble(l -> range.valueToJava2D(l.y, area, plot.getRangeAxisEdge())));
        Rectangle2D[] boxes = new Rectangle2D[sorted.size()];
        for (int i = 0; i < boxes.length; i++) {
            Label l = sorted.get(i);
            double width = metrics.stringWidth(l.text);
            double height = metrics.getHeight();
            double x = domain.valueToJava2D(l.x, area, plot.getDomainAxisEdge()) + GAP;
            double y = range.valueToJava2D(l.y, area, plot.getRangeAxisEdge()) - height / 2;
            boxes[i] = new Rectangle2D.Double(x, y, width, height);
        }
        spread(boxes, area);
        for (int i = 0; i < boxes.length; i++) {
            Label l = sorted.get(i);
            double endX = domain.valueToJava2D(l.x, area, plot.getDomainAxisEdge());
            double endY = range.valueToJava2D(l.y, area, plot.getRangeAxisEdge());
            Rectangle2D box = boxes[i];
            g.setPaint(HALO);
            g.fill(new Rectangle2D.Double(box.getX() - 1, box.getY() + 2, box.getWidth() + 2, box.getHeight() - 4));
            if (Math.abs(box.getCenterY() - endY) > box.getHeight() / 2) {
                g.setPaint(l.colour);
                g.setStroke(new BasicStroke(0.8f));
                g.draw(new Line2D.Double(endX + 4, endY, box.getX() - 1, box.getCenterY()));
            }
            g.setPaint(l.colour);
            g.drawString(l.text, (float) box.getX(), (float) (box.getY() + metrics.getAscent()));
        }
        g.setClip(clip);
    }

    /** Moves boxes, which are sorted from above, up and down until none covers another. */
    private static void spread(Rectangle2D[] boxes, Rectangle2D area) {
        for (int round = 0; round < ROUNDS; round++) {
            for (int i = 0; i < boxes.length; i++) {
                for (int j = i + 1; j < boxes.length; j++) {
                    boolean beside = boxes[i].getX() < boxes[j].getMaxX() + GAP && boxes[j].getX() < boxes[i].getMaxX()
                            + GAP;
                    double overlap = boxes[i].getMaxY() - boxes[j].getY();
                    if (beside && overlap > 0 && boxes[j].getMaxY() > boxes[i].getY()) {
                        move(boxes, i, boxes[i].getY() - overlap / 2, area);
                        move(boxes, j, boxes[j].getY() + overlap / 2, area);
                    }
                }
            }
        }
    }

    private static void move(Rectangle2D[] boxes, int i, double y, Rectangle2D area) {
        Rectangle2D box = boxes[i];
        double inside = Math.max(area.getMinY() - box.getHeight() / 2, Math.min(area.getMaxY() - box.getHeight(), y));
        box.setRect(box.getX(), inside, box.getWidth(), box.getHeight());
    }
}
