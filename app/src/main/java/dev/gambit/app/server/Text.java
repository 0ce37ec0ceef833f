package dev.gambit.app.server;

import dev.gambit.engine.GenerationResult;
import dev.gambit.engine.GenerationResult.Finish;
import dev.gambit.engine.TokenLogprobs;
import java.util.List;

/**
 * A generated text of a request.
 *
 * @param index which of the request's texts
 * @param prompt what it goes on from
 * @param cached tokens of the prompt that were not evaluated again
 * @param slot where it was made
 * @param result what came of it
 * @param logprobs how likely its tokens were, the end of generation left out; null where nobody asked
 */
record Text(int index, GenerationRequest.Prompt prompt, int cached, int slot, GenerationResult result,
        List<TokenLogprobs> logprobs) {

    /** Returns OpenAI's {@code finish_reason}. */
    String finishReason() {
        return switch (result.finish()) {
            case END_OF_GENERATION, STOP -> "stop";
            // the time a request may take is a limit, too
            case LENGTH, CONTEXT_FULL, CANCELLED -> "length";
        };
    }

    /** Returns llama.cpp's {@code stop_type}. */
    String stopType() {
        return result.finish() == Finish.END_OF_GENERATION ? "eos"
                : result.finish() == Finish.STOP ? "word" : "limit";
    }
}
