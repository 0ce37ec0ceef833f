/**
 * An interpreter for the part of the Jinja2 language that chat templates are written in, with the results of Jinja2's
 * {@code ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)} as Hugging Face transformers sets it up.
 *
 * <p>A template comes with a downloaded model and is not trusted: it sees only plain values (text, numbers, lists,
 * maps), has no way to reach Java objects, files or the network, cannot change what the caller passed in, and every
 * step, character and list element it makes is charged to a budget.
 *
 * <p>Values are Java's {@code null} (none), {@code Boolean}, {@code Long}, {@code Double}, {@code String},
 * {@code List} ({@link dev.gambit.engine.internal.jinja.Tuple} for tuples), {@code Map}, and the small classes of this
 * package: {@code Undefined}, {@code Namespace}, {@code LazySequence}, {@code Callable}.
 */
package dev.gambit.engine.internal.jinja;
