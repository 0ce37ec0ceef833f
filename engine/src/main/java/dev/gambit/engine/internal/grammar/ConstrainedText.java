package dev.gambit.engine.internal.grammar;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.Tokenizer;

/** A text that is being written, token by token, in the language of an automaton. For one thread. */
public final class ConstrainedText {

    private final Automaton automaton;
    private final Tokenizer tokenizer;
    private State state;

    /**
     * @param automaton the language
     * @param tokenizer whose tokens the automaton is for
     */
    public ConstrainedText(Automaton automaton, Tokenizer tokenizer) {
        this.automaton = automaton;
        this.tokenizer = tokenizer;
        state = automaton.start();
    }

    /**
     * Returns the tokens that may come next, as bits; not to be changed. What ends a generation is among them where the
     * text is complete.
     *
     * @param left how many tokens can still be drawn, this one included: as they run out, only those are left that lead
     *     to a complete text
     */
    public long[] allowed(int left) {
        return automaton.allowed(state, left);
    }

    /**
     * Adds a token.
     *
     * @throws GambitException if it was not allowed
     */
    public void accept(int token) {
        if (tokenizer.isEndOfGeneration(token)) {
            return;
        }
        state = automaton.follow(state, tokenizer.tokenBytes(token));
        if (state.isDead()) {
            throw new GambitException(GambitException.line("token", "one that the constraint allows", token,
                    "draw among the allowed ones"));
        }
    }

    /** Returns whether the text is complete. */
    public boolean isComplete() {
        return state.complete;
    }

    /** Returns whether the text is complete and nothing can be added to it. */
    public boolean isFinished() {
        return state.complete && state.ways.isEmpty();
    }
}
