package dev.gambit.report;

import dev.gambit.engine.sparsity.Site;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jfree.chart.JFreeChart;
import org.jfree.chart.axis.NumberAxis;
import org.jfree.chart.axis.SymbolAxis;
import org.jfree.chart.plot.XYPlot;
import org.jfree.chart.renderer.LookupPaintScale;
import org.jfree.chart.renderer.xy.XYBlockRenderer;
import org.jfree.data.xy.DefaultXYZDataset;

/** What each policy skipped, layer by layer and site by site: one map a policy, the darker the more. */
final class LayerMaps implements Picture.Drawing {

    private static final int COLUMNS = 2;
    private static final int ROW_HEIGHT = 24;
    private static final int FRAME = 96;
    private static final int LEGEND = 52;
    private static final int SHADES = 20;
    private static final Color LIGHT = new Color(0xeef4fa);
    private static final Color DARK = new Color(0x08306b);

    private final List<SweepPoint.Text> points;

    /**
     * @param points those to show, one a policy
     */
    LayerMaps(List<SweepPoint.Text> points) {
        this.points = points;
    }

    /** Returns the height that the maps need. */
    int height() {
        int height = LEGEND;
        for (int i = 0; i < points.size(); i += COLUMNS) {
            height += rowHeight(i);
        }
        return height;
    }

    /** Returns the height of a row of maps: what the one with the most sites needs. */
    private int rowHeight(int first) {
        return points.subList(first, Math.min(first + COLUMNS, points.size())).stream()
                .mapToInt(LayerMaps::panelHeight)
                .max()
                .orElse(0);
    }

    private static int panelHeight(SweepPoint.Text p) {
        return FRAME + ROW_HEIGHT * sites(p).size();
    }

    private static Set<Site> sites(SweepPoint.Text p) {
        Set<Site> sites = EnumSet.noneOf(Site.class);
        p.layers().forEach(l -> sites.addAll(l.keySet()));
        return sites;
    }

    @Override
    public void draw(Graphics2D g, Rectangle2D area) {
        g.setPaint(Color.WHITE);
        g.fill(area);
        double width = area.getWidth() / COLUMNS;
        int top = LEGEND;
        for (int i = 0; i < points.size(); i++) {
            SweepPoint.Text p = points.get(i);
            panel(p).draw(g, new Rectangle2D.Double(i % COLUMNS * width, top, width, panelHeight(p)));
            if (i % COLUMNS == COLUMNS - 1) {
                top += rowHeight(i - i % COLUMNS);
            }
        }
        legend(g);
    }

    private static JFreeChart panel(SweepPoint.Text p) {
        List<Site> sites = new ArrayList<>(sites(p));
        int layers = p.layers().size();
        double[][] values = new double[3][sites.size() * layers];
        int at = 0;
        for (int s = 0; s < sites.size(); s++) {
            for (int l = 0; l < layers; l++) {
                Map<Site, Double> layer = p.layers().get(l);
                values[0][at] = l;
                values[1][at] = s;
                values[2][at++] = layer.getOrDefault(sites.get(s), 0.0);
            }
        }
        DefaultXYZDataset data = new DefaultXYZDataset();
        data.addSeries("skipped", values);
        LookupPaintScale scale = new LookupPaintScale(0, 1.0001, Color.WHITE);
        for (int i = 0; i < SHADES; i++) {
            scale.add((double) i / SHADES, shade((i + 0.5) / SHADES));
        }
        XYBlockRenderer renderer = new XYBlockRenderer();
        renderer.setPaintScale(scale);
        renderer.setBlockWidth(0.92);
        renderer.setBlockHeight(0.88);
        NumberAxis domain = new NumberAxis("layer");
        domain.setStandardTickUnits(NumberAxis.createIntegerTickUnits());
        domain.setRange(-0.6, layers - 0.4);
        SymbolAxis range = new SymbolAxis(null, sites.stream().map(Site::name).toArray(String[]::new));
        range.setInverted(true);
        range.setGridBandsVisible(false);
        range.setRange(-0.6, sites.size() - 0.4);
        XYPlot plot = new XYPlot(data, domain, range, renderer);
        plot.setRangeGridlinesVisible(false);
        JFreeChart chart = Style.chart(p.name() + ", active " + String.format(Locale.ROOT, "%.3f", p
                .active()), null, plot);
        plot.setRangeGridlinesVisible(false);
        domain.setAxisLineVisible(false);
        domain.setLabelFont(Style.font(11, false));
        range.setTickLabelFont(Style.font(11, false));
        return chart;
    }

    private static Color shade(double value) {
        return new Color(mix(LIGHT.getRed(), DARK.getRed(), value), mix(LIGHT.getGreen(), DARK.getGreen(), value), mix(
                LIGHT.getBlue(), DARK.getBlue(), value));
    }

    private static int mix(int a, int b, double value) {
        return (int) Math.round(a + (b - a) * Math.min(1, Math.max(0, value)));
    }

    private static void legend(Graphics2D g) {
        g.setFont(Style.font(15, true));
        g.setPaint(Style.TEXT);
        g.drawString("Fraction of channels skipped", 14, 28);
        g.setFont(Style.font(12, false));
        int x = 290;
        for (int i = 0; i < SHADES; i++) {
            g.setPaint(shade((i + 0.5) / SHADES));
            g.fill(new Rectangle2D.Double(x + i * 12, 14, 12.5, 16));
        }
        g.setPaint(Style.QUIET);
        g.drawString("0", x - 12, 27);
        g.drawString("1", x + SHADES * 12 + 6, 27);
    }
}
