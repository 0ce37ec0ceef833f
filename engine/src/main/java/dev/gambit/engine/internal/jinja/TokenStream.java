package dev.gambit.engine.internal.jinja;

import dev.gambit.engine.GambitException;
import java.util.List;

/** The parser's place in the tokens, and its guard against nesting too deep for the stack. */
final class TokenStream {

    /** No template of a published model nests deeper than some twenty levels. */
    private static final int MAX_DEPTH = 200;

    private final List<Token> tokens;
    private int index;
    private int depth;

    TokenStream(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token current() {
        return tokens.get(index);
    }

    Token lookAhead() {
        return tokens.get(Math.min(index + 1, tokens.size() - 1));
    }

    int line() {
        return current().line();
    }

    Token next() {
        Token token = current();
        if (token.kind() != Token.Kind.END) {
            index++;
        }
        return token;
    }

    boolean skipOperator(String operator) {
        if (current().isOperator(operator)) {
            next();
            return true;
        }
        return false;
    }

    boolean skipName(String name) {
        if (current().isName(name)) {
            next();
            return true;
        }
        return false;
    }

    void expectOperator(String operator) {
        if (!skipOperator(operator)) {
            throw unexpected("'" + operator + "'");
        }
    }

    void expectName(String name) {
        if (!skipName(name)) {
            throw unexpected("'" + name + "'");
        }
    }

    Token expect(Token.Kind kind, String description) {
        if (current().kind() != kind) {
            throw unexpected(description);
        }
        return next();
    }

    String expectAnyName() {
        return expect(Token.Kind.NAME, "a name").text();
    }

    void enter() {
        if (++depth > MAX_DEPTH) {
            throw TemplateErrors.at(line(), "nesting of at most " + MAX_DEPTH + " levels", "more");
        }
    }

    void leave() {
        depth--;
    }

    GambitException unexpected(String expected) {
        return TemplateErrors.at(line(), expected, current().describe());
    }
}
