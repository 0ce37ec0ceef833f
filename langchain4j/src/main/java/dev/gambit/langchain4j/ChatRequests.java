package dev.gambit.langchain4j;

import dev.gambit.engine.ChatTemplate;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.GenerationOptions;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.TextConstraint;
import dev.gambit.engine.Tokenizer;
import dev.gambit.engine.ToolCall;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.internal.Json;
import dev.langchain4j.internal.JsonSchemaElementUtils;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonSchemaElement;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Turns langchain4j's requests into what a session takes; refuses what the engine cannot do. */
final class ChatRequests {

    private static final String NO_TOOLS =
            "the chat template of this model does not tell it of any; take a model that was made for tools";

    private ChatRequests() {}

    /**
     * A request in the engine's terms.
     *
     * @param prompt the conversation's tokens, at least one, fewer than the context holds
     * @param options how to answer
     * @param tools what may be called
     */
    record Prepared(int[] prompt, GenerationOptions options, Tools tools) {}

    /**
     * Refuses what the model cannot do, before anything is worked on.
     *
     * @param modelName what the model is called
     * @param tools whether its chat template tells it of tools
     * @throws UnsupportedFeatureException for other contents than text, another model's name, tools that are not told of
     * @throws InvalidRequestException for what contradicts itself
     */
    static void check(ChatRequest request, String modelName, boolean tools) {
        validate(request.parameters(), modelName, tools);
        request.messages().forEach(message -> {
            turn(message);
            if (!tools && (message instanceof ToolExecutionResultMessage
                    || message instanceof AiMessage ai && ai.hasToolExecutionRequests())) {
                throw unsupported("messages with calls of tools or their results", NO_TOOLS);
            }
        });
    }

    /**
     * Renders and encodes a request that was {@linkplain #check checked}.
     *
     * @throws InvalidRequestException for what this model cannot: numbers out of range, a conversation that does not fit
     */
    static Prepared prepare(ChatRequest request, LanguageModel model, SamplingOptions base) {
        try {
            Tools tools = Tools.of(request.parameters());
            int[] prompt = encode(
                    model.chatTemplate(),
                    model.tokenizer(),
                    request.messages().stream().map(ChatRequests::turn).toList(),
                    tools);
            if (prompt.length >= model.contextLength()) {
                throw new InvalidRequestException(GambitException.line(
                        "the conversation", "fewer than " + model.contextLength() + " tokens", prompt.length,
                        "shorten it or open the model with a larger contextLength"));
            }
            return new Prepared(prompt, options(request.parameters(), base, tools), tools);
        } catch (GambitException e) {
            throw new InvalidRequestException(e.getMessage(), e);
        }
    }

    /**
     * Refuses parameters that have no meaning here.
     *
     * @param tools whether the model's chat template tells it of tools
     */
    static void validate(ChatRequestParameters parameters, String modelName, boolean tools) {
        if (parameters.modelName() != null && !parameters.modelName().equals(modelName)) {
            throw unsupported("modelName '" + parameters.modelName() + "'", "this model is '" + modelName + "'");
        }
        if (!Tools.of(parameters).isEmpty() && !tools) {
            throw unsupported("tools", NO_TOOLS);
        }
        format(parameters.responseFormat());
    }

    /** What an answer has to be; null for any text. */
    private static TextConstraint format(ResponseFormat format) {
        if (format == null || format.type() != ResponseFormatType.JSON) {
            return null;
        }
        if (format.jsonSchema() == null) {
            return TextConstraint.jsonObject();
        }
        JsonSchemaElement root = format.jsonSchema().rootElement();
        try {
            return TextConstraint.jsonSchema(root instanceof JsonRawSchema raw
                    ? raw.schema()
                    : Json.toJson(JsonSchemaElementUtils.toMap(root)));
        } catch (GambitException e) {
            throw new InvalidRequestException("responseFormat: " + e.getMessage(), e);
        }
    }

