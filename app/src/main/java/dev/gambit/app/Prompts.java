package dev.gambit.app;

import dev.gambit.engine.GambitException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Prompts as they come: from an option with escapes in it, from a file, from standard input. */
final class Prompts {

    private static final long MAX_BYTES = 64L << 20;

    private Prompts() {}

    /** Replaces {@code \n \r \t \' \" \\} and {@code \xHH} by what they stand for, as llama.cpp does with its options. */
    static String unescape(String text) {
        int slash = text.indexOf('\\');
        if (slash < 0) {
            return text;
        }
        StringBuilder plain = new StringBuilder(text.length()).append(text, 0, slash);
        for (int i = slash; i < text.length(); i++) {
            char c = text.charAt(i);
            int kind = c == '\\' && i + 1 < text.length() ? "nrt'\"\\".indexOf(text.charAt(i + 1)) : -1;
            if (kind >= 0) {
                plain.append("\n\r\t'\"\\".charAt(kind));
                i++;
            } else if (c == '\\' && isHex(text, i)) {
                plain.append((char) Integer.parseInt(text, i + 2, i + 4, 16));
                i += 3;
            } else {
                plain.append(c);
            }
        }
        return plain.toString();
    }

    private static boolean isHex(String text, int slash) {
        return slash + 3 < text.length()
                && text.charAt(slash + 1) == 'x'
                && Character.digit(text.charAt(slash + 2), 16) >= 0
                && Character.digit(text.charAt(slash + 3), 16) >= 0;
    }

    /**
     * Reads a UTF-8 text.
     *
     * @param file the file; {@code -} for standard input
     * @return the text, without the line end it ends with
     * @throws GambitException where it cannot be read or is no text
     */
    static String read(Path file) {
        boolean standardInput = file.toString().equals("-");
        String what = standardInput ? "standard input" : file.toString();
        try {
            if (!standardInput && Files.isDirectory(file)) {
                throw new GambitException(
                        GambitException.line(what, "a text file", "a directory", "check the path"));
            }
            if (!standardInput && Files.size(file) > MAX_BYTES) {
                throw new GambitException(GambitException.line(
                        what, "a text of at most " + MAX_BYTES + " bytes", Files.size(file), "is it the right file?"));
            }
            byte[] bytes = standardInput ? System.in.readAllBytes() : Files.readAllBytes(file);
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
            if (text.startsWith("\uFEFF")) {
                text = text.substring(1);
            }
            int end = text.length();
            if (text.endsWith("\n")) {
                end -= text.endsWith("\r\n") ? 2 : 1;
            }
            return text.substring(0, end);
        } catch (CharacterCodingException e) {
            throw new GambitException(
                    GambitException.line(what, "a text in UTF-8", "bytes that are none",
                            "convert it, or check the path"), e);
        } catch (IOException e) {
            String found = Files.exists(file) ? "one that cannot be read" : "none";
            throw new GambitException(GambitException.line(what, "a text file", found, "check the path"), e);
        }
    }
}
