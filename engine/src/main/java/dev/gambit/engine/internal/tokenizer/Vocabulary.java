package dev.gambit.engine.internal.tokenizer;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import dev.gambit.engine.gguf.GgufMetadata;
import java.util.Collections;
import java.util.Locale;
import java.util.Set;
import java.util.SortedSet;

/** The tokens of a model file: texts, attributes and the ones with a special part to play. */
final class Vocabulary {

    /** Stands for whatever the vocabulary has no token for. */
    static final int UNKNOWN = 1;
    /** Takes part in nothing. */
    static final int UNUSED = 2;
    /** Ordinary text. */
    static final int NORMAL = 4;
    /** Means something to the model, and no text. */
    static final int CONTROL = 8;
    /** Text that is always this token. */
    static final int USER_DEFINED = 16;
    /** One byte, written as {@code <0xAB>}. */
    static final int BYTE = 32;
    /** Swallows white space to its right. */
    static final int RSTRIP = 64;

    /** The attributes of tokens whose text is searched for in what is encoded. */
    static final int SPECIAL = UNKNOWN | CONTROL | USER_DEFINED;

    /** Attributes in the order of {@code tokenizer.ggml.token_type}'s numbers. */
    private static final byte[] OF_TYPE = {0, NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE};

    private final TokenTable table;
    private final byte[] attributes;
    private final int bos;
    private final int eos;
    private final int unknown;
    private final SortedSet<Integer> endOfGeneration;

    /**
     * @param metadata a model file's metadata
     * @param defaultBos the begin-of-sequence token of a file that names none, or -1
     * @param defaultEos the end-of-sequence token of a file that names none, or -1
     * @param defaultUnknown the unknown token of a file that names none, or -1
     */
    Vocabulary(GgufMetadata metadata, int defaultBos, int defaultEos, int defaultUnknown) {
        String key = "tokenizer.ggml.tokens";
        String[] texts = array(metadata, key, metadata.strings(key)).clone();
        for (int id = 0; id < texts.length; id++) {
            if (texts[id].isEmpty()) {
                texts[id] = "[EMPTY_" + id + "]";
            }
        }
        table = new TokenTable(texts);
        attributes = attributes(metadata, texts.length);
        bos = special(metadata, "tokenizer.ggml.bos_token_id", defaultBos);
        eos = special(metadata, "tokenizer.ggml.eos_token_id", defaultEos);
        unknown = special(metadata, "tokenizer.ggml.unknown_token_id", defaultUnknown);
        endOfGeneration = Collections.unmodifiableSortedSet(EndOfGeneration.find(metadata, this));
        String name = metadata.string("general.name", "").toLowerCase(Locale.ROOT);
        if (name.contains("phi-3") || name.contains("phi3")) {
            stripRightOfSpecials();
        }
    }

    TokenTable table() {
        return table;
    }

    int size() {
        return table.size();
    }

    String text(int id) {
        return table.text(id);
    }

    int bos() {
        return bos;
    }

    int eos() {
        return eos;
    }

    int unknown() {
        return unknown;
    }

    SortedSet<Integer> endOfGeneration() {
        return endOfGeneration;
    }

    /** Returns whether a token has any of some attributes. */
    boolean is(int id, int anyOf) {
        return (attributes[id] & anyOf) != 0;
    }

    /** Adds an attribute to a token; for use while the vocabulary is built. */
    void addAttribute(int id, int attribute) {
        attributes[id] |= (byte) attribute;
    }

    /** Gives a token this attribute alone; for use while the vocabulary is built. */
    void setAttribute(int id, int attribute) {
        attributes[id] = (byte) attribute;
    }

    /** Returns the token id under a key; {@code fallback} if there is none or it is out of range. */
    int special(GgufMetadata metadata, String key, int fallback) {
        long id = metadata.integer(key, fallback);
        if (id >= 0 && id < size()) {
            return (int) id;
        }
        return fallback < size() ? fallback : -1;
    }

    /** Returns an array that has to be there. */
    static String[] array(GgufMetadata metadata, String key, String[] value) {
        if (value == null || value.length == 0) {
            throw new ModelFormatException(GambitException.line(
                    metadata.source() + ": " + key,
                    "an array of strings",
                    value == null ? "none" : "an empty array",
                    "the file has no vocabulary; take one that has, or convert the model again"));
        }
        return value;
    }

    /** Checks that an array covers the vocabulary. */
    static void checkLength(GgufMetadata metadata, String key, int length, int tokens) {
        if (length < tokens) {
            throw new ModelFormatException(GambitException.line(
                    metadata.source() + ": " + key, tokens + " entries, one a token", length, "the file is damaged"));
        }
    }

    private static byte[] attributes(GgufMetadata metadata, int tokens) {
        byte[] attributes = new byte[tokens];
        long[] types = metadata.integers("tokenizer.ggml.token_type");
        if (types != null) {
            checkLength(metadata, "tokenizer.ggml.token_type", types.length, tokens);
        }
        for (int id = 0; id < tokens; id++) {
            long type = types == null ? 1 : types[id];
            attributes[id] = type < 0 || type >= OF_TYPE.length ? 0 : OF_TYPE[(int) type];
        }
        return attributes;
    }

    /** Phi-3's tokens strip white space, which GGUF cannot say; llama.cpp, too, goes by the model's name. */
    private void stripRightOfSpecials() {
        Set<String> exceptions = Set.of("<unk>", "<s>", "<|endoftext|>");
        for (int id = 0; id < size(); id++) {
            if ((is(id, SPECIAL) || text(id).equals("</s>")) && !exceptions.contains(text(id))) {
                addAttribute(id, RSTRIP);
            }
        }
    }
}