    private static UnsupportedFeatureException unsupported(String what, String cure) {
        return new UnsupportedFeatureException(what + ": not supported by Gambit; " + cure);
    }

    private static dev.gambit.engine.ChatMessage turn(ChatMessage message) {
        return switch (message) {
            case SystemMessage m -> new dev.gambit.engine.ChatMessage("system", m.text());
            case UserMessage m -> new dev.gambit.engine.ChatMessage("user", text(m.contents()));
            case AiMessage m -> dev.gambit.engine.ChatMessage.calling(m.text() == null ? "" : m.text(),
                    m.toolExecutionRequests().stream().map(ChatRequests::call).toList());
            case ToolExecutionResultMessage m -> new dev.gambit.engine.ChatMessage(
                    "tool", text(m.contents()), List.of(), m.id(), m.toolName());
            default -> throw unsupported("messages of type " + message.type(),
                    "send messages of the system, the user, the model and its tools");
        };
    }

    private static ToolCall call(ToolExecutionRequest request) {
        return new ToolCall(request.id() == null ? "" : request.id(), request.name(),
                request.arguments() == null ? "{}" : request.arguments());
    }

    private static String text(List<Content> contents) {
        StringBuilder text = new StringBuilder();
        for (Content content : contents) {
            if (!(content instanceof TextContent part)) {
                throw unsupported(
                        content.type().toString().toLowerCase(Locale.ROOT) + " content", "send texts only");
            }
            text.append(text.isEmpty() ? "" : "\n").append(part.text());
        }
        return text.toString();
    }

    /** Encodes a rendered conversation; many templates write the begin-of-sequence token themselves. */
    private static int[] encode(
            ChatTemplate template, Tokenizer tokenizer, List<dev.gambit.engine.ChatMessage> turns, Tools tools) {
        String rendered = template.render(turns, true, tools.isEmpty() ? Map.of() : Map.of("tools", tools.list()));
        boolean begun = tokenizer.bos() >= 0 && rendered.startsWith(tokenizer.token(tokenizer.bos()));
        return tokenizer.encode(rendered, !begun, true);
    }

    private static GenerationOptions options(ChatRequestParameters parameters, SamplingOptions base, Tools tools) {
        GenerationOptions.Builder options = GenerationOptions.builder()
                .sampling(sampling(base, parameters))
                .constraint(tools.constraint(format(parameters.responseFormat())));
        if (parameters.maxOutputTokens() != null) {
            options.maxTokens(parameters.maxOutputTokens());
        }
        return options.stop(parameters.stopSequences().toArray(String[]::new)).build();
    }

    /**
     * @throws InvalidRequestException for a number out of its range
     */
    static SamplingOptions sampling(SamplingOptions base, ChatRequestParameters p) {
        SamplingOptions.Builder b = base.toBuilder();
        if (p.temperature() != null) {
            b.temperature(p.temperature().floatValue());
        }
        if (p.topP() != null) {
            b.topP(p.topP().floatValue());
        }
        if (p.topK() != null) {
            b.topK(p.topK());
        }
        if (p.frequencyPenalty() != null) {
            b.frequencyPenalty(p.frequencyPenalty().floatValue());
        }
        if (p.presencePenalty() != null) {
            b.presencePenalty(p.presencePenalty().floatValue());
        }
        if (p instanceof GambitChatRequestParameters g) {
            if (g.minP() != null) {
                b.minP(g.minP().floatValue());
            }
            if (g.repeatPenalty() != null) {
                b.repeatPenalty(g.repeatPenalty().floatValue());
            }
            if (g.repeatLastN() != null) {
                b.repeatLastN(g.repeatLastN());
            }
            if (g.seed() != null) {
                b.seed(g.seed());
            }
        }
        try {
            return b.build();
        } catch (GambitException e) {
            throw new InvalidRequestException(e.getMessage(), e);
        }
    }
}
