package dev.gambit.engine.internal.jinja;

/**
 * The value of a name, attribute or element that does not exist: false, empty and printed as nothing, and an error in
 * every other use.
 *
 * @param reason what was missing, in Jinja2's words
 */
record Undefined(String reason) {

    static Undefined name(String name) {
        return new Undefined("'" + name + "' is undefined");
    }
}
