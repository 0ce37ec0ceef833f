package dev.gambit.engine.internal.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Attributes, elements and slices, with Jinja2's rule that what does not exist is undefined rather than an error. */
final class Access {

    private Access() {}

    /** {@code target.name}: a method or attribute first, else the element of that name. */
    static Object attribute(RenderState state, Object target, String name) {
        switch (target) {
            case Undefined u -> throw state.error("a value with '." + name + "'", u.reason());
            case Namespace namespace -> {
                return namespace.attributes.containsKey(name) ? namespace.attributes.get(name)
                        : new Undefined("the namespace has no attribute '" + name + "'");
            }
            case Loop loop -> {
                return loop.attribute(name);
            }
            case Macro macro when name.equals("name") -> {
                return macro.name();
            }
            case null, default -> {
                if (Methods.has(target, name)) {
                    return new BoundMethod(target, name);
                }
                if (Methods.isMutating(target, name)) {
                    throw state.error("a template that changes no value", "'." + name + "' of "
                            + PyText.typeName(target));
                }
                if (target instanceof Map<?, ?> map && map.containsKey(name)) {
                    return map.get(name);
                }
                return new Undefined("'" + PyText.typeName(target) + "' has no attribute '" + name + "'");
            }
        }
    }

    /** {@code target[index]}: the element first, else the attribute of that name. */
    static Object element(RenderState state, Object target, Object index) {
        if (target instanceof Undefined u) {
            throw state.error("a value with elements", u.reason());
        }
        if (target instanceof Map<?, ?> map && !(index instanceof List<?> || index instanceof Map<?, ?>)) {
            Object key = index instanceof Undefined ? null : Operators.key(state, index);
            if (!(index instanceof Undefined) && map.containsKey(key)) {
                return map.get(key);
            }
        } else if (target instanceof List<?> || target instanceof String) {
            Long number = Operators.asInteger(index);
            if (number != null) {
                return elementAt(target, number);
            }
        }
        if (index instanceof String name) {
            return attribute(state, target, name);
        }
        return new Undefined("'" + PyText.typeName(target) + "' has no element " + TemplateErrors.oneLine(index));
    }

    private static Object elementAt(Object target, long index) {
        long length = target instanceof String s ? s.codePointCount(0, s.length()) : ((List<?>) target).size();
        long place = index < 0 ? index + length : index;
        if (place < 0 || place >= length) {
            return new Undefined("'" + PyText.typeName(target) + "' has no element " + index);
        }
        if (target instanceof String s) {
            return Character.toString(s.codePointAt(s.offsetByCodePoints(0, (int) place)));
        }
        return ((List<?>) target).get((int) place);
    }

    /** {@code target[start:stop:step]} with Python's meaning of negative and missing bounds. */
    static Object slice(RenderState state, Object target, Object start, Object stop, Object step) {
        if (!(target instanceof String) && !(target instanceof List<?>)) {
            // unlike a missing element, which is undefined
            throw state.error("text or a list to slice", PyText.typeName(target));
        }
        long by = step == null ? 1 : bound(state, step);
        if (by == 0) {
            throw state.error("a slice step that is not 0", "0");
        }
        int[] points = target instanceof String s ? s.codePoints().toArray() : null;
        long length = points != null ? points.length : ((List<?>) target).size();
        state.charge(length);
        long lowest = by < 0 ? -1 : 0;
        long highest = by < 0 ? length - 1 : length;
        long from = start == null ? by < 0 ? highest : lowest : clamp(bound(state, start), length, lowest, highest);
        long to = stop == null ? by < 0 ? lowest : highest : clamp(bound(state, stop), length, lowest, highest);
        if (points != null) {
            if (by == 1) {
                return to <= from ? "" : new String(points, (int) from, (int) (to - from));
            }
            StringBuilder out = new StringBuilder();
            for (long i = from; by > 0 ? i < to : i > to; i += by) {
                out.appendCodePoint(points[(int) i]);
            }
            return out.toString();
        }
        List<Object> items = new ArrayList<>();
        for (long i = from; by > 0 ? i < to : i > to; i += by) {
            items.add(((List<?>) target).get((int) i));
        }
        return target instanceof Tuple ? Tuple.of(items) : items;
    }

    private static long clamp(long index, long length, long lowest, long highest) {
        long place = index < 0 ? index + length : index;
        return Math.max(lowest, Math.min(highest, place));
    }

    private static long bound(RenderState state, Object value) {
        Long bound = Operators.asInteger(value);
        if (bound == null) {
            throw state.error("integers as slice bounds", PyText.typeName(value));
        }
        // far beyond any length, and safe to add to one
        return Math.max(-(1L << 40), Math.min(1L << 40, bound));
    }
}
