package dev.gambit.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code evaluate} on the built-in model and its thresholds. */
class EvaluateCommandTest {

    @TempDir
    private Path folder;

    @BeforeEach
    void tasks() throws Exception {
        Files.write(folder.resolve("names.jsonl"), List.of(
                "{\"context\": \"Once upon a time, there was a little girl named\", \"choices\": [\" Lily\", \" xylophone\"], \"label\": 0}",
                "{\"context\": \"Once upon a time, there was a little dog named\", \"choices\": [\" qua\", \" Max\"], \"label\": 1}",
                "{\"context\": \"The sun was\", \"choices\": [\" shining\", \" of of of\", \" zq\"], \"label\": 0}"));
        Files.write(folder.resolve("who.jsonl"), List.of(
                "{\"contexts\": [\"Tom helped Mia because Tom\", \"Tom helped Mia because Mia\"], \"continuation\": \" was kind.\", \"label\": 0}",
                "{\"contexts\": [\"Tom helped Mia because Tom\", \"Tom helped Mia because Mia\"], \"continuation\": \" was sad.\", \"label\": 1}"));
    }

    private Run run(Object... args) {
        String[] all = new String[args.length + 1];
        all[0] = "evaluate";
        for (int i = 0; i < args.length; i++) {
            all[i + 1] = args[i].toString();
        }
        return Run.of(all);
    }

    @Test
    void tableShowsEachRunAndItsDifference() {
        Run r = run("--tasks", folder, "--policy", "chess,cats", "--sparsity", "0.3,dense", "--progress", "json");
        assertEquals(0, r.status(), r.err());
        assertTrue(r.out().contains(", dense, active 1.000, CPU ("), r.out());
        assertTrue(r.out().contains(", chess 0.3, active 0.") && r.out().contains(", cats 0.3, active 0."), r.out());
        assertEquals(2, Pattern.compile(
                "^\\|names +\\|   3\\|     0\\|acc     \\|↑  \\|\\d\\.\\d{4}\\|±  \\|\\d\\.\\d{4}\\| *[+-]?\\d\\.\\d{4}\\|±  \\|\\d\\.\\d{4}\\| +\\d\\|$",
                Pattern.MULTILINE).matcher(r.out()).results().count(), r.out());
        assertEquals(1, Pattern.compile("^\\|names .*\\|1\\.0000\\|±  \\|0\\.0000\\|$", Pattern.MULTILINE).matcher(r
                .out())
                .results().count(), r.out());
        assertTrue(r.out().contains("Of 4 comparisons of one task, "), r.out());
        assertTrue(r.err().contains("\"stage\":\"evaluate\",\"done\":15,\"total\":15"), r.err());
        // all cells of a table end in the same columns
        r.out().lines().filter(l -> l.startsWith("|")).reduce((a, b) -> {
            boolean sameTable = b.indexOf('|', 1) == a.indexOf('|', 1) && a.chars().filter(c -> c == '|').count() == b
                    .chars().filter(c -> c == '|').count();
            assertTrue(!sameTable || a.length() == b.length(), a + "\n" + b);
            return b;
        });
    }

    @Test
    void recordsHoldTheSame() throws Exception {
        Run csv = run("--tasks", folder, "--policy", "chess", "--sparsity", "0.5", "-o", "csv");
        assertEquals(0, csv.status(), csv.err());
        List<String> lines = csv.out().lines().toList();
        assertEquals("policy,sparsity,active,task,n,metric,value,stderr,delta_dense,delta_stderr,flips", lines.get(0));
        // names has acc and acc_norm, who has acc
        assertEquals(1 + 2 * 3, lines.size(), csv.out());
        assertTrue(lines.get(1).startsWith("dense,,1.000000,\"names\",3,acc,1.000000,0.000000,0.000000,0.000000,0"),
                lines.get(1));
        assertTrue(lines.get(6).startsWith("chess,0.5,0."), lines.get(6));

        Run json = run("--tasks", folder.resolve("who.jsonl"), folder.resolve("names.jsonl"), "--task-names", "names",
                "-L", 2, "--policy", "chess", "--sparsity", "0.5", "--output-format", "json");
        JsonNode root = new ObjectMapper().readTree(json.out());
        assertEquals(2, root.get("limit").intValue());
        assertEquals(2, root.get("runs").size());
        JsonNode names = root.at("/runs/1/results/names");
        assertEquals(2, names.get("n").intValue());
        assertTrue(names.get("acc,none").isNumber() && names.get("acc_norm_delta_stderr,none").isNumber(), json.out());
        assertEquals(0.5, root.at("/runs/1/sparsity").doubleValue());
        assertTrue(root.at("/runs/1/results/who").isMissingNode());
    }

    @Test
    void layersAreListed() throws Exception {
        Path text = Files.writeString(folder.resolve("text.txt"), "Once upon a time there was a fox. ".repeat(60));
        Run r = run("--layer-error", "-f", text, "-c", 64, "--chunks", 2, "--sparsity", "0.3,0.5");
        assertEquals(0, r.status(), r.err());
        assertTrue(r.out().contains("of 128 tokens, at sparsity 0.3"), r.out());
        assertTrue(r.out().contains("|layer|     best mask|          cats|     chess-abs|     chess-rms|"), r.out());
        assertEquals(2, r.out().lines().filter(l -> l.startsWith("|    7|")).count());
        Run csv = run("--layer-error", "-f", text, "-c", 64, "--chunks", 2, "--policy", "cats", "-o", "csv");
        assertEquals(1 + 8, csv.out().lines().count(), csv.out());
        Run json = run("--layer-error", "-f", text, "-c", 64, "--chunks", 2, "--policy", "cats", "-o", "json");
        JsonNode root = new ObjectMapper().readTree(json.out());
        assertEquals(8, root.at("/0/policies/cats/layers").size(), json.out());
        assertTrue(root.at("/0/policies/cats/layers/3/best").doubleValue() < root.at("/0/policies/cats/layers/3/error")
                .doubleValue());
    }

    private void refused(String said, Object... args) {
        Run r = run(args);
        assertEquals(2, r.status(), r.err());
        assertTrue(r.err().contains(said) && r.err().contains("expected"), said + " in: " + r.err());
        assertEquals("", r.out());
        assertEquals(1, r.err().lines().filter(l -> l.startsWith("gambit: ")).count());
    }

    @Test
    void badInputGivesOneLine() throws Exception {
        refused("--tasks: expected files or a folder of tasks, found nothing");
        refused("found none", "--tasks", folder.resolve("none"));
        refused("expected some of names, who, found why", "--tasks", folder, "--task-names", "who,why");
        refused("--policy: expected some of", "--tasks", folder, "--policy", "nonesuch");
        refused("--sparsity: expected dense or a number from 0 to 0.95, found 'much'", "--tasks", folder, "--sparsity",
                "much");
        refused("--sparsity: expected a number from 0 to 0.95, found 1.5", "--tasks", folder, "--sparsity", "1.5");
        refused("--layer-error: expected thresholds (--chess) and a text (-f), found no text", "--layer-error");
        Path text = Files.writeString(folder.resolve("text.txt"), "Once upon a time there was a fox. ".repeat(60));
        refused("masks the FFN behind its gate alone, found teal", "--layer-error", "-f", text, "--policy", "teal");
        Path bad = Files.write(folder.resolve("bad.jsonl"), List.of(
                "{\"context\": \"a\", \"choices\": [\" b\", \" c\"], \"label\": 0}", "{\"context\": \"a\", "));
        refused(bad + ", line 2: expected a JSON object", "--tasks", bad);
    }
}
