package dev.gambit.engine;

import dev.gambit.engine.internal.tokenizer.Utf8Decoder;

/**
 * Decodes tokens one at a time into whole characters. A character whose bytes are spread over tokens appears with its
 * last byte; bytes that cannot become a character appear as U+FFFD as soon as that is certain. All results of
 * {@link #add} and the final {@link #flush} together are the tokens' bytes read as UTF-8; as the tokens may continue
 * another text, no leading space is taken away. For one thread.
 */
public final class StreamingDecoder {

    private final Tokenizer tokenizer;
    private final boolean special;
    private final Utf8Decoder decoder = new Utf8Decoder();
    private final StringBuilder text = new StringBuilder();

    StreamingDecoder(Tokenizer tokenizer, boolean special) {
        this.tokenizer = tokenizer;
        this.special = special;
    }

    /** Adds a token and returns the characters that it completes, often none. */
    public String add(int token) {
        decoder.decode(tokenizer.tokenBytes(token, special), text);
        return take();
    }

    /** Ends the text: returns U+FFFD for a character that was begun, else nothing. The decoder can then be reused. */
    public String flush() {
        decoder.flush(text);
        return take();
    }

    private String take() {
        String taken = text.toString();
        text.setLength(0);
        return taken;
    }
}
