package dev.gambit.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Shape;
import java.awt.Stroke;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import org.jfree.chart.JFreeChart;
import org.jfree.chart.axis.ValueAxis;
import org.jfree.chart.plot.XYPlot;
import org.jfree.chart.title.TextTitle;
import org.jfree.chart.ui.HorizontalAlignment;
import org.jfree.chart.ui.RectangleInsets;

/** How pictures look: thin axes, quiet grid, colours that colour-blind readers tell apart (Okabe and Ito's). */
final class Style {

    static final Color TEXT = new Color(0x222222);
    static final Color QUIET = new Color(0x6b6b6b);
    static final Color GRID = new Color(0xe6e6e6);

    private static final Color[] COLOURS = {
        new Color(0x0072b2), new Color(0xd55e00), new Color(0x009e73), new Color(0xcc79a7), new Color(0xb8860b),
        new Color(0x56b4e9), new Color(0x000000), new Color(0x7f5fae)
    };

    private static final float LINE = 2f;
    private static final double MARK = 7;

    private Style() {}

    static Font font(int size, boolean bold) {
        return new Font(Font.SANS_SERIF, bold ? Font.BOLD : Font.PLAIN, size);
    }

    static Color colour(int series) {
        return COLOURS[series % COLOURS.length];
    }

    /** Returns a line's stroke: dashed once the colours begin again. */
    static Stroke stroke(int series) {
        return series < COLOURS.length
                ? new BasicStroke(LINE, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND)
                : new BasicStroke(LINE, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 10, new float[] {6, 4}, 0);
    }

    /** Returns a mark that differs from its neighbours' in shape, too. */
    static Shape mark(int series) {
        double r = MARK / 2;
        Path2D path = new Path2D.Double();
        switch (series % 4) {
            case 0 -> {
                return new Ellipse2D.Double(-r, -r, MARK, MARK);
            }
            case 1 -> {
                return new Rectangle2D.Double(-r * 0.9, -r * 0.9, MARK * 0.9, MARK * 0.9);
            }
            case 2 -> {
                path.moveTo(0, -r * 1.2);
                path.lineTo(r * 1.15, r * 0.9);
                path.lineTo(-r * 1.15, r * 0.9);
            }
            default -> {
                path.moveTo(0, -r * 1.3);
                path.lineTo(r * 1.3, 0);
                path.lineTo(0, r * 1.3);
                path.lineTo(-r * 1.3, 0);
            }
        }
        path.closePath();
        return path;
    }

    /** Makes a chart of a plot. */
    static JFreeChart chart(String title, String subtitle, XYPlot plot) {
        plot.setBackgroundPaint(Color.WHITE);
        plot.setOutlineVisible(false);
        plot.setDomainGridlinesVisible(false);
        plot.setRangeGridlinePaint(GRID);
        plot.setRangeGridlineStroke(new BasicStroke(1));
        plot.setAxisOffset(new RectangleInsets(0, 0, 0, 0));
        axis(plot.getDomainAxis());
        axis(plot.getRangeAxis());
        plot.getRangeAxis().setAxisLineVisible(false);
        plot.getRangeAxis().setTickMarksVisible(false);
        JFreeChart chart = new JFreeChart(null, null, plot, false);
        chart.setBackgroundPaint(Color.WHITE);
        chart.setPadding(new RectangleInsets(10, 12, 8, 12));
        if (subtitle != null) {
            chart.addSubtitle(0, title(subtitle, 13, false, 8));
        }
        chart.addSubtitle(0, title(title, 15, true, 2));
        return chart;
    }

    private static TextTitle title(String text, int size, boolean bold, int below) {
        TextTitle title = new TextTitle(text, font(size, bold));
        title.setPaint(bold ? TEXT : QUIET);
        title.setHorizontalAlignment(HorizontalAlignment.LEFT);
        title.setTextAlignment(HorizontalAlignment.LEFT);
        title.setPadding(0, 2, below, 0);
        return title;
    }

    private static void axis(ValueAxis axis) {
        axis.setTickLabelFont(font(12, false));
        axis.setTickLabelPaint(QUIET);
        axis.setLabelFont(font(13, false));
        axis.setLabelPaint(TEXT);
        axis.setAxisLinePaint(QUIET);
        axis.setTickMarkPaint(QUIET);
    }
}
