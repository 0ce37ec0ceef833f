package dev.gambit.engine;
/** temp. */
public final class ChatTemplate {
    /** temp. */
    public static ChatTemplate of(String a, String b, String c) { return null; }
}
