package dev.gambit.engine.internal.jinja;

import java.util.AbstractList;
import java.util.List;

/** A Python tuple: a list that prints in round brackets and never equals a list. */
final class Tuple extends AbstractList<Object> {

    private final Object[] items;

    Tuple(Object... items) {
        this.items = items;
    }

    static Tuple of(List<?> items) {
        return new Tuple(items.toArray());
    }

    @Override
    public Object get(int index) {
        return items[index];
    }

    @Override
    public int size() {
        return items.length;
    }
}
