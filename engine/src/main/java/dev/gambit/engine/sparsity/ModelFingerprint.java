package dev.gambit.engine.sparsity;

import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;

/**
 * Tells whether two files hold the same model: a hash over the architecture, the shapes and the norms' weights. Norms stay
 * 32-bit floats however a model is quantised, so all quantisations of one model have the same fingerprint and another
 * model, a fine-tuned one of the same shape among them, has another.
 */
public final class ModelFingerprint {

    private ModelFingerprint() {}

    /** Returns the SHA-256 of a model file's identity, in hexadecimal. */
    public static String of(GgufFile file) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(text(file.metadata().string("general.architecture", "")));
            // By name: tools that quantise may put tensors in another order.
            List<GgufTensor> norms = file.tensors().stream()
                    .filter(t -> t.name().endsWith("_norm.weight"))
                    .sorted(Comparator.comparing(GgufTensor::name))
                    .toList();
            for (GgufTensor t : norms) {
                digest.update(text(t.name()));
                try (Arena arena = Arena.ofConfined()) {
                    digest.update(file.map(t, arena).toArray(ValueLayout.JAVA_BYTE));
                }
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    private static byte[] text(String s) {
        return s.getBytes(StandardCharsets.UTF_8);
    }
}
