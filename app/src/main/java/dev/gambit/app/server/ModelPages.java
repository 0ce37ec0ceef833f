package dev.gambit.app.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelInfo;
import dev.gambit.engine.Tokenizer;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** What the server tells about its model and its slots, in llama.cpp's shapes. */
final class ModelPages {

    private final LanguageModel model;
    private final String name;
    private final Defaults defaults;
    private final Slots slots;

    ModelPages(LanguageModel model, String name, Defaults defaults, Slots slots) {
        this.model = model;
        this.name = name;
        this.defaults = defaults;
        this.slots = slots;
    }

    ObjectNode model(long created) {
        ModelInfo info = model.info();
        ObjectNode json = Json.object();
        json.put("id", name);
        json.put("object", "model");
        json.put("created", created);
        json.put("owned_by", "gambit");
        ObjectNode meta = json.putObject("meta");
        meta.put("n_vocab", model.tokenizer().vocabularySize());
        meta.put("n_ctx_train", info.trainedContext());
        meta.put("n_params", info.parameters());
        meta.put("size", info.bytes());
        meta.put("architecture", info.architecture());
        meta.put("type", info.type());
        return json;
    }

    ObjectNode props() {
        Tokenizer tokenizer = model.tokenizer();
        ObjectNode json = Json.object();
        ObjectNode settings = json.putObject("default_generation_settings");
        settings.put("n_ctx", model.contextLength());
        ObjectNode params = NativeFormat.settings(defaults.sampling(), null);
        params.put("n_predict", defaults.predict());
        settings.set("params", params);
        json.put("total_slots", slots.all().size());
        json.put("model_alias", name);
        json.put("model_path", model.info().file());
        json.putObject("modalities").put("vision", false).put("audio", false);
        json.put("bos_token", tokenizer.bos() < 0 ? "" : tokenizer.token(tokenizer.bos()));
        json.put("eos_token", tokenizer.eos() < 0 ? "" : tokenizer.token(tokenizer.eos()));
        json.put("build_info", ServerVersion.FINGERPRINT);
        json.put("backend", model.backendName());
        if (model.backendReason() != null) {
            json.put("backend_reason", model.backendReason());
        }
        json.put("weight_bytes", model.weightBytes());
        ObjectNode sparsity = json.putObject("sparsity");
        sparsity.put("level", defaults.level() == null ? 0 : defaults.level());
        sparsity.put("policy", defaults.policy());
        sparsity.put("thresholds", model.thresholds() != null);
        sparsity.put("per_request", model.sidecar() != null);
        sparsity.put("max", model.sidecar() == null ? 0 : model.sidecar().maxLevel());
        sparsity.put("budgets", OptionFields.takesBudgets(model));
        return json;
    }

    ArrayNode slots() {
        ObjectNode holder = Json.object();
        ArrayNode list = holder.putArray("slots");
        for (Slot slot : slots.all()) {
            ObjectNode json = list.addObject();
            json.put("id", slot.id());
            json.put("id_task", slot.task());
            json.put("n_ctx", slot.contextLength());
            json.put("is_processing", slot.isBusy());
            json.put("n_prompt_tokens", slot.promptTokens());
            json.putObject("next_token").put("n_decoded", slot.decoded());
        }
        return list;
    }

    /** A token and what it adds to a text: a string, or its bytes where they are not whole characters. */
    ObjectNode piece(int token) {
        ObjectNode json = Json.object();
        json.put("id", token);
        json.set("piece", pieceText(model.tokenizer().tokenBytes(token, true)));
        return json;
    }

    private static JsonNode pieceText(byte[] bytes) {
        ObjectNode holder = Json.object();
        try {
            holder.put("piece", StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
        } catch (CharacterCodingException e) {
            ArrayNode list = holder.putArray("piece");
            for (byte b : bytes) {
                list.add(b & 0xFF);
            }
        }
        return holder.get("piece");
    }
}
