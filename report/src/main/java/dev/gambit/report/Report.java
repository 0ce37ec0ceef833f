package dev.gambit.report;

import dev.gambit.engine.GambitException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jfree.chart.JFreeChart;

/** Makes a sweep's pictures and its page. Needs java.desktop and a font; no display. */
public final class Report {

    private static final int WIDTH = 860;
    private static final int HEIGHT = 480;
    private static final double MIDDLE = 0.5;

    private final SweepHeader header;
    private final SweepFile file;
    private final List<String> facts;

    /**
     * @param header what was measured
     * @param file the points
     * @param facts lines of the machine and the commands that made it
     */
    public Report(SweepHeader header, SweepFile file, List<String> facts) {
        this.header = header;
        this.file = file;
        this.facts = List.copyOf(facts);
    }

    /**
     * Says why there can be no pictures here, before hours are spent on points for them.
     *
     * @throws GambitException where this Java has no java.desktop
     */
    public static void requireDesktop() {
        if (ModuleLayer.boot().findModule("java.desktop").isEmpty()) {
            throw new GambitException(GambitException.line(
                    "report", "a Java with the module java.desktop, which draws", Runtime.version() + " without it",
                    "use a full JDK"));
        }
        System.setProperty("java.awt.headless", "true");
    }

    /**
     * Writes {@code index.html} and the pictures.
     *
     * @param folder where to; there already
     */
    public void write(Path folder) {
        List<Picture> pictures;
        try {
            pictures = pictures();
        } catch (InternalError | UnsatisfiedLinkError | NoClassDefFoundError e) {
            // what AWT throws where the system has neither fonts nor the library that finds them
            throw new GambitException(GambitException.line(
                    "report", "fonts to write with", String.valueOf(e.getMessage()),
                    "install fontconfig and a font (Debian: fontconfig, fonts-dejavu-core) and run it again; the points "
                            + "are kept"), e);
        }
        pictures.forEach(p -> p.write(folder));
        Path part = folder.resolve("index.html.part");
        try {
            Files.writeString(part, new Page(header, file, facts, pictures).html(), StandardCharsets.UTF_8);
            Files.move(part, folder.resolve("index.html"), StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new GambitException(GambitException.line(
                    folder.toString(), "a folder that can be written", String.valueOf(e.getMessage()),
                    "check the folder and the room in it"), e);
        }
    }

    private List<Picture> pictures() {
        List<Picture> pictures = new ArrayList<>();
        List<SweepPoint.Text> texts = file.points(SweepPoint.Text.class);
        List<String> policies = policies(file);
        LineChart kl = new LineChart();
        LineChart perplexity = new LineChart();
        for (String policy : policies) {
            List<SweepPoint.Text> own = texts.stream().filter(p -> p.policy().equals(policy)).toList();
            kl.add(policy, own.stream()
                    .filter(p -> p.divergence().mean() > 0)
                    .map(p -> new LineChart.Point(p.active(), p.divergence().mean(), 0))
                    .toList());
            perplexity.add(policy, own.stream()
                    .filter(p -> Double.isFinite(p.perplexity().mean()))
                    .map(p -> new LineChart.Point(p.active(), p.perplexity().mean(), 0))
                    .toList());
        }
        String text = header.model() + " " + header.type() + ", " + String.join(", ", header.texts()) + ", "
                + header.windows() + " windows of " + header.window() + " tokens";
        if (!kl.isEmpty()) {
            pictures.add(picture("kl", "KL divergence over active weights, a line a policy", kl.chart(
                    "What skipping costs: KL(dense‖sparse), nats a token", text, true, Double.NaN, null)));
        }
        if (!perplexity.isEmpty()) {
            double dense = texts.stream().filter(p -> p.policy().equals(SweepPoint.DENSE))
                    .mapToDouble(p -> p.perplexity().mean()).findFirst().orElse(Double.NaN);
            pictures.add(picture("perplexity", "Perplexity over active weights, a line a policy", perplexity.chart(
                    "What skipping costs: perplexity", text, true, dense, String.format(Locale.ROOT,
                            "dense %.2f", dense))));
        }
        speed(policies, pictures);
        layers(texts, policies, pictures);
        tasks(policies, pictures);
        return pictures;
    }

    private void speed(List<String> policies, List<Picture> pictures) {
        LineChart speed = new LineChart();
        for (String policy : policies) {
            speed.add(policy, file.points(SweepPoint.Speed.class).stream()
                    .filter(p -> p.policy().equals(policy))
                    .map(p -> new LineChart.Point(p.active(), p.ratio().mean(), p.ratio().error()))
                    .toList());
        }
        if (!speed.isEmpty()) {
            pictures.add(picture("speed", "Speed of generation over active weights, a line a policy", speed.chart(
                    "What skipping gains: generation's speed, dense = 1",
                    "dense and sparse in turn, " + SpeedTest.ROUNDS + " rounds of " + SpeedTest.TOKENS
                            + " tokens each; bars: 1 standard error", false, 1, "dense")));
        }
    }

    /** For each policy the level that is nearest to one half. */
    private static void layers(List<SweepPoint.Text> texts, List<String> policies, List<Picture> pictures) {
        List<SweepPoint.Text> middle = new ArrayList<>();
        for (String policy : policies) {
            texts.stream()
                    .filter(p -> p.policy().equals(policy) && !p.layers().isEmpty())
                    .min(Comparator.comparingDouble(p -> Math.abs(p.level() - MIDDLE)))
                    .ifPresent(middle::add);
        }
        if (!middle.isEmpty()) {
            LayerMaps maps = new LayerMaps(middle);
            pictures.add(Picture.of("layers", "Fraction of channels skipped by layer and site, a map a policy", WIDTH,
                    maps.height(), maps));
        }
    }

    private void tasks(List<String> policies, List<Picture> pictures) {
        List<SweepPoint.Tasks> all = file.points(SweepPoint.Tasks.class);
        SweepPoint.Tasks dense = denseTasks(all);
        List<SweepPoint.Tasks> rows = dense == null ? List.of() : TaskSummary.comparable(all, dense);
        if (!rows.isEmpty()) {
            JFreeChart chart = TaskChart.chart(dense, rows, policies);
            pictures.add(Picture.of("tasks", "Accuracy's difference to dense, a line a variant", WIDTH, TaskChart
                    .height(
                            rows.size()), chart::draw));
        }
    }

    private static Picture picture(String name, String alternative, JFreeChart chart) {
        return Picture.of(name, alternative, WIDTH, HEIGHT, chart::draw);
    }

    /** Returns the dense model's last tasks; null for none. */
    static SweepPoint.Tasks denseTasks(List<SweepPoint.Tasks> all) {
        return all.stream().filter(p -> p.policy().equals(SweepPoint.DENSE)).reduce((a, b) -> b).orElse(null);
    }

    /** Returns the policies in the order in which they were run first. */
    static List<String> policies(SweepFile file) {
        Set<String> names = new LinkedHashSet<>();
        file.points().forEach(p -> names.add(p.policy()));
        names.remove(SweepPoint.DENSE);
        return List.copyOf(names);
    }
}
