package dev.gambit.engine.internal.jinja;

/**
 * A method of a built-in type, taken off its object as in {@code text.strip}.
 *
 * @param target the object
 * @param name one of the method names that {@link Methods} knows for it
 */
record BoundMethod(Object target, String name) implements Callable {

    @Override
    public Object call(RenderState state, CallArguments arguments) {
        return Methods.call(state, target, name, arguments);
    }
}
