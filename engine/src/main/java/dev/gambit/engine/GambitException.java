package dev.gambit.engine;

/**
 * The one family of exceptions that Gambit throws for anything a caller or an input file can cause. The message is one
 * line: what went wrong, what was expected, what was found and what to do about it.
 */
public class GambitException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /**
     * @param message one line: what, expected, found, cure
     */
    public GambitException(String message) {
        super(message);
    }

    /**
     * @param message one line: what, expected, found, cure
     * @param cause what was caught
     */
    public GambitException(String message, Throwable cause) {
        super(message, cause);
    }

    /**
     * Puts the four parts into one line, in the form {@code what: expected E, found F; cure}.
     *
     * @param what the file, key, tensor or option, and what is wrong with it
     * @param expected what should have been there
     * @param found what was there
     * @param cure what to do about it
     * @return the line
     */
    public static String line(String what, Object expected, Object found, String cure) {
        return what + ": expected " + expected + ", found " + found + "; " + cure;
    }
}
