package dev.gambit.app.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gambit.engine.SparsityReport;
import dev.gambit.engine.Timings;
import java.util.UUID;

/** What every piece of an answer carries: its id, when it began and which model wrote it. */
final class Envelope {

    private final String id;
    private final long created = System.currentTimeMillis() / 1000;
    private final String model;
    private final Figures figures;
    private final Double level;

    /**
     * @param prefix of the id: {@code chatcmpl-} or {@code cmpl-}
     */
    Envelope(String prefix, String model, Figures figures, Double level) {
        id = prefix + UUID.randomUUID().toString().replace("-", "");
        this.model = model;
        this.figures = figures;
        this.level = level;
    }

    String model() {
        return model;
    }

    ObjectNode begin(String object) {
        ObjectNode json = Json.object();
        json.put("id", id);
        json.put("object", object);
        json.put("created", created);
        json.put("model", model);
        json.put("system_fingerprint", ServerVersion.FINGERPRINT);
        return json;
    }

    ObjectNode timings(Text text) {
        return figures.timings(text, level);
    }

    /** The same in the middle of a text. */
    ObjectNode timings(int cached, Timings timings, int predicted, SparsityReport sparsity) {
        return figures.timings(cached, timings, predicted, sparsity, level);
    }
}
