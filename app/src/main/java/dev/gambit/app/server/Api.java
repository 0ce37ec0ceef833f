package dev.gambit.app.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gambit.engine.LanguageModel;
import java.io.IOException;
import java.util.List;

/** The paths that need the model, once it is there. */
final class Api implements AutoCloseable {

    private final LanguageModel model;
    private final Defaults defaults;
    private final String name;
    private final long created = System.currentTimeMillis() / 1000;
    private final Figures figures;
    private final Generator generator;
    private final PromptReader prompts;
    private final ChatReader chats;
    private final ModelPages pages;

    Api(LanguageModel model, Defaults defaults, ServerOptions options, Metrics metrics) {
        this.model = model;
        this.defaults = defaults;
        name = options.alias() == null ? model.info().file().replaceFirst("[.]gguf$", "") : options.alias();
        figures = new Figures(model.weightBytes());
        metrics.model(model);
        generator = new Generator(model, defaults.sparsity(), options, metrics);
        prompts = new PromptReader(model);
        chats = new ChatReader(model);
        pages = new ModelPages(model, name, defaults, generator.slots());
    }

    Generator generator() {
        return generator;
    }

    void completions(Exchange exchange) throws IOException, InterruptedException {
        Fields fields = new Fields(exchange.json());
        List<GenerationRequest.Prompt> read = prompts.prompts(fields, "prompt");
        GenerationRequest request = new OptionFields(fields, OptionFields.Path.TEXT, model, defaults)
                .read(read, "prompt", fields.flag("echo", false), null);
        generator.answer(exchange, request, new CompletionFormat(envelope("cmpl-", request), request));
    }

    void chatCompletions(Exchange exchange) throws IOException, InterruptedException {
        Fields fields = new Fields(exchange.json());
        Tools tools = Tools.read(fields);
        GenerationRequest.Prompt prompt = prompts.rendered(chats.prompt(fields, tools));
        GenerationRequest request = new OptionFields(fields, OptionFields.Path.CHAT, model, defaults)
                .read(List.of(prompt), "messages", false, tools.constraint());
        generator.answer(exchange, request, new ChatFormat(envelope("chatcmpl-", request), request, tools));
    }

    void nativeCompletion(Exchange exchange) throws IOException, InterruptedException {
        Fields fields = new Fields(exchange.json());
        List<GenerationRequest.Prompt> read = prompts.prompts(fields, "prompt");
        GenerationRequest request = new OptionFields(fields, OptionFields.Path.NATIVE, model, defaults)
                .read(read, "prompt", false, null);
        if (read.size() * request.n() > 1) {
            throw ApiException.invalid("prompt",
                    "'prompt': expected one prompt and 'n' 1; for several texts there is /v1/completions.");
        }
        generator.answer(exchange, request, new NativeFormat(envelope("cmpl-", request), request));
    }

    private Envelope envelope(String prefix, GenerationRequest request) {
        return new Envelope(prefix, name, figures,
                request.sparsity() == null ? null : (Double) request.sparsity().level());
    }

    void models(Exchange exchange) throws IOException {
        ObjectNode json = Json.object();
        json.put("object", "list");
        json.putArray("data").add(pages.model(created));
        exchange.reply(json);
    }

    void model(Exchange exchange, String asked) throws IOException {
        if (!asked.equals(name)) {
            throw ApiException.request(404, "model_not_found",
                    "The model '" + asked + "' does not exist; this server has '" + name + "'.");
        }
        exchange.reply(pages.model(created));
    }

    void props(Exchange exchange) throws IOException {
        exchange.reply(pages.props());
    }

    void slots(Exchange exchange) throws IOException {
        exchange.reply(pages.slots());
    }

    void tokenize(Exchange exchange) throws IOException {
        Fields fields = new Fields(exchange.json());
        String content = fields.requireText("content");
        boolean addSpecial = fields.flag("add_special", false);
        boolean parseSpecial = fields.flag("parse_special", true);
        boolean pieces = fields.flag("with_pieces", false);
        fields.end();
        ObjectNode json = Json.object();
        ArrayNode list = json.putArray("tokens");
        for (int token : model.tokenizer().encode(content, addSpecial, parseSpecial)) {
            if (pieces) {
                list.add(pages.piece(token));
            } else {
                list.add(token);
            }
        }
        exchange.reply(json);
    }

    void detokenize(Exchange exchange) throws IOException {
        Fields fields = new Fields(exchange.json());
        JsonNode list = fields.require("tokens", "a list of token ids");
        if (!list.isArray()) {
            throw fields.wrong("tokens", "a list of token ids", list);
        }
        int[] tokens = fields.tokens("tokens", list, model.tokenizer().vocabularySize());
        fields.end();
        exchange.reply(Json.object().put("content", model.tokenizer().decode(tokens, true)));
    }

    void applyTemplate(Exchange exchange) throws IOException {
        Fields fields = new Fields(exchange.json());
        Tools tools = Tools.read(fields);
        String prompt = chats.prompt(fields, tools);
        fields.ignore("model").end();
        exchange.reply(Json.object().put("prompt", prompt));
    }

    @Override
    public void close() {
        generator.close();
    }
}
