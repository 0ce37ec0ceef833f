package dev.gambit.app;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code report} on the built-in model: what it writes, and that it goes on where it was. */
class ReportCommandTest {

    @TempDir
    private Path folder;

    private Run run(Object... args) {
        String[] all = new String[args.length + 1];
        all[0] = "report";
        for (int i = 0; i < args.length; i++) {
            all[i + 1] = args[i].toString();
        }
        return Run.of(all);
    }

    private Path text(String sentence) throws Exception {
        return Files.writeString(folder.resolve("text.txt"), sentence.repeat(60));
    }

    @Test
    void sweepsGoOnWhereTheyWere() throws Exception {
        Path text = text("Once upon a time there was a fox who had a red ball. ");
        Path tasks = Files.write(folder.resolve("names.jsonl"), List.of(
                "{\"context\": \"There was a girl named\", \"choices\": [\" Lily\", \" of of\"], \"label\": 0}",
                "{\"context\": \"The sun was\", \"choices\": [\" shining\", \" zq\"], \"label\": 0}"));
        Path out = folder.resolve("out");
        Run first = run("-f", text, "-o", out, "-c", 64, "--chunks", 2, "--policy", "chess,teal", "--sparsity", "0.5",
                "--no-speed", "--progress", "json");
        assertEquals(0, first.status(), first.err());
        assertTrue(first.out().contains("wrote " + out.resolve("index.html")), first.out());
        assertTrue(first.err().contains("\"done\":1000,\"total\":1000"), first.err());
        assertFalse(Files.exists(out.resolve("dense.kld")));
        List<String> lines = Files.readAllLines(out.resolve("sweep.jsonl"));
        assertEquals(1 + 3, lines.size());
        JsonNode chess = new ObjectMapper().readTree(lines.get(2)).get("point");
        assertEquals("chess", chess.get("policy").asText());
        assertTrue(chess.at("/divergence/mean").doubleValue() > 0 && chess.get("active").doubleValue() < 0.9, lines.get(
                2));
        assertEquals(8, chess.get("layers").size());
        assertTrue(Math.abs(chess.at("/layers/4/FFN_ACT").doubleValue() - 0.5) < 0.3, lines.get(2));

        byte[] before = Files.readAllBytes(out.resolve("sweep.jsonl"));
        assertEquals(0, run("-f", text, "-o", out, "-c", 64, "--chunks", 2, "--policy", "chess,teal", "--sparsity",
                "0.5",
                "--no-speed").status());
        assertArrayEquals(before, Files.readAllBytes(out.resolve("sweep.jsonl")));

        Run more = run("-f", text, "-o", out, "-c", 64, "--chunks", 2, "--policy", "chess", "--sparsity", "0.5,0.7",
                "--tasks", tasks, "--task-sparsity", "0.7");
        assertEquals(0, more.status(), more.err());
        lines = Files.readAllLines(out.resolve("sweep.jsonl"));
        // tasks of the dense model and of one variant, a text, two speeds
        assertEquals(4 + 5, lines.size(), String.join("\n", lines));
        String html = Files.readString(out.resolve("index.html"));
        assertTrue(html.contains("<pre>gambit report -f " + text) && html.contains("--task-sparsity 0.7"));
        assertTrue(Files.size(out.resolve("speed.png")) > 1000 && Files.size(out.resolve("tasks.svg")) > 1000);

        text("Another text. Another text, that is. ");
        Run other = run("-f", text, "-o", out, "-c", 64, "--chunks", 2, "--policy", "chess", "--sparsity", "0.5");
        assertEquals(2, other.status());
        assertTrue(other.err().contains("sweep.jsonl, line 1: expected {") && other.err().contains("another sweep"),
                other
                        .err());
    }

    @Test
    void badInputGivesOneLine() throws Exception {
        Path text = text("Once upon a time there was a fox. ");
        for (Object[] bad : new Object[][] {
            {"report: expected a text (-f) and a folder (-o), found no text"},
            {"found no folder", "-f", text},
            {"expected at least 512 tokens", "-f", Files.writeString(folder.resolve("b.txt"), "brief"), "-o", folder
                    .resolve(
                            "o")},
            {"--policy: expected some of", "-f", text, "-o", folder.resolve("o"), "--policy", "x"},
            {"--task-policy: expected some of chess", "-f", text, "-o", folder.resolve("o"), "--policy", "chess",
                "--task-policy", "cats"},
            {"a folder that can be made", "-f", text, "-o", text.resolve("x")},
        }) {
            Run r = run(Arrays.copyOfRange(bad, 1, bad.length));
            assertEquals(2, r.status(), r.err());
            assertTrue(r.err().contains((String) bad[0]), bad[0] + " in: " + r.err());
            assertEquals(1, r.err().lines().filter(l -> l.startsWith("gambit: ")).count());
        }
    }
}
