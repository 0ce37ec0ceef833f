package dev.gambit.engine;

/**
 * One turn of a conversation.
 *
 * @param role who speaks; the chat template decides which roles it knows, usually {@code system}, {@code user} and
 *     {@code assistant}
 * @param content what is said, as it is; may be empty
 */
public record ChatMessage(String role, String content) {

    /**
     * @throws GambitException if the role or the content is missing
     */
    public ChatMessage {
        if (role == null || role.isEmpty()) {
            throw new GambitException(GambitException.line("chat message role", "a name such as 'user'",
                    role == null ? "none" : "an empty one", "name who speaks"));
        }
        if (content == null) {
            throw new GambitException(GambitException.line("chat message of role '" + role + "'", "content", "none",
                    "pass an empty text if nothing is said"));
        }
    }
}
