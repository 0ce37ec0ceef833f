package dev.gambit.engine.internal.jinja;

import java.util.ArrayList;
import java.util.List;

/** Parses a template's statements; what needs other files (include, import, extends, block) is refused by name. */
final class StatementParser {

    private static final String KNOWN = "one of the tags for, if, set, macro, call, filter, with, raw, break, continue,"
            + " generation";

    private final TokenStream stream;
    private final ExpressionParser expressions;
    private int loops;

    private StatementParser(TokenStream stream) {
        this.stream = stream;
        this.expressions = new ExpressionParser(stream);
    }

    /**
     * @param source Jinja source
     * @return its statements
     */
    static List<Stmt> parse(String source) {
        StatementParser parser = new StatementParser(new TokenStream(Lexer.tokenize(source)));
        return parser.body("the end of the template");
    }

    /** Statements up to a tag named in {@code ends}, which is left to be read, or up to the end of the template. */
    private List<Stmt> body(String expectedEnd, String... ends) {
        stream.enter();
        List<Stmt> statements = new ArrayList<>();
        while (true) {
            Token token = stream.current();
            switch (token.kind()) {
                case DATA -> statements.add(new Stmt.Text(stream.next().text(), token.line()));
                case OUTPUT_BEGIN -> {
                    stream.next();
                    statements.add(new Stmt.Output(expressions.tuple(true), token.line()));
                    stream.expect(Token.Kind.OUTPUT_END, "'}}'");
                }
                case BLOCK_BEGIN -> {
                    stream.next();
                    if (stream.current().kind() == Token.Kind.NAME
                            && List.of(ends).contains(stream.current().text())) {
                        stream.leave();
                        return statements;
                    }
                    statements.add(tag(token.line(), expectedEnd));
                }
                default -> {
                    if (ends.length > 0) {
                        throw stream.unexpected(expectedEnd);
                    }
                    stream.leave();
                    return statements;
                }
            }
        }
    }

    private List<Stmt> bodyUntil(String end) {
        List<Stmt> statements = body("{% " + end + " %}", end);
        stream.next();
        endTag();
        return statements;
    }

    private void endTag() {
        stream.expect(Token.Kind.BLOCK_END, "'%}'");
    }

    private Stmt tag(int line, String expectedEnd) {
        String name = stream.expect(Token.Kind.NAME, "a tag name").text();
        return switch (name) {
            case "if" -> ifTag(line);
            case "for" -> forTag(line);
            case "set" -> setTag(line);
            case "macro" -> macroTag(line);
            case "call" -> callTag(line);
            case "filter" -> {
                List<Expr.Filter> filters = new ArrayList<>(List.of(expressions.filter(null)));
                while (stream.skipOperator("|")) {
                    filters.add(expressions.filter(null));
                }
                endTag();
                yield new Stmt.FilterBlock(filters, bodyUntil("endfilter"), line);
            }
            case "with" -> withTag(line);
            case "generation" -> {
                // transformers' mark around what the assistant wrote; the text itself is unchanged
                endTag();
                yield new Stmt.With(List.of(), List.of(), bodyUntil("endgeneration"), line);
            }
            case "break", "continue" -> {
                if (loops == 0) {
                    throw TemplateErrors.at(line, "'" + name + "' inside a for loop", "it outside");
                }
                endTag();
                yield name.equals("break") ? new Stmt.Break(line) : new Stmt.Continue(line);
            }
            default -> throw TemplateErrors.at(line, name.startsWith("end") || name.startsWith("el")
                    ? expectedEnd : KNOWN, "'" + name + "'");
        };
    }

    private Stmt ifTag(int line) {
        List<Stmt.Branch> branches = new ArrayList<>();
        List<Stmt> otherwise = List.of();
        while (true) {
            Expr test = expressions.tuple(false);
            endTag();
            branches.add(new Stmt.Branch(test, body("{% endif %}", "elif", "else", "endif")));
            String end = stream.next().text();
            if (end.equals("elif")) {
                continue;
            }
            endTag();
            if (end.equals("else")) {
                otherwise = bodyUntil("endif");
            }
            return new Stmt.If(branches, otherwise, line);
        }
    }

