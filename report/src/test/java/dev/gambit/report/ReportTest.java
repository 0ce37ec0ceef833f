package dev.gambit.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.calibration.Perplexity.Estimate;
import dev.gambit.calibration.TaskScore;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.sparsity.Site;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Points that are kept, and what is drawn of them. */
class ReportTest {

    @TempDir
    private Path folder;

    @BeforeEach
    void headless() {
        Report.requireDesktop();
    }

    private static SweepHeader header(int windows) {
        return new SweepHeader("a <b> & \"c\"", "Q8_0", "x", "y", List.of("t.txt"), "z", 512, windows, "F16 F16");
    }

    private static SweepPoint.Text text(String policy, double level, double active, double kl) {
        return new SweepPoint.Text(
                policy, level, active, new Estimate(20 + 30 * kl, 0.3), new Estimate(kl, 0.001), new Estimate(kl, 0.01),
                new Estimate(0.9, 0.01),
                List.of(Map.of(Site.FFN_ACT, level, Site.Q_IN, level / 2), Map.of(Site.FFN_ACT, level)));
    }

    private static SweepPoint.Tasks tasks(String policy, double level, boolean... right) {
        return new SweepPoint.Tasks(policy, level, 1 - level, List.of(
                new TaskScore("arc", right, null), new TaskScore("boolq", right, right.clone())));
    }

    private SweepFile filled(Path path) {
        SweepFile file = SweepFile.open(path, header(4));
        file.add(new SweepPoint.Text(SweepPoint.DENSE, 0, 1, new Estimate(20, 0.3), new Estimate(0, 0), new Estimate(0,
                0),
                new Estimate(1, 0), List.of()));
        for (double level : new double[] {0.3, 0.5, 0.7}) {
            file.add(text("chess", level, 1 - level / 2, level * level));
            file.add(text("own & only", level, 1 - level, level * level * level));
            file.add(new SweepPoint.Speed("chess", level, 1 - level / 2, 0.9, 100, 110, new Estimate(1.1, 0.02)));
        }
        file.add(tasks(SweepPoint.DENSE, 0, true, true, false, false));
        file.add(tasks("chess", 0.5, true, false, true, false));
        return file;
    }

    @Test
    void pointsAreReadAsTheyWereWritten() throws Exception {
        Path path = folder.resolve("sweep.jsonl");
        List<SweepPoint> points = filled(path).points();
        assertEquals(12, points.size());
        assertFalse(Files.exists(folder.resolve("sweep.jsonl.part")));
        SweepFile again = SweepFile.open(path, header(4));
        assertEquals(points.subList(0, 10), again.points().subList(0, 10));
        SweepPoint.Tasks t = again.points(SweepPoint.Tasks.class).get(1);
        assertEquals("[true, false, true, false]", Arrays.toString(t.scores().get(0).right()));
        assertEquals(null, t.scores().get(0).rightByLength());
        byte[] before = Files.readAllBytes(path);
        again.add(text("late", 0.5, 0.8, 0.2));
        String after = Files.readString(path);
        assertTrue(after.startsWith(new String(before, StandardCharsets.UTF_8)));
        assertEquals(14, after.lines().count());
    }

    @Test
    void otherSweepsAndDamagedLinesAreNamed() throws Exception {
        Path path = folder.resolve("sweep.jsonl");
        filled(path);
        String line = assertThrows(GambitException.class, () -> SweepFile.open(path, header(5))).getMessage();
        assertTrue(line.startsWith(path + ", line 1: expected {") && line.contains("choose another folder"), line);
        List<String> lines = Files.readAllLines(path);
        for (String bad : new String[] {"", "{", "{\"kind\":\"text\"}", "{\"kind\":\"what\",\"point\":{}}", "[1]",
            "{\"kind\":\"text\",\"point\":{\"policy\":\"x\",\"level\":\"much\"}}"}) {
            List<String> damaged = new ArrayList<>(lines);
            damaged.set(3, bad);
            Files.write(path, damaged);
            line = assertThrows(GambitException.class, () -> SweepFile.open(path, header(4))).getMessage();
            assertTrue(line.startsWith(path + ", line 4: expected a point of a sweep, found "), line);
            assertEquals(1, line.lines().count());
        }
    }

    @Test
    void pageHoldsAllAndLoadsNothing() throws Exception {
        new Report(header(4), filled(folder.resolve("sweep.jsonl")), List.of("gambit report <x>")).write(folder);
        String html = Files.readString(folder.resolve("index.html"));
        assertTrue(html.contains("a &lt;b&gt; &amp; &quot;c&quot; Q8_0: policies over levels"));
        assertTrue(html.contains("<td>own &amp; only<td>0.7<td>0.300"), html.substring(0, 2000));
        assertTrue(html.contains("gambit report &lt;x&gt;"));
        // of four items two differ: (0 - 1 + 1 + 0) / 4
        assertTrue(html.contains("<td>chess 0.5<td>0.500<td>0.0 ± 40.8<td>0.0 ± 40.8<td>0.0 ± 28.9"), html);
        Matcher source = Pattern.compile("(?:src|href)=\"([^\"]{0,40})").matcher(html);
        int images = 0;
        while (source.find()) {
            assertTrue(source.group(1).startsWith("data:image/svg+xml;base64,"), source.group(1));
            images++;
        }
        assertEquals(5, images);
        assertFalse(html.contains("@import") || html.contains("url(") || html.contains("<script"));
        for (String name : List.of("kl", "perplexity", "speed", "layers", "tasks")) {
            String svg = Files.readString(folder.resolve(name + ".svg"));
            DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
            factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
            factory.newDocumentBuilder().parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
            assertFalse(svg.contains("<text"), "letters are outlines");
            assertTrue(html.contains(Base64.getEncoder().encodeToString(svg.getBytes(StandardCharsets.UTF_8))));
            BufferedImage image = ImageIO.read(folder.resolve(name + ".png").toFile());
            assertEquals(1720, image.getWidth());
            Set<Integer> colours = new HashSet<>();
            for (int y = 0; y < image.getHeight(); y += 2) {
                for (int x = 0; x < image.getWidth(); x += 2) {
                    colours.add(image.getRGB(x, y));
                }
            }
            assertTrue(colours.size() > 20, name + " has " + colours.size() + " colours");
        }
        // the line's end and its name are in the policy's colour, at the right, in the margin or before it
        BufferedImage kl = ImageIO.read(folder.resolve("kl.png").toFile());
        int[] found = new int[2];
        for (int y = 0; y < kl.getHeight(); y++) {
            for (int x = 0; x < kl.getWidth(); x++) {
                int rgb = kl.getRGB(x, y) & 0xffffff;
                found[0] += rgb == (Style.colour(0).getRGB() & 0xffffff) ? 1 : 0;
                found[1] += rgb == (Style.colour(1).getRGB() & 0xffffff) && x > 1500 ? 1 : 0;
            }
        }
        assertTrue(found[0] > 500, "pixels of the first policy: " + found[0]);
        assertTrue(found[1] > 100, "pixels of the second policy's name in the margin: " + found[1]);
    }
}
