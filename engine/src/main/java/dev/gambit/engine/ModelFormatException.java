package dev.gambit.engine;

/** A model, sidecar or statistics file that cannot be read as what it claims to be. */
public class ModelFormatException extends GambitException {

    private static final long serialVersionUID = 1L;

    /**
     * @param message one line: what, expected, found, cure
     */
    public ModelFormatException(String message) {
        super(message);
    }

    /**
     * @param message one line: what, expected, found, cure
     * @param cause what was caught
     */
    public ModelFormatException(String message, Throwable cause) {
        super(message, cause);
    }
}
