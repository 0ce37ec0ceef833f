package dev.gambit.engine.internal.tokenizer;

import dev.gambit.engine.gguf.GgufMetadata;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Finds the tokens that end generation, by llama.cpp's rules: those that the file names, and those whose text is known
 * to end a turn or a document. The file's end-of-sequence token alone would let many chat models run on.
 */
final class EndOfGeneration {

    /** Texts that end generation wherever they are tokens. */
    private static final List<String> TEXTS = List.of(
            "<|eot_id|>",
            "<|im_end|>",
            "<|end|>",
            "<|return|>",
            "<|call|>",
            "<|flush|>",
            "<|calls|>",
            "<end_of_turn>",
            "<|endoftext|>",
            "</s>",
            "<|eom_id|>",
            "<EOT>",
            "_<EOT>",
            "[EOT]",
            "[EOS]",
            "<|end_of_text|>",
            "<end_of_utterance>",
            "<eos>",
            "<turn|>",
            "<|tool_response>",
            "<｜end▁of▁sentence｜>",
            "[e~[");

    /** Fill-in-the-middle tokens that end generation: what follows belongs to another file. */
    private static final List<Kind> ENDING_KINDS = List.of(
            new Kind("tokenizer.ggml.fim_pad_token_id", "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"),
            new Kind(
                    "tokenizer.ggml.fim_rep_token_id",
                    "<|fim_repo|>",
                    "<|repo_name|>",
                    "<fim-repo>",
                    "<REPO>",
                    "<reponame>"),
            new Kind("tokenizer.ggml.fim_sep_token_id", "<|file_sep|>"));

    /** Fill-in-the-middle tokens that are only known to be control tokens. */
    private static final List<Kind> OTHER_KINDS = List.of(
            new Kind(
                    "tokenizer.ggml.fim_pre_token_id",
                    "<|fim_prefix|>",
                    "<fim-prefix>",
                    "<fim_prefix>",
                    "<｜fim▁begin｜>",
                    "<PRE>",
                    "▁<PRE>",
                    "<|code_prefix|>",
                    "<|prefix|>"),
            new Kind(
                    "tokenizer.ggml.fim_suf_token_id",
                    "<|fim_suffix|>",
                    "<fim-suffix>",
                    "<fim_suffix>",
                    "<｜fim▁hole｜>",
                    "<SUF>",
                    "▁<SUF>",
                    "<|code_suffix|>",
                    "<|suffix|>"),
            new Kind(
                    "tokenizer.ggml.fim_mid_token_id",
                    "<|fim_middle|>",
                    "<fim-middle>",
                    "<fim_middle>",
                    "<｜fim▁end｜>",
                    "<MID>",
                    "▁<MID>",
                    "<|code_middle|>",
                    "<|middle|>"));

    private EndOfGeneration() {}

    /** A special part that a token can play: its metadata key, and the texts known to play it. */
    private record Kind(String key, List<String> texts) {
        Kind(String key, String... texts) {
            this(key, List.of(texts));
        }
    }

    /** Finds the tokens, and marks those that were found by their text as control tokens. */
    static SortedSet<Integer> find(GgufMetadata metadata, Vocabulary vocabulary) {
        SortedSet<Integer> found = new TreeSet<>();
        for (Kind kind : ENDING_KINDS) {
            addIfAny(found, byKeyOrText(metadata, vocabulary, kind));
        }
        for (Kind kind : OTHER_KINDS) {
            byKeyOrText(metadata, vocabulary, kind);
        }
        for (String text : TEXTS) {
            int id = vocabulary.table().find(text);
            if (id >= 0) {
                found.add(id);
                vocabulary.addAttribute(id, Vocabulary.CONTROL);
            }
        }
        addIfAny(found, vocabulary.eos());
        addIfAny(found, vocabulary.special(metadata, "tokenizer.ggml.eot_token_id", -1));
        addIfAny(found, vocabulary.special(metadata, "tokenizer.ggml.eom_token_id", -1));
        makeExceptions(vocabulary, found);
        return found;
    }

    private static void addIfAny(SortedSet<Integer> ids, int id) {
        if (id >= 0) {
            ids.add(id);
        }
    }

    private static int byKeyOrText(GgufMetadata metadata, Vocabulary vocabulary, Kind kind) {
        int named = vocabulary.special(metadata, kind.key(), -1);
        if (named >= 0) {
            return named;
        }
        for (String text : kind.texts()) {
            int id = vocabulary.table().find(text);
            if (id >= 0) {
                vocabulary.addAttribute(id, Vocabulary.CONTROL);
                return id;
            }
        }
        return -1;
    }

    /** Some vocabularies use a text that ends others' turns for something else. */
    private static void makeExceptions(Vocabulary vocabulary, SortedSet<Integer> found) {
        for (String text : List.of("<|channel|>", "<|message|>", "<|start|>", "<|constrain|>")) {
            int id = vocabulary.table().find(text);
            if (id >= 0) {
                vocabulary.setAttribute(id, Vocabulary.USER_DEFINED);
            }
        }
        boolean calls = has(vocabulary, found, "<|call|>") || has(vocabulary, found, "<|calls|>");
        boolean returns = has(vocabulary, found, "<|return|>") || has(vocabulary, found, "<|flush|>");
        if (calls && returns && has(vocabulary, found, "<|end|>")) {
            release(vocabulary, found, "<|end|>", Vocabulary.USER_DEFINED);
        }
        if (has(vocabulary, found, "<|tool_response>") && has(vocabulary, found, "</s>")) {
            release(vocabulary, found, "</s>", Vocabulary.NORMAL);
        }
    }

    private static boolean has(Vocabulary vocabulary, SortedSet<Integer> found, String text) {
        int id = vocabulary.table().find(text);
        return id >= 0 && found.contains(id);
    }

    private static void release(Vocabulary vocabulary, SortedSet<Integer> found, String text, int attribute) {
        int id = vocabulary.table().find(text);
        found.remove(id);
        vocabulary.setAttribute(id, attribute);
    }
}
