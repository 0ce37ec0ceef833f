package dev.gambit.engine.internal.jinja;

/** A function that a template can call. */
interface Callable {

    /**
     * @param state the render in progress
     * @param arguments what stands between the brackets
     * @return the result
     */
    Object call(RenderState state, CallArguments arguments);
}