    private Stmt forTag(int line) {
        Stmt.Target target = target(false);
        stream.expectName("in");
        Expr iterable = expressions.tuple(false);
        Expr filter = stream.skipName("if") ? expressions.expression() : null;
        if (stream.current().isName("recursive")) {
            throw TemplateErrors.at(line, "a plain for loop", "'recursive'");
        }
        endTag();
        loops++;
        List<Stmt> body = body("{% endfor %}", "else", "endfor");
        loops--;
        List<Stmt> otherwise = List.of();
        boolean hasElse = stream.next().isName("else");
        endTag();
        if (hasElse) {
            otherwise = bodyUntil("endfor");
        }
        return new Stmt.For(target, iterable, filter, body, otherwise, line);
    }

    private Stmt setTag(int line) {
        Stmt.Target target = target(true);
        if (stream.skipOperator("=")) {
            Expr value = expressions.tuple(true);
            endTag();
            return new Stmt.Assign(target, value, line);
        }
        List<Expr.Filter> filters = new ArrayList<>();
        while (stream.skipOperator("|")) {
            filters.add(expressions.filter(null));
        }
        endTag();
        return new Stmt.AssignBlock(target, filters, bodyUntil("endset"), line);
    }

    private Stmt macroTag(int line) {
        Stmt.Signature signature = signature(stream.expectAnyName());
        endTag();
        int outer = loops;
        loops = 0;
        List<Stmt> body = bodyUntil("endmacro");
        loops = outer;
        return new Stmt.MacroDefinition(signature, body, line);
    }

    private Stmt callTag(int line) {
        Stmt.Signature signature = stream.current().isOperator("(")
                ? signature("caller") : new Stmt.Signature("caller", List.of(), List.of());
        if (!(expressions.expression() instanceof Expr.Call call)) {
            throw TemplateErrors.at(line, "a call after 'call'", "another expression");
        }
        endTag();
        int outer = loops;
        loops = 0;
        List<Stmt> body = bodyUntil("endcall");
        loops = outer;
        return new Stmt.CallBlock(signature, call, body, line);
    }

    private Stmt withTag(int line) {
        List<Stmt.Target> targets = new ArrayList<>();
        List<Expr> values = new ArrayList<>();
        while (stream.current().kind() != Token.Kind.BLOCK_END) {
            if (!targets.isEmpty()) {
                stream.expectOperator(",");
            }
            targets.add(singleTarget(false));
            stream.expectOperator("=");
            values.add(expressions.expression());
        }
        endTag();
        return new Stmt.With(targets, values, bodyUntil("endwith"), line);
    }

    private Stmt.Signature signature(String name) {
        List<String> parameters = new ArrayList<>();
        List<Expr> defaults = new ArrayList<>();
        stream.expectOperator("(");
        while (!stream.current().isOperator(")")) {
            if (!parameters.isEmpty()) {
                stream.expectOperator(",");
            }
            parameters.add(stream.expectAnyName());
            if (stream.skipOperator("=")) {
                defaults.add(expressions.expression());
            } else if (!defaults.isEmpty()) {
                throw stream.unexpected("a default value, as the parameter before has one");
            }
        }
        stream.expectOperator(")");
        return new Stmt.Signature(name, parameters, defaults);
    }

    private Stmt.Target target(boolean mayBeAttribute) {
        Stmt.Target first = singleTarget(mayBeAttribute);
        if (!stream.current().isOperator(",")) {
            return first;
        }
        List<Stmt.Target> targets = new ArrayList<>(List.of(first));
        while (stream.skipOperator(",")) {
            if (stream.current().kind() != Token.Kind.NAME && !stream.current().isOperator("(")
                    || stream.current().isName("in")) {
                break;
            }
            targets.add(singleTarget(mayBeAttribute));
        }
        return new Stmt.TupleTarget(targets);
    }

    private Stmt.Target singleTarget(boolean mayBeAttribute) {
        if (stream.skipOperator("(")) {
            stream.enter();
            Stmt.Target inner = target(mayBeAttribute);
            stream.leave();
            stream.expectOperator(")");
            return inner;
        }
        String name = stream.expectAnyName();
        if (mayBeAttribute && stream.skipOperator(".")) {
            return new Stmt.AttributeTarget(name, stream.expectAnyName());
        }
        return new Stmt.NameTarget(name);
    }
}
