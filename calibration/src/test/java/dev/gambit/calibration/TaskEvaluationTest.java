package dev.gambit.calibration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gambit.calibration.EvaluationTask.Item;
import dev.gambit.calibration.EvaluationTask.Request;
import dev.gambit.calibration.TaskScore.Metric;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Session;
import dev.gambit.engine.Tokenizer;
import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.sparsity.Thresholds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tasks against the definition: each request alone in a session of its own, log-probabilities in float64. */
class TaskEvaluationTest {

    @TempDir
    private Path folder;

    private static Item item(int label, String context, String... choices) {
        return new Item("x", Arrays.stream(choices).map(c -> new Request(context, c)).toList(), label);
    }

    private static final List<Item> ITEMS = List.of(
            item(0, "Once upon a time, there was a little girl named", " Lily.", " Lily who loved to play outside.",
                    " fox"),
            item(1, "Once upon a time, there was a little girl named", " Tom", " Mia"),
            // the context's last letters and the choice's first become one token
            item(1, "She went to the pla", "yground to play", "ce", "net"),
            // blanks at the context's end count as the continuation's
            item(0, "The dog said:  ", "hello", "sun and moon"),
            item(2, "The cat was", " happy", " sad because it could not find its red ball", " é", " big"),
            new Item(
                    "y",
                    List.of(new Request("Tom gave the ball to Mia because Tom", " was kind."),
                            new Request("Tom gave the ball to Mia because Mia", " was kind.")),
                    0),
            // nothing in common
            new Item("z", List.of(new Request("Tom", " ran home."), new Request("Mia and her dog", " ran home.")), 1));

    /** By the definition, from the texts on. */
    private static double plain(LanguageModel model, Request r) {
        Tokenizer t = model.tokenizer();
        int[] whole = t.encode(r.context() + r.continuation(), false, false);
        // a choice that is swallowed by the context's last token still has that token
        int start = Math.min(whole.length - 1, t.encode(r.context().stripTrailing(), false, false).length);
        int vocabulary = t.vocabularySize();
        double[] sum = new double[1];
        try (Session session = model.session()) {
            session.evaluate(whole, 0, (first, rows, logits) -> {
                for (int i = 0; i < rows; i++) {
                    int next = first + i + 1;
                    if (next >= start && next < whole.length) {
                        double all = 0;
                        for (int v = 0; v < vocabulary; v++) {
                            all += Math.exp(logits[i * vocabulary + v]);
                        }
                        sum[0] += logits[i * vocabulary + whole[next]] - Math.log(all);
                    }
                }
            });
        }
        return sum[0];
    }

    private static Thresholds some() {
        Thresholds t = new Thresholds(8);
        for (int l = 0; l < 8; l++) {
            float[] values = new float[768];
            Arrays.fill(values, 0.1f);
            t.set(l, Site.FFN_ACT, values);
        }
        return t;
    }

    private static int argmax(double[] x) {
        int best = 0;
        for (int i = 1; i < x.length; i++) {
            best = x[i] > x[best] ? i : best;
        }
        return best;
    }

    /** Compares an item's log-likelihoods, and returns whether it is right plainly and by length. */
    private static boolean[] check(LanguageModel model, TaskScorer scorer, Item item) {
        double[] found = scorer.logLikelihoods(
                new TaskRequests(model.tokenizer(), model.contextLength()).sequences(item));
        double[] byLength = new double[found.length];
        double[] expected = new double[found.length];
        for (int c = 0; c < found.length; c++) {
            Request r = item.requests().get(c);
            expected[c] = plain(model, r);
            assertEquals(expected[c], found[c], 2e-4 + 2e-5 * Math.abs(expected[c]), r.toString());
            String choice = r.continuation();
            byLength[c] = expected[c] / (choice.startsWith(" ") ? choice.length() - 1 : choice.length());
        }
        return new boolean[] {argmax(expected) == item.label(), argmax(byLength) == item.label()};
    }

