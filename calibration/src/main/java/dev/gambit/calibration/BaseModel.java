package dev.gambit.calibration;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufMetadata;
import dev.gambit.engine.gguf.GgufWriter;
import dev.gambit.engine.sparsity.ModelFingerprint;
import java.nio.file.Path;

/**
 * The model that statistics belong to.
 *
 * @param architecture {@code general.architecture}
 * @param name {@code general.name}, or the file's name
 * @param layers number of layers
 * @param embedding width of the residual stream, n_embd
 * @param feedForward width of the FFN, n_ff
 * @param fingerprint {@link ModelFingerprint}: the same for all quantisations of a model
 * @param fileType {@code general.file_type} of the file that was calibrated, -1 where it names none
 */
public record BaseModel(
        String architecture,
        String name,
        int layers,
        int embedding,
        int feedForward,
        String fingerprint,
        int fileType) {

    /**
     * Reads a model file's identity.
     *
     * @throws GambitException where the file cannot be read as a model
     */
    public static BaseModel of(Path model) {
        try (GgufFile file = GgufFile.open(model)) {
            GgufMetadata m = file.metadata();
            String architecture = m.requireString("general.architecture");
            return new BaseModel(
                    architecture,
                    m.string("general.name", model.getFileName().toString()),
                    m.requireInt(architecture + ".block_count", 1, 10_000),
                    m.requireInt(architecture + ".embedding_length", 1, 1 << 24),
                    m.requireInt(architecture + ".feed_forward_length", 1, 1 << 24),
                    ModelFingerprint.of(file),
                    m.optionalInt("general.file_type", 0, 1 << 16, -1));
        }
    }

    /** Reads what {@link #write} wrote. */
    static BaseModel read(GgufMetadata m) {
        return new BaseModel(
                m.requireString("general.architecture"),
                m.requireString("chess.base.name"),
                m.requireInt("chess.base.block_count", 1, 10_000),
                m.requireInt("chess.base.embedding_length", 1, 1 << 24),
                m.requireInt("chess.base.feed_forward_length", 1, 1 << 24),
                m.requireString("chess.base.sha256"),
                m.optionalInt("chess.base.file_type", 0, 1 << 16, -1));
    }

    /** Adds the {@code chess.base.*} keys. */
    void write(GgufWriter out) {
        out.put("chess.base.name", name);
        out.put("chess.base.block_count", layers);
        out.put("chess.base.embedding_length", embedding);
        out.put("chess.base.feed_forward_length", feedForward);
        out.put("chess.base.sha256", fingerprint);
        if (fileType >= 0) {
            out.put("chess.base.file_type", fileType);
        }
    }

    /**
     * Checks that something else belongs to the same model; its quantisation may differ.
     *
     * @param source what the other is called in the message
     * @throws ModelFormatException where it does not
     */
    public void requireSame(String source, BaseModel other) {
        if (!fingerprint.equals(other.fingerprint)) {
            throw new ModelFormatException(GambitException.line(
                    source + ": chess.base.sha256",
                    shorten(fingerprint) + " (" + name + ")",
                    shorten(other.fingerprint) + " (" + other.name + ")",
                    "merge statistics of one model only"));
        }
    }

    private static String shorten(String hash) {
        return hash.substring(0, Math.min(12, hash.length()));
    }
}
