package dev.gambit.app;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** The formats for programs: all that is known of a result, under llama-bench's names. */
final class BenchRecords {

    private static final String CPU = Machine.processor();

    private BenchRecords() {}

    private static ObjectNode fields(BenchResult r) {
        BenchTest t = r.test();
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("build_commit", "gambit-" + Main.version());
        json.put("build_number", 0);
        json.put("cpu_info", CPU);
        json.put("gpu_info", "");
        json.put("backends", BenchPrinter.backend(r));
        json.put("model_filename", t.setup().model() == null ? r.modelFile() : t.setup().model().toString());
        json.put("model_type", r.model());
        json.put("model_size", r.modelBytes());
        json.put("model_n_params", r.modelParameters());
        json.put("n_batch", t.batch());
        json.put("n_ubatch", t.microBatch());
        json.put("n_threads", r.threads());
        json.put("type_k", BenchPrinter.lower(t.setup().typeK()));
        json.put("type_v", BenchPrinter.lower(t.setup().typeV()));
        json.put("n_gpu_layers", 0);
        json.put("kernels", r.backend());
        json.put("sparsity", t.setup().sparsity());
        json.put("policy", r.policy());
        json.put("real_text", t.text());
        json.put("n_prompt", t.prompt());
        json.put("n_gen", t.generated());
        json.put("n_depth", t.depth());
        json.put("test_time", r.testTime());
        json.put("avg_ns", Math.round(BenchResult.mean(r.nanos())));
        json.put("stddev_ns", Math.round(BenchResult.deviation(r.nanos())));
        json.put("avg_ts", BenchResult.mean(r.samplesPerSecond()));
        json.put("stddev_ts", BenchResult.deviation(r.samplesPerSecond()));
        json.put("active", r.active());
        json.put("bytes", Double.isNaN(r.bytes()) ? null : (Double) r.bytes());
        return json;
    }

    private static ObjectNode withSamples(BenchResult r) {
        ObjectNode json = fields(r);
        ArrayNode nanos = json.putArray("samples_ns");
        for (long n : r.samplesNanos()) {
            nanos.add(n);
        }
        ArrayNode speeds = json.putArray("samples_ts");
        for (double s : r.samplesPerSecond()) {
            speeds.add(s);
        }
        return json;
    }

    private static String write(ObjectWriter writer, ObjectNode json) {
        try {
            return writer.writeValueAsString(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree of plain values", e);
        }
    }

    /** One array of objects. */
    static final class Json extends BenchPrinter {
        private final ObjectWriter writer = new ObjectMapper().writerWithDefaultPrettyPrinter();
        private boolean first = true;

        Json(PrintStream out) {
            super(out);
        }

        @Override
        void begin(BenchColumns columns) {
            out.println("[");
        }

        @Override
        void result(BenchResult r) {
            out.print((first ? "" : ",\n") + write(writer, withSamples(r)).indent(2).stripTrailing());
            out.flush();
            first = false;
        }

        @Override
        void end() {
            out.println("\n]");
            out.flush();
        }
    }

    /** An object a line. */
    static final class JsonLines extends BenchPrinter {
        private final ObjectWriter writer = new ObjectMapper().writer();

        JsonLines(PrintStream out) {
            super(out);
        }

        @Override
        void begin(BenchColumns columns) {
            // nothing comes before the lines
        }

        @Override
        void result(BenchResult r) {
            out.println(write(writer, withSamples(r)));
            out.flush();
        }

        @Override
        void end() {
            // nothing comes behind the lines
        }
    }

    /** A header, then a line of quoted values for each result; without the samples, as llama-bench. */
    static final class Csv extends BenchPrinter {
        private boolean first = true;

        Csv(PrintStream out) {
            super(out);
        }

        @Override
        void begin(BenchColumns columns) {
            // the header comes with the first result, which knows the names
        }

        @Override
        void result(BenchResult r) {
            ObjectNode json = fields(r);
            if (first) {
                out.println(String.join(",", names(json)));
                first = false;
            }
            List<String> values = new ArrayList<>();
            json.forEach(v -> values.add(v.isNull() ? "" : v.isDouble() ? Numbers.fixed(v.doubleValue(), 6) : v
                    .asText()));
            out.println(values.stream()
                    .map(v -> '"' + v.replace("\"", "\"\"") + '"')
                    .collect(Collectors.joining(",")));
            out.flush();
        }

        private static List<String> names(ObjectNode json) {
            List<String> names = new ArrayList<>();
            json.fieldNames().forEachRemaining(names::add);
            return names;
        }

        @Override
        void end() {
            // nothing comes behind the lines
        }
    }
}
