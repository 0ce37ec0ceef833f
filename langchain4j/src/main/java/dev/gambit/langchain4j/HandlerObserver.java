package dev.gambit.langchain4j;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;

/** Tells langchain4j's handler; what the handler throws comes back to its {@code onError}, as langchain4j has it. */
final class HandlerObserver implements ChatTask.Observer, StreamingHandle {

    private static final System.Logger LOG = System.getLogger("dev.gambit.langchain4j");

    private final StreamingChatResponseHandler handler;
    private final PartialResponseContext context = new PartialResponseContext(this);
    private volatile ChatTask task;

    HandlerObserver(StreamingChatResponseHandler handler) {
        this.handler = handler;
    }

    /** Says what {@link #cancel} ends, before it is started. */
    void watch(ChatTask started) {
        task = started;
    }

    @Override
    public void text(String more) {
        try {
            handler.onPartialResponse(new PartialResponse(more), context);
        } catch (RuntimeException e) {
            failed(e);
        }
    }

    @Override
    public void call(int index, ToolExecutionRequest request) {
        try {
            handler.onCompleteToolCall(new CompleteToolCall(index, request));
        } catch (RuntimeException e) {
            failed(e);
        }
    }

    @Override
    public void completed(ChatResponse response) {
        try {
            handler.onCompleteResponse(response);
        } catch (RuntimeException e) {
            failed(e);
        }
    }

    @Override
    public void failed(Throwable thrown) {
        try {
            handler.onError(thrown);
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.WARNING, "a handler's onError threw an exception, which is ignored", e);
        }
    }

    @Override
    public void cancel() {
        task.cancel();
    }

    @Override
    public boolean isCancelled() {
        return task.isCancelled();
    }
}
