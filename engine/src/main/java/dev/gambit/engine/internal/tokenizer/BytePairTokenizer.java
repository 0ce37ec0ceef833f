package dev.gambit.engine.internal.tokenizer;

import dev.gambit.engine.gguf.GgufMetadata;
import java.util.concurrent.CompletableFuture;

/**
 * Byte-level byte-pair encoding ({@code tokenizer.ggml.model = gpt2}): words of bytes, merged in the order of a list.
 */
final class BytePairTokenizer extends GgufTokenizer {

    private final TokenTable table;
    private final CompletableFuture<MergeTable> merges = new CompletableFuture<>();
    private final PreTokenizer preTokenizer;

    /** Reads the vocabulary and the merges. */
    BytePairTokenizer(GgufMetadata metadata) {
        this(
                metadata,
                PreTokenizer.named(metadata.source(), metadata.string("tokenizer.ggml.pre", "default")),
                // llama.cpp falls back to 11 here, which is right for Falcon alone and a comma to GPT-2.
                new Vocabulary(metadata, -1, -1, -1));
    }

    private BytePairTokenizer(GgufMetadata metadata, PreTokenizer preTokenizer, Vocabulary vocabulary) {
        super(metadata, vocabulary, preTokenizer.addBos());
        this.preTokenizer = preTokenizer;
        table = vocabulary.table();
        String key = "tokenizer.ggml.merges";
        String[] lines = Vocabulary.array(metadata, key, metadata.strings(key));
        Thread.ofPlatform().daemon().name("gambit-merges").start(new Building(table, lines, merges));
    }

    /** Builds the merge table beside whatever else a program does at its start; it is the longer part of the work. */
    private record Building(TokenTable table, String[] lines, CompletableFuture<MergeTable> result)
            implements Runnable {
        @Override
        public void run() {
            try {
                result.complete(new MergeTable(table, lines));
            } catch (RuntimeException | Error e) {
                result.completeExceptionally(e);
            }
        }
    }

    @Override
    FragmentEncoder encoder(TokenBuffer tokens) {
        return new WordEncoder(tokens, merges.join());
    }

    @Override
    byte[] ordinaryBytes(String text) {
        return ByteAlphabet.toBytes(text);
    }

    @Override
    boolean addsSpacePrefix() {
        return false;
    }

    /** Encodes words one at a time, in buffers of its own. */
    private final class WordEncoder extends SymbolMerger implements FragmentEncoder, PreTokenizer.Words {

        private final TokenBuffer tokens;
        private final MergeTable merges;
        private String text;
        private byte[] bytes = new byte[256];
        private char[] chars = new char[0];

        WordEncoder(TokenBuffer tokens, MergeTable merges) {
            this.tokens = tokens;
            this.merges = merges;
        }

        @Override
        public void encode(String text, int from, int to, boolean afterSpecial) {
            this.text = text;
            preTokenizer.split(text, from, to, this);
        }

        @Override
        public void word(int from, int to) {
            int length = encodeUtf8(from, to);
            if (preTokenizer.ignoreMerges()) {
                int token = wholeWord(length);
                if (token >= 0) {
                    tokens.add(token);
                    return;
                }
            }
            reserve(length);
            for (int i = 0; i < length; i++) {
                set(i, merges.byteSymbol(bytes[i] & 0xFF));
            }
            merge(length);
            for (int i = 0; i != NONE; i = next(i)) {
                merges.emit(symbol(i), tokens);
            }
        }

        @Override
        protected int pair(int left, int right) {
            return merges.rank(symbol(left), symbol(right));
        }

        @Override
        protected int priority(int pair) {
            return pair;
        }

        @Override
        protected int merged(int pair) {
            return merges.merged(pair);
        }

        private int encodeUtf8(int from, int to) {
            if (bytes.length < (to - from) * 3) {
                bytes = new byte[(to - from) * 3 + 256];
            }
            int length = 0;
            for (int i = from; i < to;) {
                int codePoint = text.codePointAt(i);
                length = Utf8.encode(codePoint, bytes, length);
                i += Character.charCount(codePoint);
            }
            return length;
        }

        private int wholeWord(int length) {
            if (length > table.maxLength()) {
                return -1;
            }
            if (chars.length < length) {
                chars = new char[table.maxLength()];
            }
            for (int i = 0; i < length; i++) {
                chars[i] = ByteAlphabet.toChar(bytes[i] & 0xFF);
            }
            return table.find(chars, 0, length);
        }
    }
}
