package dev.gambit.engine.internal.grammar;

import dev.gambit.engine.Tokenizer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/** A model's automata, the last ones used; made when first asked for. For any number of threads. */
public final class Automata {

    private static final int KEPT = 16;

    private final Tokenizer tokenizer;
    private final Map<Object, Automaton> automata = new LinkedHashMap<>(16, 0.75f, true);
    private TokenTrie trie;

    /**
     * @param tokenizer the model's
     */
    public Automata(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /**
     * Returns a new text in a language.
     *
     * @param key what is equal for equal languages
     * @param language the language, asked for where the key is new
     * @throws dev.gambit.engine.GambitException where the tokens cannot write any text of the language
     */
    public ConstrainedText begin(Object key, Supplier<Expr> language) {
        return new ConstrainedText(automaton(key, language), tokenizer);
    }

    private synchronized Automaton automaton(Object key, Supplier<Expr> language) {
        Automaton automaton = automata.get(key);
        if (automaton == null) {
            trie = trie == null ? new TokenTrie(tokenizer) : trie;
            automaton = new Automaton(language.get(), trie);
            if (automata.size() >= KEPT) {
                automata.remove(automata.keySet().iterator().next());
            }
            automata.put(key, automaton);
        }
        return automaton;
    }
}
