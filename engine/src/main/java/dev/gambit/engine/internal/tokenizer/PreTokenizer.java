package dev.gambit.engine.internal.tokenizer;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The ways of splitting text into words before byte-pair encoding merges within each word, under llama.cpp's names of
 * {@code tokenizer.ggml.pre}. The published regular expressions are scanned by hand: in linear time, without recursion.
 */
enum PreTokenizer {
    /** GPT-2's expression. */
    GPT_2(
            false,
            false,
            "gpt-2", "phi-2", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de", "gigachat", "a.x-4.0", "mellum",
            "modern-bert", "exaone4", "mpt", "olmo", "jais", "trillion", "granite-docling"),
    /** Every digit alone, then GPT-2's expression. */
    SMOLLM(
            false,
            false,
            "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"),
    /** Llama 3's expression, with up to three digits in a word. */
    LLAMA_BPE(
            true,
            true,
            "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano"),
    /** Llama 3's expression without what is special about its models. */
    DBRX(false, false, "dbrx", "smaug-bpe"),
    /** Llama 3's expression with one digit in a word. */
    QWEN2(
            false,
            false,
            "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open", "grok-2"),
    /** What llama.cpp does for a file that names none. */
    DEFAULT(false, false, "default");

    private final boolean ignoreMerges;
    private final boolean addBos;
    private final List<String> names;

    PreTokenizer(boolean ignoreMerges, boolean addBos, String... names) {
        this.ignoreMerges = ignoreMerges;
        this.addBos = addBos;
        this.names = List.of(names);
    }

    /** Receives the words in order. */
    @FunctionalInterface
    interface Words {
        /** Takes the word from {@code from} to {@code to} exclusive. */
        void word(int from, int to);
    }

    /** Splits the text from {@code from} to {@code to} exclusive; the words cover it without gaps. */
    void split(String text, int from, int to, Words words) {
        switch (this) {
            case GPT_2 -> WordScanner.gpt2(text, from, to, words);
            case SMOLLM -> WordScanner.digitsThenGpt2(text, from, to, words);
            case LLAMA_BPE, DBRX -> WordScanner.llama3(text, from, to, 3, words);
            case QWEN2 -> WordScanner.llama3(text, from, to, 1, words);
            case DEFAULT -> WordScanner.byDefault(text, from, to, words);
        }
    }

    /** Returns whether a word that is in the vocabulary is taken as it is, even where merges would not lead to it. */
    boolean ignoreMerges() {
        return ignoreMerges;
    }

    /** Returns whether models of this kind want a begin-of-sequence token if their file says nothing. */
    boolean addBos() {
        return addBos;
    }

    /**
     * Returns the pre-tokenizer of a name.
     *
     * @param source what to call the file in messages
     * @throws ModelFormatException if there is none, with the names of all there are
     */
    static PreTokenizer named(String source, String name) {
        for (PreTokenizer candidate : values()) {
            if (candidate.names.contains(name)) {
                return candidate;
            }
        }
        String known = Arrays.stream(values())
                .flatMap(candidate -> candidate.names.stream())
                .collect(Collectors.joining(", "));
        throw new ModelFormatException(GambitException.line(
                source + ": tokenizer.ggml.pre",
                "one of " + known,
                name,
                "this pre-tokenizer is not supported; take a model of another family"));
    }
}
