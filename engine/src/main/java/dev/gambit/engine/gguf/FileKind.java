package dev.gambit.engine.gguf;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Locale;

/** Names what people mistake for a GGUF file. */
final class FileKind {

    private FileKind() {}

    /** Returns what a file that starts with these bytes probably is. */
    static String describe(byte[] start) {
        String text = new String(start, StandardCharsets.ISO_8859_1);
        String lower = text.toLowerCase(Locale.ROOT);
        if (text.startsWith("version https:/")) {
            return "a Git LFS pointer in place of the file";
        }
        if (lower.startsWith("<!doctype") || lower.startsWith("<html")) {
            return "a web page";
        }
        if (text.startsWith("lmgg") || text.startsWith("tjgg") || text.startsWith("fmgg")) {
            return "a GGML file from before GGUF";
        }
        if (text.length() > 8 && text.charAt(8) == '{') {
            return "a safetensors file";
        }
        if (text.startsWith("PK\3\4")) {
            return "a ZIP archive or PyTorch checkpoint";
        }
        return "a file that starts with " + HexFormat.ofDelimiter(" ").formatHex(start, 0, Math.min(4, start.length));
    }
}
