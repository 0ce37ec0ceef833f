package dev.gambit.langchain4j;

import dev.gambit.engine.ToolCall;
import dev.gambit.engine.ToolCallParser;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import java.util.ArrayList;
import java.util.List;

/** Takes an answer piece by piece, tells text from calls of tools, and passes both on. For one thread. */
final class Answer {

    private final ToolCallParser parser;
    private final ChatTask.Observer observer;
    private final StringBuilder text = new StringBuilder();
    private final List<ToolExecutionRequest> calls = new ArrayList<>();

    Answer(Tools tools, ChatTask.Observer observer) {
        parser = tools.isEmpty() ? null : new ToolCallParser(tools.names());
        this.observer = observer;
    }

    void add(String more) {
        tell(parser == null ? more : parser.add(more));
    }

    /** Ends the answer: what looked like a call to the end may be text after all. */
    void finish() {
        tell(parser == null ? "" : parser.finish());
    }

    private void tell(String shown) {
        if (!shown.isEmpty()) {
            text.append(shown);
            observer.text(shown);
        }
        if (parser != null) {
            List<ToolCall> found = parser.calls();
            while (calls.size() < found.size()) {
                ToolExecutionRequest call = Tools.request(found.get(calls.size()));
                calls.add(call);
                observer.call(calls.size() - 1, call);
            }
        }
    }

    boolean calls() {
        return !calls.isEmpty();
    }

    /** Returns what was told; its text is null where there are calls alone. */
    AiMessage message() {
        return AiMessage.builder()
                .text(text.isEmpty() && calls() ? null : text.toString())
                .toolExecutionRequests(calls)
                .build();
    }
}
