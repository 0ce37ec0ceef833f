package dev.gambit.langchain4j;

import dev.gambit.engine.ChatTemplate;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.GenerationOptions;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.Tokenizer;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import java.util.List;
import java.util.Locale;

/** Turns langchain4j's requests into what a session takes; refuses what the engine cannot do. */
final class ChatRequests {

    private ChatRequests() {}

    /**
     * A request in the engine's terms.
     *
     * @param prompt the conversation's tokens, at least one, fewer than the context holds
     * @param options how to answer
     */
    record Prepared(int[] prompt, GenerationOptions options) {}

    /**
     * Refuses what no Gambit model can do, before anything is worked on.
     *
     * @param modelName what the model is called
     * @throws UnsupportedFeatureException for tools, formats, other contents than text, another model's name
     */
    static void check(ChatRequest request, String modelName) {
        validate(request.parameters(), modelName);
        request.messages().forEach(ChatRequests::turn);
    }

    /**
     * Renders and encodes a request that was {@linkplain #check checked}.
     *
     * @throws InvalidRequestException for what this model cannot: numbers out of range, a conversation that does not fit
     */
    static Prepared prepare(ChatRequest request, LanguageModel model, SamplingOptions base) {
        try {
            int[] prompt = encode(
                    model.chatTemplate(),
                    model.tokenizer(),
                    request.messages().stream().map(ChatRequests::turn).toList());
            if (prompt.length >= model.contextLength()) {
                throw new InvalidRequestException(GambitException.line(
                        "the conversation", "fewer than " + model.contextLength() + " tokens", prompt.length,
                        "shorten it or open the model with a larger contextLength"));
            }
            return new Prepared(prompt, options(request.parameters(), base));
        } catch (GambitException e) {
            throw new InvalidRequestException(e.getMessage(), e);
        }
    }

    /** Refuses parameters that have no meaning here. */
    static void validate(ChatRequestParameters parameters, String modelName) {
        if (parameters.modelName() != null && !parameters.modelName().equals(modelName)) {
            throw unsupported("modelName '" + parameters.modelName() + "'", "this model is '" + modelName + "'");
        }
        if (parameters.toolChoice() != null && parameters.toolChoice() != ToolChoice.AUTO) {
            throw unsupported("ToolChoice." + parameters.toolChoice(), "leave it out");
        }
        if (!parameters.toolSpecifications().isEmpty()) {
            throw unsupported("tools", "leave them out");
        }
        ResponseFormat format = parameters.responseFormat();
        if (format != null && format.type() == ResponseFormatType.JSON) {
            throw unsupported("JSON response format", "ask for it in the prompt");
        }
    }

    private static UnsupportedFeatureException unsupported(String what, String cure) {
        return new UnsupportedFeatureException(what + ": not supported by Gambit; " + cure);
    }

    private static dev.gambit.engine.ChatMessage turn(ChatMessage message) {
        return switch (message) {
            case SystemMessage m -> new dev.gambit.engine.ChatMessage("system", m.text());
            case UserMessage m -> new dev.gambit.engine.ChatMessage("user", text(m.contents()));
            case AiMessage m when !m.hasToolExecutionRequests() -> new dev.gambit.engine.ChatMessage(
                    "assistant", m.text() == null ? "" : m.text());
            default -> throw unsupported("messages of type " + message.type(), "send system, user and AI messages");
        };
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
    private static int[] encode(ChatTemplate template, Tokenizer tokenizer, List<dev.gambit.engine.ChatMessage> turns) {
        String rendered = template.render(turns, true);
        boolean begun = tokenizer.bos() >= 0 && rendered.startsWith(tokenizer.token(tokenizer.bos()));
        return tokenizer.encode(rendered, !begun, true);
    }

    private static GenerationOptions options(ChatRequestParameters parameters, SamplingOptions base) {
        GenerationOptions.Builder options = GenerationOptions.builder().sampling(sampling(base, parameters));
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
