package dev.gambit.engine.internal.jinja;

import java.util.Iterator;

/**
 * What {@code map}, {@code select} and {@code reject} give: a Python generator, which is true even when empty, has no
 * length and no elements by number, and can be walked once.
 *
 * @param items what is left of it
 */
record LazySequence(Iterator<?> items) {}