    @Test
    void sharedContextsChangeNothing() {
        for (Thresholds thresholds : new Thresholds[] {null, some()}) {
            try (LanguageModel model = Fixtures.openFable(0, thresholds)) {
                boolean[] right = new boolean[ITEMS.size()];
                boolean[] byLength = new boolean[ITEMS.size()];
                try (Session session = model.session()) {
                    TaskScorer scorer = new TaskScorer(session, model.tokenizer().vocabularySize());
                    for (int i = 0; i < right.length; i++) {
                        boolean[] both = check(model, scorer, ITEMS.get(i));
                        right[i] = both[0];
                        byLength[i] = both[1];
                    }
                }
                EvaluationTask task = new EvaluationTask("t", ITEMS, true);
                int[] heard = new int[2];
                TaskEvaluation.Result r = TaskEvaluation.run(model, List.of(task, task.limit(2)), (name, done,
                        total) -> {
                    heard[0]++;
                    heard[1] = total;
                });
                assertArrayEquals(new int[] {ITEMS.size() + 2, ITEMS.size() + 2}, heard);
                assertArrayEquals(right, r.scores().get(0).right());
                assertArrayEquals(byLength, r.scores().get(0).rightByLength());
                assertArrayEquals(Arrays.copyOf(right, 2), r.scores().get(1).right());
                assertTrue(thresholds == null ? r.sparsity().active() == 1 : r.sparsity().active() < 0.95);
            }
        }
    }

    @Test
    void whatIsTooLongIsCutAtItsBeginning() {
        try (LanguageModel model = Fixtures.open(Fixtures.fable(), 16, 0, null)) {
            TaskRequests requests = new TaskRequests(model.tokenizer(), 16);
            Item item = item(0, "one two three four five six seven eight nine ten ".repeat(3) + "and", " so on.",
                    " more");
            for (TaskRequests.Sequence s : requests.sequences(item)) {
                assertEquals(17, s.tokens().length);
                assertTrue(s.start() > 1 && s.start() <= 16);
            }
            assertEquals(1, TaskEvaluation.run(model, List.of(new EvaluationTask("t", List.of(item), true)), (a, b,
                    c) -> {}).scores().size());
            Item endless = item(0, "a", " word".repeat(40), " b");
            String line = assertThrows(GambitException.class, () -> requests.sequences(endless)).getMessage();
            assertTrue(line.startsWith("item x: expected ") && line.contains("(-c)"), line);
        }
    }

    @Test
    void errorsAreThoseOfTheHarness() {
        TaskScore dense = new TaskScore("t", new boolean[] {true, true, false, false, true}, null);
        TaskScore sparse = new TaskScore("t", new boolean[] {true, false, true, false, false}, null);
        // numpy: std(x, ddof=1) / sqrt(5)
        assertEquals(0.6, dense.estimate(Metric.ACC).mean(), 1e-15);
        assertEquals(0.2449489742783178, dense.estimate(Metric.ACC).error(), 1e-15);
        Perplexity.Estimate d = sparse.difference(dense, Metric.ACC);
        assertEquals(-0.2, d.mean(), 1e-15);
        // std([0, -1, 1, 0, -1], ddof=1) / sqrt(5)
        assertEquals(0.3741657386773941, d.error(), 1e-15);
        assertEquals(3, sparse.flips(dense, Metric.ACC));
        assertFalse(Metric.ACC_NORM.in(dense));
        Perplexity.Estimate mean = TaskScore.average(List.of(new Perplexity.Estimate(1, 0.3), new Perplexity.Estimate(2,
                0.4)));
        assertEquals(1.5, mean.mean());
        assertEquals(0.25, mean.error(), 1e-15);
    }

    private Path write(String name, String... lines) throws IOException {
        return Files.write(folder.resolve(name), List.of(lines));
    }

    @Test
    void filesAreRead() throws IOException {
        write("b.jsonl", "{\"id\": \"1\", \"context\": \"c\", \"choices\": [\" no\", \" yes\"], \"label\": 1}", "",
                "{\"context\": \"d\", \"choices\": [\" no\", \" yes\"], \"label\": 0}");
        write("a.jsonl", "{\"contexts\": [\"c\", \"d\"], \"continuation\": \" e\", \"label\": 1}");
        write("c.jsonl", "{\"context\": \"c\", \"choices\": [\" no\", \" yes\"], \"label\": 1}",
                "{\"context\": \"c\", \"choices\": [\"  ä𝄞\", \"yes\"], \"label\": 1}");
        Files.writeString(folder.resolve("readme.txt"), "no task");
        List<EvaluationTask> tasks = EvaluationTask.read(List.of(folder), List.of());
        assertEquals(List.of("a", "b", "c"), tasks.stream().map(EvaluationTask::name).toList());
        assertEquals(List.of(false, false, true), tasks.stream().map(EvaluationTask::normalised).toList());
        assertEquals(new Request("d", " e"), tasks.get(0).items().get(0).requests().get(1));
        assertEquals("3", tasks.get(1).items().get(1).id());
        // characters, not bytes nor UTF-16 units, without one leading blank
        assertEquals(3, tasks.get(2).items().get(1).requests().get(0).length());
        assertEquals(3, tasks.get(2).items().get(1).requests().get(1).length());
        assertEquals(1, EvaluationTask.read(List.of(folder), List.of("c")).size());
        assertEquals(5, TaskEvaluation.items(tasks));
        assertTrue(refused(List.of(folder), "d", "e").contains("expected some of a, b, c, found d, e"));
        assertTrue(refused(List.of(folder.resolve("none"))).contains("found none"));
    }

