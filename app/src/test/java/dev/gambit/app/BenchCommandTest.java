package dev.gambit.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gambit.engine.GambitException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchCommandTest {

    private static final String[] QUICK = {"bench", "-r", "2", "--no-warmup", "--sparsity", "dense"};

    /** Names of llama-bench's JSON that its users' scripts read. */
    private static final List<String> LLAMA_BENCH = List.of(
            "build_commit", "build_number", "cpu_info", "gpu_info", "backends", "model_filename", "model_type",
            "model_size", "model_n_params", "n_batch", "n_ubatch", "n_threads", "type_k", "type_v", "n_gpu_layers",
            "n_prompt", "n_gen", "n_depth", "test_time", "avg_ns", "stddev_ns", "avg_ts", "stddev_ts");

    private static Run bench(String... more) {
        List<String> args = new ArrayList<>(List.of(QUICK));
        args.addAll(List.of(more));
        return Run.succeeds(args.toArray(String[]::new));
    }

    @Test
    void theTableIsLlamaBenchsWithTwoColumnsMore() {
        List<String> lines = bench("-p", "8", "-n", "4", "-pg", "8,4", "-d", "0,3").out().lines().toList();
        // the first two lines and the row up to t/s as llama-bench prints them for this file
        assertEquals(
                "| model                          |       size |     params | backend    | threads |            test |"
                        + "                  t/s |   active |    bytes |", lines.get(0));
        assertEquals(
                "| ------------------------------ | ---------: | ---------: | ---------- | ------: | --------------: |"
                        + " -------------------: | -------: | -------: |", lines.get(1));
        int threads = Runtime.getRuntime().availableProcessors();
        String start = "| llama ?B Q8_0                  |   7.45 MiB |     7.34 M | CPU        | "
                + Numbers.right("" + threads, 7) + " | ";
        List<String> tests = List.of("pp8", "tg4", "pp8+tg4", "pp8 @ d3", "tg4 @ d3", "pp8+tg4 @ d3");
        for (int i = 0; i < tests.size(); i++) {
            String row = lines.get(i + 2);
            assertTrue(row.startsWith(start + Numbers.right(tests.get(i), 15) + " | "), row);
            assertTrue(row.matches(".* \\d+\\.\\d\\d ± \\d+\\.\\d\\d \\|  100\\.0 % \\| +(-|100\\.0 %) \\|"), row);
            assertEquals(lines.get(0).length(), row.length(), row);
        }
        assertEquals("", lines.get(8));
        assertTrue(lines.get(9).startsWith("build: gambit "), lines.get(9));
    }

    /** A model of exact zeros needs no thresholds: dense and level 0 are what there is to compare. */
    @Test
    void aReluModelsZerosAreSkipped() throws Exception {
        Path shared = Path.of(System.getProperty("gambit.shared", "../../shared"));
        Path model = shared.resolve("models/fable-7m-relu");
        Assumptions.assumeTrue(Files.exists(model), () -> "not there: " + model);
        String json = Run.succeeds("bench", "-m", model.toString(), "-p", "0", "-n", "8", "-r", "1", "--no-warmup",
                "-o",
                "json").out();
        JsonNode rows = new ObjectMapper().readTree(json);
        assertEquals(2, rows.size());
        assertEquals(1, rows.get(0).get("active").asDouble());
        assertTrue(rows.get(1).get("active").asDouble() < 0.75, json);
        assertTrue(Run.of("bench", "-m", model.toString(), "-n", "1", "--sparsity", "0.3").err().contains(
                "expected thresholds"));
    }

    @Test
    void optionsWithListsGetColumns() {
        List<String> lines = bench("-p", "8", "-n", "0", "-t", "1,2", "-ctk", "f16,q8_0").out().lines().toList();
        assertTrue(lines.get(0).contains(" threads | type_k |            test |"), lines.get(0));
        assertTrue(lines.get(2).contains(" |       1 | f16    |             pp8 |"), lines.get(2));
        assertTrue(lines.get(5).contains(" |       2 | q8_0   |             pp8 |"), lines.get(5));
    }

    @Test
    void jsonHasLlamaBenchsNames() throws Exception {
        JsonNode json = new ObjectMapper().readTree(bench("-p", "8", "-n", "4", "-t", "1", "-o", "json").out());
        assertEquals(2, json.size());
        for (JsonNode test : json) {
            for (String name : LLAMA_BENCH) {
                assertTrue(test.has(name), name);
            }
            assertEquals(2, test.get("samples_ns").size());
            assertEquals(1, test.get("n_threads").asInt());
            assertEquals("CPU", test.get("backends").asText());
            assertEquals(7_816_192, test.get("model_size").asLong());
            assertEquals(7_344_384, test.get("model_n_params").asLong());
            double tokens = test.get("n_prompt").asInt() + test.get("n_gen").asInt();
            double mean = (test.at("/samples_ns/0").asDouble() + test.at("/samples_ns/1").asDouble()) / 2;
            assertEquals(mean, test.get("avg_ns").asDouble(), 1);
            assertEquals(1e9 * tokens / test.at("/samples_ns/0").asDouble(), test.at("/samples_ts/0").asDouble(), 1e-6);
            assertTrue(test.get("test_time").asText().matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ"));
            assertEquals(1.0, test.get("active").asDouble());
        }
        assertTrue(json.at("/0/bytes").isNull());
        assertEquals(1.0, json.at("/1/bytes").asDouble());
    }

    @Test
    void jsonLinesAreOneObjectEach() throws Exception {
        List<String> lines = bench("-p", "8", "-n", "4", "-o", "jsonl").out().lines().toList();
        assertEquals(2, lines.size());
        assertEquals(8, new ObjectMapper().readTree(lines.get(0)).get("n_prompt").asInt());
        assertEquals(4, new ObjectMapper().readTree(lines.get(1)).get("n_gen").asInt());
    }

    @Test
    void csvHasAColumnForEachValue() {
        List<String> lines = bench("-p", "8", "-n", "4", "-o", "csv").out().lines().toList();
        List<String> names = List.of(lines.get(0).split(","));
        assertTrue(names.containsAll(LLAMA_BENCH), lines.get(0));
        assertEquals(3, lines.size());
        for (String line : lines.subList(1, 3)) {
            assertEquals(names.size(), line.substring(1, line.length() - 1).split("\",\"", -1).length, line);
        }
    }

    @Test
    void aTextIsReadTokenByToken(@TempDir Path folder) throws Exception {
        Path text = folder.resolve("text.txt");
        Files.writeString(text, "Once upon a time, there was a small cat. The cat had a red ball.");
        List<String> lines = bench("-f", text.toString(), "-p", "4", "-n", "6", "-d", "0,2").out().lines().toList();
        assertTrue(lines.get(2).contains("|             pp4 |"), lines.get(2));
        assertTrue(lines.get(3).contains("|           text6 |"), lines.get(3));
        assertTrue(lines.get(5).contains("|      text6 @ d2 |"), lines.get(5));
    }

    @Test
    void listsAreReadAsLlamaBenchReadsThem() {
        assertEquals(List.of(1, 2, 8), BenchList.numbers("-t", List.of("1,2", "8"), 1));
        assertEquals(List.of(1, 2, 3, 4), BenchList.numbers("-t", List.of("1-4"), 1));
        assertEquals(List.of(0, 128, 256), BenchList.numbers("-d", List.of("0-256+128"), 0));
        assertEquals(List.of(1, 2, 4, 8, 16), BenchList.numbers("-t", List.of("1-16*2"), 1));
        for (String bad : new String[] {"", "x", "-1", "3-1", "1-4*1", "0-4*2", "1-4+0", "0-99999999", "1-", "1-2+",
            "1.5"}) {
            assertThrows(GambitException.class, () -> BenchList.numbers("-t", List.of(bad), 0), bad);
        }
    }

    @Test
    void parallelIsLlamaBatchedBenchsTable() {
        List<String> lines = Run.succeeds("bench", "-r", "1", "--parallel", "1,3", "-p", "9", "-n", "5", "--sparsity",
                "dense,0.5").out().lines().toList();
        assertTrue(lines.get(0).matches("\\| +PP \\| +TG \\| +B \\| +N_KV \\| +T_PP s \\| +S_PP t/s \\| +T_TG s \\| "
                + "+S_TG t/s \\| +T s \\| +S t/s \\| +sparsity \\| +bytes \\|"), lines.get(0));
        assertEquals(6, lines.size());
        for (int i = 2; i < 6; i++) {
            int b = i % 2 == 0 ? 1 : 3;
            String[] cells = lines.get(i).substring(1).trim().split(" *\\| *");
            assertEquals(lines.get(0).length(), lines.get(i).length());
            assertEquals(List.of("9", "5", "" + b, "" + 14 * b), List.of(cells).subList(0, 4), lines.get(i));
            assertEquals(i < 4 ? "dense" : "0.5", cells[10]);
            double bytes = Double.parseDouble(cells[11]);
            assertTrue(bytes > 0.2 && bytes <= 1 && (b > 1 || i > 3 || bytes == 1), lines.get(i));
        }
        assertEquals(2, Run.of("bench", "--parallel", "2", "-o", "json").status());
    }

    @Test
    void deviationIsThatOfASample() {
        assertEquals(1.0, BenchResult.deviation(new double[] {1, 2, 3}), 1e-12);
        assertEquals(0.0, BenchResult.deviation(new double[] {5}));
        assertEquals(2.0, BenchResult.mean(new double[] {1, 2, 3}), 1e-12);
    }

    @Test
    void predictionsFollowTheBytes() {
        Run orin = Run.succeeds("bench", "--predict", "orin");
        assertTrue(orin.out().startsWith("Jetson AGX Orin, 204.8 GB/s. Predicted, not measured"), orin.out());
        assertEquals(2 + 18, orin.out().lines().filter(line -> line.startsWith("|")).count());
        Run nano = Run.succeeds("bench", "--predict", "orin-nano");
        for (String model : new String[] {"1B", "3B", "8B"}) {
            for (String type : new String[] {"F16", "Q8_0", "Q4_0"}) {
                double[] dense = predicted(orin, model, type, "dense");
                double[] sparse = predicted(orin, model, type, "sparse");
                assertTrue(sparse[0] < dense[0] && sparse[1] > dense[1], orin.out());
                // launches add to the bytes' time, and weigh less where that is longer
                assertEquals(204.8 / 68, dense[1] / predicted(nano, model, type, "dense")[1], 0.3);
                assertTrue(dense[1] < 204.8e9 / (1e6 * dense[0]), orin.out());
            }
        }
        assertEquals(2, Run.of("bench", "--predict", "thor").status());
    }

    /** Megabytes a token, and tokens a second at the full bandwidth. */
    private static double[] predicted(Run run, String model, String type, String how) {
        String[] cells = run.out().lines()
                .filter(line -> line.startsWith("| " + model) && line.contains("| " + type + " |")
                        && line.contains("| " + how + " |"))
                .findFirst().orElseThrow().split("\\|");
        return new double[] {Double.parseDouble(cells[5].trim()), Double.parseDouble(cells[7].trim())};
    }
}
