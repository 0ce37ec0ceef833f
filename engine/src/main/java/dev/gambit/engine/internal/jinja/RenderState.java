package dev.gambit.engine.internal.jinja;

import dev.gambit.engine.GambitException;
import java.time.Clock;
import java.util.concurrent.TimeUnit;

/**
 * One render in progress: where it is, and how much of its budget is left. Every evaluated node costs a step, every
 * character or element made, copied or searched costs a unit; a render that runs out of either, or of time, fails. The
 * counts come first because they do not depend on the machine; the time only backs them up.
 */
final class RenderState {

    static final long MAX_STEPS = 10_000_000;
    static final long MAX_UNITS = 100_000_000;
    static final long MAX_MILLIS = 10_000;
    /** The longest prompt: well beyond the longest context (1 M tokens of some 4 characters). */
    static final int MAX_OUTPUT = 16_000_000;
    private static final int MAX_DEPTH = 200;

    final Clock clock;
    final Evaluator evaluator = new Evaluator(this);
    int line = 1;
    private final long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(MAX_MILLIS);
    private long steps;
    private long units;
    private int depth;

    RenderState(Clock clock) {
        this.clock = clock;
    }

    /** Charges one evaluated node. */
    void step() {
        if (++steps > MAX_STEPS) {
            throw error("at most " + MAX_STEPS + " steps", "more");
        }
        if ((steps & 0xfff) == 0) {
            checkTime();
        }
    }

    /** Charges characters or elements made, copied or looked at. */
    void charge(long count) {
        units += count;
        if (units > MAX_UNITS || units < 0) {
            throw error("at most " + MAX_UNITS + " characters and elements worked on", "more");
        }
    }

    /** Charges a search for {@code needle} characters in {@code length} characters, whose worst case is the product. */
    void chargeSearch(long length, long needle) {
        charge(length + length * needle / 8);
    }

    private void checkTime() {
        if (System.nanoTime() - deadline > 0) {
            throw error("a template that renders within " + MAX_MILLIS / 1000 + " s", "one that takes longer");
        }
    }

    /** Appends to text being made, which may not grow beyond {@link #MAX_OUTPUT}. */
    void append(StringBuilder out, String text) {
        charge(text.length());
        if (out.length() + (long) text.length() > MAX_OUTPUT) {
            throw error("at most " + MAX_OUTPUT + " characters", "more");
        }
        out.append(text);
    }

    /** Enters a macro, a method or a nested value; such recursion is bounded like everything else. */
    void enter() {
        if (++depth > MAX_DEPTH) {
            throw error("calls and values nested at most " + MAX_DEPTH + " deep", "more");
        }
        step();
    }

    void leave() {
        depth--;
    }

    /** An error at the place the render has reached. */
    GambitException error(Object expected, Object found) {
        return TemplateErrors.at(line, expected, found);
    }
}
