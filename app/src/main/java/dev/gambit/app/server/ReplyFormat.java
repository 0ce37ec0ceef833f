package dev.gambit.app.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gambit.engine.TokenLogprobs;
import java.util.List;

/** How a path writes its answers: in one piece, or as the events of a stream. */
interface ReplyFormat {

    /** Returns the answer in one piece. */
    ObjectNode whole(List<Text> texts);

    /** Returns the event that begins a text; null for none. */
    ObjectNode first(int index);

    /**
     * Returns the event for more of a text; null where it has to be held back.
     *
     * @param token the token it came with; -1 for none
     * @param logprobs of the tokens since the last event; null where nobody asked
     */
    ObjectNode more(int index, String text, int token, List<TokenLogprobs> logprobs);

    /**
     * Returns the events that end a text.
     *
     * @param logprobs of the tokens since the last event; null where nobody asked
     */
    List<ObjectNode> last(Text text, List<TokenLogprobs> logprobs);

    /** Returns the event with the counts behind all texts; null for none. */
    ObjectNode usage(List<Text> texts);

    /** Returns what ends the stream; null for nothing. */
    String end();

    /** Returns what all its answers carry. */
    Envelope envelope();
}