    private static String refused(List<Path> paths, String... names) {
        String line = assertThrows(GambitException.class, () -> EvaluationTask.read(paths, List.of(names)))
                .getMessage();
        assertEquals(1, line.lines().count());
        return line;
    }

    @Test
    void brokenLinesAreNamed() throws IOException {
        String good = "{\"id\": \"1\", \"context\": \"c\", \"choices\": [\" no\", \" yes\"], \"label\": 1}";
        List<String> broken = new ArrayList<>();
        for (String bad : new String[] {
            "{\"context\": \"c\"", "[]", "{}", good + " x", "7",
            "{\"context\": 1, \"choices\": [\"a\", \"b\"], \"label\": 0}",
            good.replace("1}", "2}"), good.replace("1}", "-1}"), good.replace("1}", "\"1\"}"), good.replace("1}",
                    "0.5}"),
            good.replace("[\" no\", \" yes\"]", "[\" no\"]"), good.replace("\" no\"", "7"), good.replace("\" no\"",
                    "\"\""),
            "{\"contexts\": [\"c\", \"d\"], \"label\": 1}"
        }) {
            Path file = write("bad.jsonl", good, "", bad);
            String line = refused(List.of(file));
            assertTrue(line.startsWith(file + ", line 3: expected "), line);
            broken.add(line);
        }
        assertTrue(broken.get(0).contains("broken JSON ("), broken.get(0));
        assertTrue(broken.get(6).contains("a \"label\" from 0 to 1, found 2"), broken.get(6));
        assertTrue(refused(List.of(write("empty.jsonl", ""))).contains("found no lines"));
        Path bytes = Files.write(folder.resolve("bytes.jsonl"), new byte[] {(byte) 0xff, (byte) 0xfe});
        assertTrue(refused(List.of(bytes)).contains("bytes that are not UTF-8"));
    }

    private static final String SMOLLM = "models/SmolLM2-135M-Instruct.Q4_1.gguf";

    @Test
    void smolLmScoresEachTaskAsTheDefinition() {
        List<EvaluationTask> tasks = EvaluationTask.read(List.of(Fixtures.shared("data/tasks")), List.of());
        assertEquals(8, tasks.size());
        try (LanguageModel model = Fixtures.open(Fixtures.shared(SMOLLM), 1024, 0, null);
                Session session = model.session()) {
            TaskScorer scorer = new TaskScorer(session, model.tokenizer().vocabularySize());
            for (EvaluationTask task : tasks) {
                assertEquals(300, task.items().size());
                check(model, scorer, task.items().get(1));
            }
        }
    }

    /** Ten minutes on two cores, so only with {@code -Dgambit.slow=true}. */
    @Test
    void smolLmScoresAsTheReference() throws IOException {
        assumeTrue(Boolean.getBoolean("gambit.slow"), "runs for minutes; set -Dgambit.slow=true");
        JsonNode dense = new ObjectMapper()
                .readTree(Fixtures.shared("reference/smollm2-sparsity.json").toFile())
                .at("/results/dense/tasks");
        List<EvaluationTask> tasks = EvaluationTask.read(List.of(Fixtures.shared("data/tasks")), List.of());
        try (LanguageModel model = Fixtures.open(Fixtures.shared(SMOLLM), 1024, 0, null)) {
            for (TaskScore s : TaskEvaluation.run(model, tasks, (task, done, total) -> {}).scores()) {
                JsonNode expected = dense.get(s.task());
                double oneItem = 1.0 / 300 + 1e-4;
                assertEquals(expected.get("acc").doubleValue(), s.estimate(Metric.ACC).mean(), oneItem, s.task());
                assertEquals(expected.get("acc_norm").isNull(), !Metric.ACC_NORM.in(s), s.task());
                if (Metric.ACC_NORM.in(s)) {
                    assertEquals(expected.get("acc_norm").doubleValue(), s.estimate(Metric.ACC_NORM).mean(), oneItem,
                            s.task());
                }
            }
        }
    }
}
