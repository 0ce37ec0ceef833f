package dev.gambit.engine;

import java.util.List;

/**
 * One turn of a conversation.
 *
 * @param role who speaks; the chat template decides which roles it knows, usually {@code system}, {@code user},
 *     {@code assistant} and {@code tool}
 * @param content what is said, as it is; may be empty
 * @param toolCalls the tools that an assistant's turn calls; usually none
 * @param toolCallId the call that a tool's turn answers; null elsewhere
 * @param name the tool that answers, or who speaks among several; null where nobody says
 */
public record ChatMessage(String role, String content, List<ToolCall> toolCalls, String toolCallId, String name) {

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
        toolCalls = List.copyOf(toolCalls);
    }

    /** A turn that is text alone. */
    public ChatMessage(String role, String content) {
        this(role, content, List.of(), null, null);
    }

    /** An assistant's turn that calls tools. */
    public static ChatMessage calling(String content, List<ToolCall> toolCalls) {
        return new ChatMessage("assistant", content, toolCalls, null, null);
    }

    /** What a tool answers to a call. */
    public static ChatMessage answering(ToolCall call, String content) {
        return new ChatMessage("tool", content, List.of(), call.id(), call.name());
    }
}
