package dev.gambit.app;

import dev.gambit.engine.ChatMessage;
import dev.gambit.engine.GenerationListener;
import dev.gambit.engine.GenerationOptions;
import dev.gambit.engine.GenerationResult;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Session;
import dev.gambit.engine.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The turns of a chat, and the session that has evaluated them. Each turn renders the whole conversation, keeps what the
 * session has in common with it, and evaluates only the rest.
 */
final class Conversation {

    private final LanguageModel model;
    private final Session session;
    private final List<ChatMessage> messages = new ArrayList<>();
    /** What the session's cache holds. */
    private int[] evaluated = {};

    Conversation(LanguageModel model, Session session, String systemPrompt) {
        this.model = model;
        this.session = session;
        if (systemPrompt != null) {
            messages.add(new ChatMessage("system", systemPrompt));
        }
    }

    /** Returns the turns so far, the system prompt included. */
    List<ChatMessage> messages() {
        return List.copyOf(messages);
    }

    /** Forgets all turns but the system prompt. */
    void clear() {
        messages.removeIf(m -> !m.role().equals("system"));
    }

    /**
     * Says something to the model and has it answer. Where that fails, because the context is full for instance, the
     * conversation is as it was.
     */
    GenerationResult reply(String text, GenerationOptions options, GenerationListener listener) {
        messages.add(new ChatMessage("user", text));
        boolean answered = false;
        try {
            int[] tokens = encode(model.chatTemplate().render(messages, true));
            int common = Math.max(0, Arrays.mismatch(evaluated, tokens));
            // at least one token has to be evaluated for there to be logits
            common = Math.min(common, tokens.length - 1);
            session.truncate(common);
            evaluated = Arrays.copyOf(tokens, common);
            GenerationResult result = session.generate(Arrays.copyOfRange(tokens, common, tokens.length), options,
                    listener);
            evaluated = Arrays.copyOf(tokens, session.position());
            int drawn = session.position() - tokens.length;
            if (drawn > 0) {
                System.arraycopy(result.tokens(), 0, evaluated, tokens.length, drawn);
            }
            messages.add(new ChatMessage("assistant", result.text()));
            answered = true;
            return result;
        } finally {
            if (!answered) {
                messages.removeLast();
                evaluated = Arrays.copyOf(evaluated, Math.min(evaluated.length, session.position()));
            }
        }
    }

    /** Encodes a rendered conversation; many templates write the begin-of-sequence token themselves. */
    private int[] encode(String rendered) {
        Tokenizer tokenizer = model.tokenizer();
        boolean begun = tokenizer.bos() >= 0 && rendered.startsWith(tokenizer.token(tokenizer.bos()));
        return tokenizer.encode(rendered, !begun, true);
    }
}
