package dev.gambit.calibration;

import dev.gambit.engine.GambitException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * A model's predictions on a text, in llama-perplexity's format ({@code --kl-divergence-base}), so that either program
 * reads what the other wrote. Little-endian: {@code "_logits_"}, then 32-bit numbers n_ctx, n_vocab, n_chunk and the
 * {@code n_chunk · n_ctx} tokens; then for each window the rows that are scored ({@link #rows}): two 32-bit floats,
 * step and offset, and n_vocab (rounded up to even) 16-bit numbers, {@code log p_i = step · q_i + offset}. The numbers span
 * 16 nats below the likeliest token; what is less likely is at the lower end, where readers leave it out.
 */
public final class LogitsFile implements AutoCloseable {

    /** Log-probabilities at or below take no part in the divergence: the file does not resolve them. */
    static final float FLOOR = -16f;

    private static final byte[] MAGIC = "_logits_".getBytes(StandardCharsets.US_ASCII);
    private static final int STEPS = 65_535;
    private static final int MAX_WINDOW_BYTES = 1 << 30;

    private final FileChannel channel;
    private final Path path;
    private final Path target;
    private final int vocabulary;
    private final int[] tokens;
    private final int size;
    private final ByteBuffer window;
    private boolean complete;

    private LogitsFile(FileChannel channel, Path path, Path target, int vocabulary, int[] tokens, int size) {
        this.channel = channel;
        this.path = path;
        this.target = target;
        this.vocabulary = vocabulary;
        this.tokens = tokens;
        this.size = size;
        window = buffer(windowBytes(size, vocabulary));
    }

    private static ByteBuffer buffer(long bytes) {
        return ByteBuffer.allocate((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Returns the rows of a window: positions from half of it on, but the last, whose next token is not in it. */
    static int rows(int size) {
        return size - 1 - size / 2;
    }

    private static long rowBytes(int vocabulary) {
        return 8 + 2L * (vocabulary + vocabulary % 2);
    }

    private static long windowBytes(int size, int vocabulary) {
        return rows(size) * rowBytes(vocabulary);
    }

    // --- writing -----------------------------------------------------------------------------------------------------

    /**
     * Begins a file; {@link #close} puts it in its place once all windows are there.
     *
     * @param target where to; a file that is there is replaced whole or not at all
     * @param windows the text
     * @param vocabulary n_vocab of the model
     * @throws GambitException where it cannot be written
     */
    public static LogitsFile create(Path target, TokenWindows windows, int vocabulary) {
        long bytes = windowBytes(windows.size(), vocabulary);
        if (rows(windows.size()) < 1 || bytes > MAX_WINDOW_BYTES) {
            throw new GambitException(GambitException.line(
                    "window", "at least 4 tokens and at most " + MAX_WINDOW_BYTES + " bytes of logits",
                    windows.size() + " and " + bytes, "choose another size (-c)"));
        }
        int[] tokens = new int[windows.count() * windows.size()];
        for (int w = 0; w < windows.count(); w++) {
            System.arraycopy(windows.window(w), 0, tokens, w * windows.size(), windows.size());
        }
        Path part = target.resolveSibling(target.getFileName() + ".part");
        try {
            FileChannel channel = FileChannel.open(
                    part, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE);
            LogitsFile file = new LogitsFile(channel, part, target, vocabulary, tokens, windows.size());
            ByteBuffer header = buffer(MAGIC.length + 12 + 4L * tokens.length);
            header.put(MAGIC).putInt(windows.size()).putInt(vocabulary).putInt(windows.count());
            header.asIntBuffer().put(tokens);
            file.write(header.position(0));
            return file;
        } catch (IOException e) {
            throw unwritable(target, e);
        }
    }

    /**
     * Puts a row into the window; rows of one window may come from several threads.
     *
     * @param row from 0
     * @param logSum {@link LogSoftmax#logSumExp} of the row
     */
    void put(int row, float[] logits, int at, double logSum) {
        float max = LogSoftmax.max(logits, at, vocabulary);
        float min = max;
        for (int i = at; i < at + vocabulary; i++) {
            min = Math.min(min, logits[i]);
        }
        min = Math.max(min, max + FLOOR);
        float step = (max - min) / STEPS;
        int start = (int) (row * rowBytes(vocabulary));
        double error = 0;
        double mass = 0;
        for (int i = 0; i < vocabulary; i++) {
            float x = logits[at + i];
            int q = step > 0 && x > min ? (int) Math.min(STEPS, Math.rint((x - (double) min) / step)) : 0;
            window.putShort(start + 8 + 2 * i, (short) q);
            if (x > min) {
                double p = LogSoftmax.exp(x - logSum);
                error += p * (min + (double) step * q - x);
                mass += p;
            }
        }
        // The offset takes up what rounding moves on average, so that a model's divergence from itself is 0.
        window.putFloat(start, step);
        window.putFloat(start + 4, (float) (min - logSum - (mass > 0 ? error / mass : 0)));
    }

    /** Ends a window whose rows have all been put. */
    void endWindow() {
        try {
            write(window.position(0));
            complete = channel.position() == length(tokens.length, tokens.length / size, size, vocabulary);
        } catch (IOException e) {
            throw unwritable(target, e);
        }
    }

    private void write(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private static long length(long tokens, long chunks, int size, int vocabulary) {
        return MAGIC.length + 12 + 4 * tokens + chunks * windowBytes(size, vocabulary);
    }

    // --- reading -----------------------------------------------------------------------------------------------------

    /**
     * Opens a file that Gambit or llama-perplexity wrote.
     *
     * @param source the file
     * @param vocabulary n_vocab of the model to compare with it
     * @throws GambitException where it is of another kind, cut, or of a model with another vocabulary
     */
    public static LogitsFile open(Path source, int vocabulary) {
        requireFile(source);
        FileChannel channel = null;
        LogitsFile file = null;
        try {
            channel = FileChannel.open(source, StandardOpenOption.READ);
            file = read(channel, source, vocabulary);
            return file;
        } catch (IOException e) {
            throw unreadable(source, e);
        } finally {
            if (file == null) {
                closeQuietly(channel);
            }
        }
    }

    /**
     * Returns the tokens of a window, which a model has to have room for.
     *
     * @throws GambitException where the file is of another kind or cannot be read
     */
    public static int windowSize(Path source) {
        requireFile(source);
        try (FileChannel channel = FileChannel.open(source, StandardOpenOption.READ)) {
            int size = header(channel, source).getInt();
            if (size < 4 || channel.size() < 4L * size) {
                throw wrong(source, "windows of 4 tokens and more", size, "write it again");
            }
            return size;
        } catch (IOException e) {
            throw unreadable(source, e);
        }
    }

    private static void requireFile(Path source) {
        if (!Files.isRegularFile(source)) {
            throw wrong(source, "a file", Files.exists(source) ? "something else" : "none",
                    "write it first: --kl-divergence-base without --kl-divergence");
        }
    }

    /** Reads the header and stands behind the magic word. */
    private static ByteBuffer header(FileChannel channel, Path source) throws IOException {
        ByteBuffer header = buffer(MAGIC.length + 12);
        byte[] magic = new byte[MAGIC.length];
        int found = fill(channel, header);
        header.position(0).get(magic);
        if (found < header.capacity() || !Arrays.equals(magic, MAGIC)) {
            throw wrong(source, "\"_logits_\" at its start", found < header.capacity() ? found + " bytes"
                    : "something else", "pass a file that --kl-divergence-base wrote");
        }
        return header;
    }

    private static LogitsFile read(FileChannel channel, Path source, int vocabulary) throws IOException {
        ByteBuffer header = header(channel, source);
        int size = header.getInt();
        int words = header.getInt();
        int chunks = header.getInt();
        if (words != vocabulary) {
            throw wrong(source, vocabulary + " tokens in the vocabulary as in the model", words,
                    "compare models of one vocabulary");
        }
        if (size < 4 || chunks < 1 || windowBytes(size, words) > MAX_WINDOW_BYTES
                || (long) size * chunks > Integer.MAX_VALUE / 4 - 32) {
            throw wrong(source, "windows of 4 tokens and more", chunks + " of " + size, "write it again");
        }
        long expected = length((long) size * chunks, chunks, size, words);
        if (channel.size() != expected) {
            throw wrong(source, expected + " bytes", channel.size(), "it was cut; write it again");
        }
        ByteBuffer bytes = buffer(4L * size * chunks);
        fill(channel, bytes);
        int[] tokens = new int[size * chunks];
        bytes.position(0).asIntBuffer().get(tokens);
        for (int token : tokens) {
            if (token < 0 || token >= words) {
                throw wrong(source, "tokens from 0 to " + (words - 1), token, "it is damaged; write it again");
            }
        }
        return new LogitsFile(channel, source, null, words, tokens, size);
    }

    private static int fill(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining() && channel.read(bytes) >= 0) {
            // until it is full or the file ends
        }
        return bytes.position();
    }

    /**
     * Returns the text.
     *
     * @param bos the token that takes the place of each window's first; -1 for none
     * @param limit windows to take at most; 0 for all
     */
    public TokenWindows windows(int limit, int bos) {
        return TokenWindows.of(tokens, size, limit, bos);
    }

    /** Reads the next window's rows. */
    void nextWindow() {
        try {
            fill(channel, window.position(0));
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    /** Gets the log-probabilities of a row of the window; rows of one window may be taken by several threads. */
    void get(int row, float[] logProbabilities) {
        int start = (int) (row * rowBytes(vocabulary));
        float step = window.getFloat(start);
        float offset = window.getFloat(start + 4);
        if (!(step >= 0 && offset <= 0)) {
            throw wrong(path, "log-probabilities", step + " a step, from " + offset, "it is damaged; write it again");
        }
        for (int i = 0; i < vocabulary; i++) {
            logProbabilities[i] = step * Short.toUnsignedInt(window.getShort(start + 8 + 2 * i)) + offset;
        }
    }

    /** Closes the file; one that was written takes its place if it is complete and vanishes if it is not. */
    @Override
    public void close() {
        try {
            channel.close();
            if (target != null && complete) {
                Files.move(path, target, StandardCopyOption.REPLACE_EXISTING);
            } else if (target != null) {
                Files.deleteIfExists(path);
            }
        } catch (IOException e) {
            throw unwritable(target == null ? path : target, e);
        }
    }

    private static void closeQuietly(FileChannel channel) {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            // it was only read
        }
    }

    private static GambitException wrong(Path file, Object expected, Object found, String cure) {
        return new GambitException(GambitException.line(file.toString(), expected, found, cure));
    }

    private static GambitException unreadable(Path file, IOException e) {
        return new GambitException(GambitException.line(
                file.toString(), "a readable file", e.getMessage() == null ? e.getClass().getSimpleName()
                        : e.getMessage(), "check the file"), e);
    }

    private static GambitException unwritable(Path file, IOException e) {
        return new GambitException(GambitException.line(
                file.toString(), "a file that can be written", e.getMessage() == null ? e.getClass().getSimpleName()
                        : e.getMessage(), "check the folder and the room in it"), e);
    }
}
