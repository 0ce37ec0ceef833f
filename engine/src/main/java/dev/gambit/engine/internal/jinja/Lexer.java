package dev.gambit.engine.internal.jinja;

import dev.gambit.engine.GambitException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Cuts a template into tokens, with Jinja2's white-space control under {@code trim_blocks} (the newline after a block
 * or comment goes) and {@code lstrip_blocks} (blanks between the start of a line and a block or comment go).
 */
final class Lexer {

    private static final String[] OPERATORS = {"//", "**", "==", "!=", ">=", "<=",
        "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ","};

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int position;
    private int line = 1;
    private int lineCountedTo;
    /** Whether the text that follows starts a line: lstrip_blocks needs it when that text has no newline itself. */
    private boolean lineStarting = true;

    private Lexer(String source) {
        this.source = source;
    }

    /**
     * @param template Jinja source; any line ending
     * @return its tokens, the last of kind END
     */
    static List<Token> tokenize(String template) {
        String source = template.replace("\r\n", "\n").replace('\r', '\n');
        if (source.endsWith("\n")) {
            // keep_trailing_newline is off in Jinja2: exactly one newline goes
            source = source.substring(0, source.length() - 1);
        }
        Lexer lexer = new Lexer(source);
        lexer.run();
        return lexer.tokens;
    }

    private void run() {
        while (position < source.length()) {
            int begin = nextTag();
            if (begin < 0) {
                add(Token.Kind.DATA, source.substring(position), position);
                position = source.length();
                break;
            }
            char kind = source.charAt(begin + 1);
            int inner = begin + 2;
            char sign = charAt(inner);
            if (sign == '-' || sign == '+') {
                inner++;
            } else {
                sign = 0;
            }
            addData(position, begin, sign, kind != '{');
            position = inner;
            if (kind == '#') {
                comment(begin);
            } else if (kind == '%' && rawBegin(inner)) {
                raw(begin);
            } else {
                add(kind == '{' ? Token.Kind.OUTPUT_BEGIN : Token.Kind.BLOCK_BEGIN, "", begin);
                tag(kind == '%');
            }
        }
        add(Token.Kind.END, "", source.length());
    }

    private int nextTag() {
        for (int i = source.indexOf('{', position); i >= 0; i = source.indexOf('{', i + 1)) {
            char c = charAt(i + 1);
            if (c == '{' || c == '%' || c == '#') {
                return i;
            }
        }
        return -1;
    }

    private void addData(int from, int to, char sign, boolean mayLstrip) {
        int end = to;
        if (sign == '-') {
            while (end > from && PyText.isSpace(source.charAt(end - 1))) {
                end--;
            }
        } else if (sign == 0 && mayLstrip) {
            int lineStart = to;
            while (lineStart > from && source.charAt(lineStart - 1) != '\n'
                    && PyText.isSpace(source.charAt(lineStart - 1))) {
                lineStart--;
            }
            if (lineStart > from ? source.charAt(lineStart - 1) == '\n' : lineStarting) {
                end = lineStart;
            }
        }
        if (end > from) {
            add(Token.Kind.DATA, source.substring(from, end), from);
        }
    }

    private void comment(int begin) {
        int end = source.indexOf("#}", position);
        if (end < 0) {
            throw error(begin, "'#}' after a comment", "the end of the template");
        }
        char sign = end > position ? source.charAt(end - 1) : 0;
        closeTag(end + 2, sign, true);
    }

    private boolean rawBegin(int inner) {
        int i = skipSpace(inner);
        if (!source.startsWith("raw", i)) {
            return false;
        }
        i = skipSpace(i + 3);
        if (source.startsWith("-%}", i)) {
            position = skipSpace(i + 3);
            return true;
        }
        if (source.startsWith("%}", i)) {
            position = i + 2;
            return true;
        }
        return false;
    }

    private void raw(int begin) {
        int from = position;
        lineStarting = source.charAt(from - 1) == '\n';
        for (int i = source.indexOf("{%", from); i >= 0; i = source.indexOf("{%", i + 1)) {
            char sign = charAt(i + 2);
            boolean signed = sign == '-' || sign == '+';
            int name = skipSpace(signed ? i + 3 : i + 2);
            if (!source.startsWith("endraw", name)) {
                continue;
            }
            int end = skipSpace(name + 6);
            char endSign = charAt(end);
            if (endSign == '-' || endSign == '+') {
                end++;
            }
            if (source.startsWith("%}", end)) {
                addData(from, i, signed ? sign : 0, true);
                closeTag(end + 2, endSign, true);
                return;
            }
        }
        throw error(begin, "{% endraw %}", "the end of the template");
    }

    /** Moves behind a tag that ends at {@code end}, and behind the white space that its end swallows. */
    private void closeTag(int end, char sign, boolean trimNewline) {
        position = end;
        if (sign == '-') {
            position = skipSpace(end);
        } else if (sign != '+' && trimNewline && charAt(end) == '\n') {
            position = end + 1;
        }
        lineStarting = source.charAt(position - 1) == '\n';
    }

    private void tag(boolean block) {
        int begin = position;
        String close = block ? "%}" : "}}";
        Deque<Character> open = new ArrayDeque<>();
        while (true) {
            position = skipSpace(position);
            if (position >= source.length()) {
                throw error(begin, "'" + close + "'", "the end of the template");
            }
            char c = source.charAt(position);
            if (open.isEmpty()) {
                boolean signed = c == '-' || block && c == '+';
                int end = signed ? position + 1 : position;
                if (source.startsWith(close, end)) {
                    add(block ? Token.Kind.BLOCK_END : Token.Kind.OUTPUT_END, "", position);
                    closeTag(end + 2, signed ? c : 0, block);
                    return;
                }
            }
            if (c >= '0' && c <= '9') {
                number();
            } else if (c == '_' || Character.isUnicodeIdentifierStart(c)) {
                int start = position;
                while (charAt(position) == '_' || Character.isUnicodeIdentifierPart(charAt(position))
                        && charAt(position) != 0) {
                    position++;
                }
                add(Token.Kind.NAME, source.substring(start, position), start);
            } else if (c == '\'' || c == '"') {
                string(c);
            } else {
                operator(open);
            }
        }
    }

    private void operator(Deque<Character> open) {
        for (String operator : OPERATORS) {
            if (source.startsWith(operator, position)) {
                switch (operator) {
                    case "(" -> open.push(')');
                    case "[" -> open.push(']');
                    case "{" -> open.push('}');
                    case ")", "]", "}" -> {
                        if (open.isEmpty() || open.pop() != operator.charAt(0)) {
                            throw error(position, "balanced brackets", "'" + operator + "'");
                        }
                    }
                    default -> {}
                }
                add(Token.Kind.OPERATOR, operator, position);
                position += operator.length();
                return;
            }
        }
        throw error(position, "a Jinja expression", "'" + source.charAt(position) + "'");
    }

    private void number() {
        int start = position;
        boolean fraction = false;
        char second = Character.toLowerCase(charAt(start + 1));
        if (source.charAt(start) == '0' && (second == 'x' || second == 'o' || second == 'b')) {
            position += 2;
            while (Character.digit(charAt(position), 16) >= 0 || charAt(position) == '_') {
                position++;
            }
        } else {
            digits();
            boolean afterDot = start > 0 && source.charAt(start - 1) == '.';
            if (!afterDot && charAt(position) == '.' && isDigit(charAt(position + 1))) {
                fraction = true;
                position++;
                digits();
            }
            if (!afterDot && Character.toLowerCase(charAt(position)) == 'e') {
                char next = charAt(position + 1);
                int exponent = next == '+' || next == '-' ? position + 2 : position + 1;
                if (isDigit(charAt(exponent))) {
                    fraction = true;
                    position = exponent;
                    digits();
                }
            }
        }
        String text = source.substring(start, position).replace("_", "");
        add(fraction ? Token.Kind.FLOAT : Token.Kind.INTEGER, text, start);
    }

    private void digits() {
        while (isDigit(charAt(position)) || charAt(position) == '_' && isDigit(charAt(position + 1))) {
            position++;
        }
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private void string(char quote) {
        int start = position++;
        StringBuilder out = new StringBuilder();
        while (true) {
            if (position >= source.length()) {
                throw error(start, "a closing " + quote, "the end of the template");
            }
            char c = source.charAt(position++);
            if (c == quote) {
                add(Token.Kind.STRING, out.toString(), start);
                return;
            }
            if (c == '\\') {
                escape(out);
            } else {
                out.append(c);
            }
        }
    }

    /** Python's string escapes; an unknown one stays as it is, backslash included. */
    private void escape(StringBuilder out) {
        char c = charAt(position++);
        switch (c) {
            case '\n' -> {}
            case 'n' -> out.append('\n');
            case 't' -> out.append('\t');
            case 'r' -> out.append('\r');
            case 'a' -> out.append('\u0007');
            case 'b' -> out.append('\b');
            case 'f' -> out.append('\f');
            case 'v' -> out.append('\u000b');
            case '\\', '\'', '"' -> out.append(c);
            case 'x' -> hexEscape(out, 2);
            case 'u' -> hexEscape(out, 4);
            case 'U' -> hexEscape(out, 8);
            case 'N' -> namedEscape(out);
            case '0', '1', '2', '3', '4', '5', '6', '7' -> {
                int value = c - '0';
                for (int i = 0; i < 2 && charAt(position) >= '0' && charAt(position) <= '7'; i++) {
                    value = value * 8 + charAt(position++) - '0';
                }
                out.append((char) value);
            }
            default -> out.append('\\').append(c);
        }
    }

    private void hexEscape(StringBuilder out, int digits) {
        long value = 0;
        for (int i = 0; i < digits; i++) {
            int digit = Character.digit(charAt(position), 16);
            if (digit < 0) {
                throw error(position, digits + " hexadecimal digits after a backslash", "'" + charAt(position) + "'");
            }
            value = value * 16 + digit;
            position++;
        }
        if (value > Character.MAX_CODE_POINT) {
            throw error(position, "a Unicode code point", "0x" + Long.toHexString(value));
        }
        out.appendCodePoint((int) value);
    }

    private void namedEscape(StringBuilder out) {
        int end = source.indexOf('}', position);
        try {
            if (charAt(position) == '{' && end > position && end - position < 100) {
                out.appendCodePoint(Character.codePointOf(source.substring(position + 1, end)));
                position = end + 1;
                return;
            }
        } catch (IllegalArgumentException e) {
            // no such character: reported below
        }
        throw error(position, "a character's name in braces after \\N", "'" + charAt(position) + "'");
    }

    private int skipSpace(int from) {
        int i = from;
        while (i < source.length() && PyText.isSpace(source.charAt(i))) {
            i++;
        }
        return i;
    }

    /** The character at an index, 0 behind the end. */
    private char charAt(int index) {
        return index < source.length() ? source.charAt(index) : 0;
    }

    private void add(Token.Kind kind, String text, int at) {
        tokens.add(new Token(kind, text, lineOf(at)));
    }

    private int lineOf(int at) {
        for (; lineCountedTo < at; lineCountedTo++) {
            if (source.charAt(lineCountedTo) == '\n') {
                line++;
            }
        }
        return line;
    }

    private GambitException error(int at, String expected, String found) {
        int errorLine = 1 + (int) source.substring(0, Math.min(at, source.length())).chars()
                .filter(c -> c == '\n').count();
        return TemplateErrors.at(errorLine, expected, found);
    }
}
