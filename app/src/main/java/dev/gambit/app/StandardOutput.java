package dev.gambit.app;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;

/**
 * Standard output that does not swallow errors. A {@link java.io.PrintStream} only remembers them; this throws the first
 * one through it, so that {@code gambit ... | head} ends at once, and drops what comes after it.
 */
final class StandardOutput extends OutputStream {

    private static final int BUFFER = 8192;

    private final OutputStream out;
    private final byte[] buffer = new byte[BUFFER];
    private int count;
    private boolean failed;

    StandardOutput(OutputStream out) {
        this.out = out;
    }

    /** Returns UTF-8; on Windows what the console shows. */
    static Charset charset() {
        if (!System.getProperty("os.name", "").startsWith("Windows")) {
            return StandardCharsets.UTF_8;
        }
        String console = System.getProperty("stdout.encoding");
        return console != null && Charset.isSupported(console) ? Charset.forName(console) : StandardCharsets.UTF_8;
    }

    @Override
    public void write(int b) {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int from, int length) {
        if (length > BUFFER - count) {
            writeBuffer();
        }
        if (length >= BUFFER) {
            writeOut(bytes, from, length);
            return;
        }
        System.arraycopy(bytes, from, buffer, count, length);
        count += length;
    }

    @Override
    public void flush() {
        writeBuffer();
    }

    private void writeBuffer() {
        int length = count;
        count = 0;
        writeOut(buffer, 0, length);
    }

    private void writeOut(byte[] bytes, int from, int length) {
        if (failed || length == 0) {
            return;
        }
        try {
            out.write(bytes, from, length);
        } catch (IOException e) {
            failed = true;
            throw new Failure(e);
        }
    }

    /** Standard output takes no more. */
    static final class Failure extends RuntimeException {

        private static final long serialVersionUID = 1L;

        Failure(IOException cause) {
            super(cause.getMessage(), cause);
        }

        /** Returns whether the reader has gone, which is no error; a full disk is one. */
        boolean isBrokenPipe() {
            String message = getMessage();
            return message != null && (message.contains("Broken pipe") || message.contains("pipe is being closed"));
        }
    }
}
