package dev.gambit.engine;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A token and how likely the model held it to be.
 *
 * @param token its id
 * @param bytes what it adds to a text: UTF-8, or a part of a character; a control token's name
 * @param logprob natural logarithm of its probability, 0 or less: from the softmax over all the model's logits, before
 *     penalties, biases, constraints, temperature and any other sampler
 */
public record TokenLogprob(int token, byte[] bytes, double logprob) {

    /** Returns the bytes as text; what is not UTF-8, because a character is spread over tokens, is U+FFFD. */
    public String text() {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TokenLogprob o && token == o.token && logprob == o.logprob
                && Arrays.equals(bytes, o.bytes);
    }

    @Override
    public int hashCode() {
        return 31 * token + Double.hashCode(logprob);
    }

    @Override
    public String toString() {
        return "TokenLogprob[token=" + token + ", text=" + text() + ", logprob=" + logprob + "]";
    }
}
