package dev.gambit.langchain4j;

import dev.gambit.engine.GenerationResult;
import dev.gambit.engine.Session;
import dev.gambit.langchain4j.ChatRequests.Prepared;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;

/** One request on its way: waits for a thread, answers, tells its observer. */
final class ChatTask implements Runnable {

    private static final System.Logger LOG = System.getLogger("dev.gambit.langchain4j");

    /** Who hears of a request, on the thread that answers it. Nothing comes after {@link ChatTask#cancel}. */
    interface Observer {
        /** More of the answer's text, never empty. */
        default void text(String more) {}

        /** A call of a tool, complete; the first of an answer has the index 0. */
        default void call(int index, ToolExecutionRequest request) {}

        /** The answer is complete; the last call. */
        void completed(ChatResponse response);

        /** It will not be; the last call. */
        void failed(Throwable thrown);
    }

    private final ChatEngine engine;
    private final ChatRequest request;
    private final Observer observer;
    private volatile boolean cancelled;
    private volatile boolean aborted;
    private volatile Thread thread;
    /** What is being generated on; guarded by this task, so that a cancel never hits the session's next user. */
    private Session session;

    ChatTask(ChatEngine engine, ChatRequest request, Observer observer) {
        this.engine = engine;
        this.request = request;
        this.observer = observer;
    }

    /** Ends the generation within a token; the observer hears nothing more. Callable from any thread, and twice. */
    synchronized void cancel() {
        cancelled = true;
        if (session != null) {
            session.cancel();
        }
    }

    /** Ends the generation because the model is being closed, which the observer hears as an error. */
    synchronized void abort() {
        if (!cancelled) {
            aborted = true;
            cancel();
        }
    }

    /** Returns whether somebody called {@link #cancel}. */
    boolean isCancelled() {
        return cancelled && !aborted;
    }

    /** Returns who hears of it. */
    Observer observer() {
        return observer;
    }

    /** Returns whether this is the thread that answers. */
    boolean isOn(Thread other) {
        return thread == other;
    }

    @Override
    public void run() {
        thread = Thread.currentThread();
        try {
            ChatResponse response = null;
            Throwable thrown = null;
            if (!cancelled) {
                try {
                    response = engine.answer(this, request);
                } catch (RuntimeException | Error e) {
                    thrown = e;
                }
            }
            if (aborted) {
                observer.failed(engine.closedException());
            } else if (!cancelled && thrown != null) {
                observer.failed(thrown);
            } else if (!cancelled) {
                observer.completed(response);
            }
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.WARNING, "what listens to a chat model threw an exception, which is ignored",
                    e);
        } finally {
            thread = null;
            engine.forget(this);
        }
    }

    /** Generates on a session; for {@link ChatEngine#answer}. The answer is told as it comes, and is complete then. */
    GenerationResult generate(Session on, Prepared from, Answer answer) {
        synchronized (this) {
            session = on;
        }
        try {
            GenerationResult result = on.generate(from.prompt(), from.options(), (token, text) -> {
                if (cancelled) {
                    on.cancel(); // it may have come before the generation began
                } else if (!text.isEmpty()) {
                    answer.add(text);
                }
            });
            if (!cancelled) {
                answer.finish();
            }
            return result;
        } finally {
            synchronized (this) {
                session = null;
            }
        }
    }
}
