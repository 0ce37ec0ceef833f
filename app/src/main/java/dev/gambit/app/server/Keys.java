package dev.gambit.app.server;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;

/** The API keys. Comparing takes the same time wherever two keys differ, and however long they are. */
final class Keys {

    private final List<byte[]> digests;

    Keys(List<String> keys) {
        digests = keys.stream().map(Keys::digest).toList();
    }

    /** Checks {@code Authorization: Bearer KEY}. */
    void check(String authorization) {
        if (digests.isEmpty()) {
            return;
        }
        if (authorization == null || !authorization.regionMatches(true, 0, "Bearer ", 0, 7)) {
            throw denied("This server wants an API key; send the header 'Authorization: Bearer KEY'.");
        }
        byte[] shown = digest(authorization.substring(7).trim());
        boolean known = false;
        for (byte[] digest : digests) {
            known |= MessageDigest.isEqual(digest, shown);
        }
        if (!known) {
            throw denied("The API key is not one of this server's.");
        }
    }

    private static ApiException denied(String message) {
        return new ApiException(401, "invalid_request_error", null, "invalid_api_key", message);
    }

    private static byte[] digest(String key) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
