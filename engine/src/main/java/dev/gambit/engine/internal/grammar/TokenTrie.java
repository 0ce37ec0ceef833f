package dev.gambit.engine.internal.grammar;

import dev.gambit.engine.Tokenizer;
import java.util.Arrays;

/**
 * The vocabulary as a tree over the tokens' bytes, its nodes in the order of a walk: a node's children come right behind
 * it, and {@link #end} is the node behind its last descendant. Tokens without bytes are not in it: control tokens say
 * nothing to a reader.
 */
public final class TokenTrie {

    /** Longer tokens are left out; they are runs of spaces or dashes. */
    static final int MAX_LENGTH = 128;

    /** Nodes. */
    final int size;
    /** Per node: the byte that leads to it. */
    final byte[] value;
    /** Per node: how many bytes stand before {@link #value}, from 0. */
    final byte[] depth;
    /** Per node: the first node that is no descendant of it. */
    final int[] end;
    /** Per node: where its tokens begin in {@link #tokens}; they end where the next node's begin. */
    final int[] first;
    /** The ids of all tokens, by node. */
    final int[] tokens;
    /** Tokens in the vocabulary, those included that are not in the tree. */
    final int vocabulary;
    /** What ends a text, as bits. */
    final long[] endOfGeneration;
    /** Bytes that are tokens. */
    final ByteSet single;

    /**
     * @param tokenizer knows the tokens
     */
    public TokenTrie(Tokenizer tokenizer) {
        vocabulary = tokenizer.vocabularySize();
        endOfGeneration = new long[vocabulary + 63 >> 6];
        tokenizer.endOfGeneration().forEach(t -> endOfGeneration[t >> 6] |= 1L << t);
        byte[][] bytes = new byte[vocabulary][];
        Integer[] order = new Integer[vocabulary];
        int count = 0;
        int total = 0;
        for (int t = 0; t < vocabulary; t++) {
            bytes[t] = tokenizer.isEndOfGeneration(t) ? new byte[0] : tokenizer.tokenBytes(t);
            if (bytes[t].length > 0 && bytes[t].length < MAX_LENGTH) {
                order[count++] = t;
                total += bytes[t].length;
            }
        }
        Arrays.sort(order, 0, count, (a, b) -> Arrays.compareUnsigned(bytes[a], bytes[b]));
        byte[] values = new byte[total];
        byte[] depths = new byte[total];
        int[] ends = new int[total];
        int[] firsts = new int[total + 1];
        tokens = new int[count];
        int[] path = new int[MAX_LENGTH];
        byte[] before = {};
        int nodes = 0;
        for (int i = 0; i < count; i++) {
            byte[] b = bytes[order[i]];
            int same = Arrays.mismatch(before, b);
            same = same < 0 ? b.length : same;
            for (int d = same; d < before.length; d++) {
                ends[path[d]] = nodes;
            }
            for (int d = same; d < b.length; d++) {
                path[d] = nodes;
                values[nodes] = b[d];
                depths[nodes] = (byte) d;
                firsts[nodes++] = i;
            }
            tokens[i] = order[i];
            before = b;
        }
        for (int d = 0; d < before.length; d++) {
            ends[path[d]] = nodes;
        }
        firsts[nodes] = count;
        size = nodes;
        value = Arrays.copyOf(values, nodes);
        depth = Arrays.copyOf(depths, nodes);
        end = Arrays.copyOf(ends, nodes);
        first = Arrays.copyOf(firsts, nodes + 1);
        single = singles();
    }

    private ByteSet singles() {
        ByteSet set = ByteSet.range(1, 0);
        for (int node = 0; node < size; node = end[node]) {
            if (first[node + 1] > first[node]) {
                int b = value[node] & 0xff;
                set = set.or(ByteSet.range(b, b));
            }
        }
        return set;
    }

    /**
     * Returns, for each place in some bytes, the fewest tokens that write the rest.
     *
     * @return one more than the bytes, the last one 0; {@link Costs#INFINITE} where no tokens do
     */
    int[] fewestTokens(byte[] bytes) {
        int[] fewest = new int[bytes.length + 1];
        for (int from = bytes.length - 1; from >= 0; from--) {
            fewest[from] = Costs.INFINITE;
            int node = 0;
            int stop = size;
            for (int at = from; at < bytes.length; at++) {
                while (node < stop && value[node] != bytes[at]) {
                    node = end[node];
                }
                if (node == stop) {
                    break;
                }
                if (first[node + 1] > first[node]) {
                    fewest[from] = Math.min(fewest[from], Costs.sum(1, fewest[at + 1]));
                }
                stop = end[node];
                node++;
            }
        }
        return fewest;
    }
}
