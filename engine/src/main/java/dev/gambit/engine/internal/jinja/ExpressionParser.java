package dev.gambit.engine.internal.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Parses expressions with Jinja2's precedence, loosest first: {@code if else}, {@code or}, {@code and}, {@code not},
 * comparisons, {@code + -}, {@code ~}, {@code * / // %}, {@code **}, signs, then filters, tests, calls, attributes.
 */
final class ExpressionParser {

    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

    private final TokenStream stream;

    ExpressionParser(TokenStream stream) {
        this.stream = stream;
    }

    Expr expression() {
        return expression(true);
    }

    /** @param conditional whether {@code a if b else c} may stand here; a for loop keeps the {@code if} for itself */
    Expr expression(boolean conditional) {
        stream.enter();
        Expr result = conditional ? conditional() : or();
        stream.leave();
        return result;
    }

    /** One expression, or several between commas, which make a tuple. */
    Expr tuple(boolean conditional) {
        Expr first = expression(conditional);
        if (!stream.current().isOperator(",")) {
            return first;
        }
        List<Expr> items = new ArrayList<>(List.of(first));
        while (stream.skipOperator(",")) {
            if (endsTuple()) {
                break;
            }
            items.add(expression(conditional));
        }
        return new Expr.TupleOf(items);
    }

    private boolean endsTuple() {
        Token token = stream.current();
        return token.kind() == Token.Kind.BLOCK_END || token.kind() == Token.Kind.OUTPUT_END
                || token.isOperator(")") || token.isName("recursive");
    }

    private Expr conditional() {
        Expr result = or();
        while (stream.skipName("if")) {
            Expr test = or();
            Expr otherwise = stream.skipName("else") ? expression() : null;
            result = new Expr.Conditional(test, result, otherwise);
        }
        return result;
    }

    private Expr or() {
        Expr left = and();
        while (stream.skipName("or")) {
            left = new Expr.Or(left, and());
        }
        return left;
    }

    private Expr and() {
        Expr left = not();
        while (stream.skipName("and")) {
            left = new Expr.And(left, not());
        }
        return left;
    }

    private Expr not() {
        if (stream.skipName("not")) {
            stream.enter();
            Expr operand = not();
            stream.leave();
            return new Expr.Not(operand);
        }
        return compare();
    }

    private Expr compare() {
        Expr first = sum();
        List<String> operators = new ArrayList<>();
        List<Expr> rest = new ArrayList<>();
        while (true) {
            Token token = stream.current();
            if (token.kind() == Token.Kind.OPERATOR && COMPARISONS.contains(token.text())) {
                operators.add(stream.next().text());
            } else if (token.isName("in")) {
                stream.next();
                operators.add("in");
            } else if (token.isName("not") && stream.lookAhead().isName("in")) {
                stream.next();
                stream.next();
                operators.add("not in");
            } else {
                break;
            }
            rest.add(sum());
        }
        return operators.isEmpty() ? first : new Expr.Compare(first, operators, rest);
    }

    private Expr sum() {
        Expr left = concat();
        while (stream.current().isOperator("+") || stream.current().isOperator("-")) {
            left = new Expr.Arithmetic(stream.next().text(), left, concat());
        }
        return left;
    }

    private Expr concat() {
        Expr first = product();
        if (!stream.current().isOperator("~")) {
            return first;
        }
        List<Expr> parts = new ArrayList<>(List.of(first));
        while (stream.skipOperator("~")) {
            parts.add(product());
        }
        return new Expr.Concat(parts);
    }

    private Expr product() {
        Expr left = power();
        while (stream.current().isOperator("*") || stream.current().isOperator("/")
                || stream.current().isOperator("//") || stream.current().isOperator("%")) {
            left = new Expr.Arithmetic(stream.next().text(), left, power());
        }
        return left;
    }

    private Expr power() {
        Expr left = unary(true);
        while (stream.skipOperator("**")) {
            left = new Expr.Arithmetic("**", left, unary(true));
        }
        return left;
    }

    private Expr unary(boolean withFilter) {
        stream.enter();
        Expr result;
        if (stream.skipOperator("-")) {
            result = new Expr.Negative(unary(false));
        } else if (stream.skipOperator("+")) {
            result = new Expr.Positive(unary(false));
        } else {
            result = primary();
        }
        result = postfix(result);
        if (withFilter) {
            result = filters(result);
        }
        stream.leave();
        return result;
    }

    private Expr primary() {
        Token token = stream.current();
        switch (token.kind()) {
            case NAME -> {
                stream.next();
                return switch (token.text()) {
                    case "true", "True" -> new Expr.Literal(true);
                    case "false", "False" -> new Expr.Literal(false);
                    case "none", "None" -> new Expr.Literal(null);
                    default -> new Expr.Name(token.text());
                };
            }
            case STRING -> {
                StringBuilder text = new StringBuilder();
                while (stream.current().kind() == Token.Kind.STRING) {
                    text.append(stream.next().text());
                }
                return new Expr.Literal(text.toString());
            }
            case INTEGER -> {
                stream.next();
                return new Expr.Literal(integer(token));
            }
            case FLOAT -> {
                stream.next();
                return new Expr.Literal(Double.valueOf(token.text()));
            }
            default -> {
                return bracketed();
            }
        }
    }

    private static Long integer(Token token) {
        String text = token.text().toLowerCase(java.util.Locale.ROOT);
        try {
            if (text.length() > 2 && text.charAt(0) == '0' && Character.isLetter(text.charAt(1))) {
                int radix = switch (text.charAt(1)) {
                    case 'x' -> 16;
                    case 'o' -> 8;
                    default -> 2;
                };
                return Long.valueOf(text.substring(2), radix);
            }
            return Long.valueOf(text);
        } catch (NumberFormatException e) {
            throw TemplateErrors.at(token.line(), "an integer of at most 64 bits", "'" + token.text() + "'");
        }
    }

    private Expr bracketed() {
        if (stream.skipOperator("(")) {
            if (stream.skipOperator(")")) {
                return new Expr.TupleOf(List.of());
            }
            Expr inner = tuple(true);
            stream.expectOperator(")");
            return inner;
        }
        if (stream.skipOperator("[")) {
            List<Expr> items = new ArrayList<>();
            while (!stream.current().isOperator("]")) {
                items.add(expression());
                if (!stream.skipOperator(",")) {
                    break;
                }
            }
            stream.expectOperator("]");
            return new Expr.ListOf(items);
        }
        if (stream.skipOperator("{")) {
            List<Expr> keys = new ArrayList<>();
            List<Expr> values = new ArrayList<>();
            while (!stream.current().isOperator("}")) {
                keys.add(expression());
                stream.expectOperator(":");
                values.add(expression());
                if (!stream.skipOperator(",")) {
                    break;
                }
            }
            stream.expectOperator("}");
            return new Expr.DictOf(keys, values);
        }
        throw stream.unexpected("an expression");
    }

    private Expr postfix(Expr target) {
        Expr result = target;
        while (true) {
            if (stream.skipOperator(".")) {
                if (stream.current().kind() == Token.Kind.INTEGER) {
                    result = new Expr.Subscript(result, new Expr.Literal(integer(stream.next())));
                } else {
                    result = new Expr.Attribute(result, stream.expectAnyName());
                }
            } else if (stream.skipOperator("[")) {
                result = new Expr.Subscript(result, index());
                stream.expectOperator("]");
            } else if (stream.current().isOperator("(")) {
                result = new Expr.Call(result, arguments());
            } else {
                return result;
            }
        }
    }

    private Expr index() {
        Expr start = stream.current().isOperator(":") ? null : expression();
        if (!stream.skipOperator(":")) {
            return start;
        }
        Expr stop = stream.current().isOperator(":") || stream.current().isOperator("]") ? null : expression();
        Expr step = null;
        if (stream.skipOperator(":") && !stream.current().isOperator("]")) {
            step = expression();
        }
        return new Expr.Slice(start, stop, step);
    }

    private Expr filters(Expr target) {
        Expr result = target;
        while (true) {
            if (stream.skipOperator("|")) {
                result = filter(result);
            } else if (stream.skipName("is")) {
                result = test(result);
            } else if (stream.current().isOperator("(")) {
                result = new Expr.Call(result, arguments());
            } else {
                return result;
            }
        }
    }

    /** The name and arguments of a filter whose {@code |} has been read. */
    Expr.Filter filter(Expr target) {
        String name = dottedName();
        return new Expr.Filter(target, name, stream.current().isOperator("(") ? arguments() : Expr.Arguments.NONE);
    }

    private Expr test(Expr target) {
        boolean negated = stream.skipName("not");
        String name = dottedName();
        Expr.Arguments arguments = Expr.Arguments.NONE;
        Token token = stream.current();
        if (token.isOperator("(")) {
            arguments = arguments();
        } else if (startsTestArgument(token)) {
            if (token.isName("is")) {
                throw TemplateErrors.at(token.line(), "one test after a value", "a second 'is'");
            }
            // without brackets a test takes one operand: 'x is divisibleby 3'
            stream.enter();
            Expr argument = postfix(primary());
            stream.leave();
            arguments = new Expr.Arguments(List.of(argument), Map.of(), null, null);
        }
        Expr result = new Expr.Test(target, name, arguments);
        return negated ? new Expr.Not(result) : result;
    }

    private static boolean startsTestArgument(Token token) {
        return switch (token.kind()) {
            case NAME -> !token.isName("else") && !token.isName("or") && !token.isName("and");
            case STRING, INTEGER, FLOAT -> true;
            case OPERATOR -> token.isOperator("[") || token.isOperator("{");
            default -> false;
        };
    }

    private String dottedName() {
        StringBuilder name = new StringBuilder(stream.expectAnyName());
        while (stream.skipOperator(".")) {
            name.append('.').append(stream.expectAnyName());
        }
        return name.toString();
    }

    Expr.Arguments arguments() {
        stream.expectOperator("(");
        List<Expr> positional = new ArrayList<>();
        Map<String, Expr> keywords = new LinkedHashMap<>();
        Expr star = null;
        Expr doubleStar = null;
        while (!stream.current().isOperator(")")) {
            if (stream.skipOperator("**")) {
                doubleStar = expression();
            } else if (stream.skipOperator("*")) {
                star = expression();
            } else if (stream.current().kind() == Token.Kind.NAME && stream.lookAhead().isOperator("=")) {
                String name = stream.next().text();
                stream.next();
                keywords.put(name, expression());
            } else if (keywords.isEmpty()) {
                positional.add(expression());
            } else {
                throw stream.unexpected("name=value after a named argument");
            }
            if (!stream.skipOperator(",")) {
                break;
            }
        }
        stream.expectOperator(")");
        return new Expr.Arguments(positional, keywords, star, doubleStar);
    }
}
