package dev.gambit.engine.gguf;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * Reads little-endian values one after the other and refuses to run past the end. It works through a window of plain
 * bytes on the heap, which a virtual machine that has just started reads several times faster than a segment.
 */
final class HeaderReader {

    private static final int WINDOW = 1 << 16;

    private final ByteSource bytes;
    private final String source;
    private final byte[] window;
    private long windowStart;
    private int windowLength;
    private int next;
    private String kind = "header";
    private String name;

    HeaderReader(ByteSource bytes, String source) {
        this.bytes = bytes;
        this.source = source;
        this.window = new byte[(int) Math.min(WINDOW, bytes.size())];
    }

    /**
     * Says what is being read. The words are put together only where a message needs them: the first string
     * concatenations of a virtual machine take longer than reading a header.
     *
     * @param newKind such as "tensor "
     * @param newName a name from the file, or null
     */
    void reading(String newKind, String newName) {
        kind = newKind;
        name = newName;
    }

    /** Returns the file and what is being read, for messages. */
    String where() {
        return source + ": " + kind + (name == null ? "" : Printable.of(name));
    }

    /** Returns bytes read so far. */
    long position() {
        return windowStart + next;
    }

    /** Returns bytes to the end. */
    long remaining() {
        return bytes.size() - position();
    }

    int uint8() throws IOException {
        int i = take(1);
        return window[i] & 0xff;
    }

    int uint16() throws IOException {
        int i = take(2);
        return window[i] & 0xff | (window[i + 1] & 0xff) << 8;
    }

    /** Reads 32 bits of either sign. */
    int int32() throws IOException {
        return int32At(take(4));
    }

    long uint32() throws IOException {
        return int32() & 0xffff_ffffL;
    }

    /** Reads 64 bits of either sign. */
    long int64() throws IOException {
        int i = take(8);
        return int32At(i) & 0xffff_ffffL | (long) int32At(i + 4) << 32;
    }

    float float32() throws IOException {
        return Float.intBitsToFloat(int32());
    }

    double float64() throws IOException {
        return Double.longBitsToDouble(int64());
    }

    /**
     * Reads a string: its length in 64 bits, then UTF-8. What is not UTF-8 becomes U+FFFD.
     *
     * @param maxBytes the longest that is believable
     */
    String string(int maxBytes) throws IOException {
        long length = int64();
        if (length < 0 || length > Math.min(maxBytes, remaining())) {
            throw new ModelFormatException(GambitException.line(
                    where(), "a string of at most " + Math.min(maxBytes, remaining()) + " bytes",
                    Long.toUnsignedString(length), "the file is damaged or the download incomplete"));
        }
        int n = (int) length;
        if (n == 0) {
            return "";
        }
        if (n <= window.length) {
            return new String(window, take(n), n, StandardCharsets.UTF_8);
        }
        byte[] large = new byte[n];
        for (int done = 0; done < n;) {
            int count = Math.min(window.length, n - done);
            System.arraycopy(window, take(count), large, done, count);
            done += count;
        }
        return new String(large, StandardCharsets.UTF_8);
    }

    private int int32At(int i) {
        return window[i] & 0xff | (window[i + 1] & 0xff) << 8 | (window[i + 2] & 0xff) << 16 | window[i + 3] << 24;
    }

    /** Returns where in the window the next {@code count} bytes are. */
    private int take(int count) throws IOException {
        if (windowLength - next < count) {
            refill(count);
        }
        int at = next;
        next += count;
        return at;
    }

    private void refill(int count) throws IOException {
        if (remaining() < count) {
            throw new ModelFormatException(GambitException.line(
                    where(), count + " more bytes", remaining() + " before the end of the file",
                    "the download is probably incomplete"));
        }
        windowStart += next;
        next = 0;
        windowLength = 0;
        int length = (int) Math.min(window.length, bytes.size() - windowStart);
        bytes.read(windowStart, window, 0, length);
        windowLength = length;
    }
}
