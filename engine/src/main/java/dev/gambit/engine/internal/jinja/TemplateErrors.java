package dev.gambit.engine.internal.jinja;

import dev.gambit.engine.GambitException;

/** The wording shared by everything that can go wrong in a template. */
final class TemplateErrors {

    static final String CURE = "give another chat template";

    private TemplateErrors() {}

    /** A template that is not well formed, or that uses what this interpreter does not know. */
    static GambitException at(int line, Object expected, Object found) {
        return new GambitException(GambitException.line("chat template, line " + line, expected, oneLine(found), CURE));
    }

    /** Keeps a message made from template text on one line and at a readable length. */
    static String oneLine(Object text) {
        String s = String.valueOf(text).replaceAll("\\s*[\\r\\n]+\\s*", " ");
        return s.length() <= 300 ? s : s.substring(0, 300) + "...";
    }
}
