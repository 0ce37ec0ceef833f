package dev.gambit.engine.internal.jinja;

/**
 * One lexical unit of a template.
 *
 * @param kind what it is
 * @param text literal text, the name, the operator, or the decoded value of a string literal
 * @param line 1-based line it starts on
 */
record Token(Kind kind, String text, int line) {

    enum Kind { DATA, OUTPUT_BEGIN, OUTPUT_END, BLOCK_BEGIN, BLOCK_END, NAME, STRING, INTEGER, FLOAT, OPERATOR, END }

    boolean isOperator(String operator) {
        return kind == Kind.OPERATOR && text.equals(operator);
    }

    boolean isName(String name) {
        return kind == Kind.NAME && text.equals(name);
    }

    /** What a reader of an error message should see. */
    String describe() {
        return switch (kind) {
            case END -> "the end of the template";
            case DATA -> "text";
            case OUTPUT_BEGIN -> "'{{'";
            case OUTPUT_END -> "'}}'";
            case BLOCK_BEGIN -> "'{%'";
            case BLOCK_END -> "'%}'";
            case STRING -> "a string";
            case NAME, INTEGER, FLOAT, OPERATOR -> "'" + text + "'";
        };
    }
}
