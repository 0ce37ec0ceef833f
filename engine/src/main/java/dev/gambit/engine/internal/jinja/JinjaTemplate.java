package dev.gambit.engine.internal.jinja;

import dev.gambit.engine.GambitException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A parsed template; immutable, so that several threads may render it at once. */
public final class JinjaTemplate {

    /** The longest template read, in characters; the longest of a published model has some thirty thousand. */
    static final int MAX_SOURCE = 1_000_000;
    private static final int MAX_VALUE_DEPTH = 100;

    private final List<Stmt> statements;

    private JinjaTemplate(List<Stmt> statements) {
        this.statements = statements;
    }

    /**
     * @param source the template
     * @return the template, ready to render
     * @throws GambitException one line that names the place and what is not understood
     */
    public static JinjaTemplate parse(String source) {
        if (source.length() > MAX_SOURCE) {
            throw new GambitException(GambitException.line("chat template", "at most " + MAX_SOURCE + " characters",
                    source.length(), TemplateErrors.CURE));
        }
        return new JinjaTemplate(StatementParser.parse(source));
    }

    /**
     * @param variables what the template may read: null, text, booleans, numbers, and lists and maps of those; they are
     *     copied, and never changed
     * @param clock the time that {@code strftime_now} tells
     * @return the rendered text
     * @throws GambitException one line: the template's own {@code raise_exception} message, or the place and reason of
     *     an error or of a budget that ran out
     */
    public String render(Map<String, ?> variables, Clock clock) {
        Scope scope = new Scope(Globals.scope());
        variables.forEach((name, value) -> scope.set(name, copy(name, value, 0)));
        RenderState state = new RenderState(clock);
        StringBuilder out = new StringBuilder();
        try {
            new Interpreter(state).run(statements, scope, out);
        } catch (StackOverflowError e) {
            // the nesting guards come first; this is for a thread with an unusually small stack
            throw state.error("expressions nested less deeply", "more than the stack holds");
        }
        return out.toString();
    }

    private static Object copy(String name, Object value, int depth) {
        if (depth > MAX_VALUE_DEPTH) {
            throw unusable(name, "lists and maps nested at most " + MAX_VALUE_DEPTH + " deep", "more");
        }
        return switch (value) {
            case null -> null;
            case CharSequence text -> text.toString();
            case Boolean b -> b;
            case Byte n -> n.longValue();
            case Short n -> n.longValue();
            case Integer n -> n.longValue();
            case Long n -> n;
            case Float n -> n.doubleValue();
            case Double n -> n;
            case java.math.BigInteger n when n.bitLength() < 64 -> n.longValue();
            case java.math.BigDecimal n -> n.doubleValue();
            case Iterable<?> items -> {
                List<Object> list = new ArrayList<>();
                items.forEach(item -> list.add(copy(name, item, depth + 1)));
                yield list;
            }
            case Map<?, ?> entries -> {
                Map<Object, Object> map = new LinkedHashMap<>();
                entries.forEach((key, item) -> map.put(String.valueOf(key), copy(name, item, depth + 1)));
                yield map;
            }
            default -> throw unusable(name, "text, numbers, booleans, lists and maps", value.getClass().getName());
        };
    }

    private static GambitException unusable(String name, String expected, String found) {
        return new GambitException(GambitException.line("chat template variable '" + name + "'", expected, found,
                "pass plain values"));
    }
}
