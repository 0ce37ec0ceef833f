package dev.gambit.langchain4j;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.GenerationResult;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.Session;
import dev.gambit.langchain4j.ChatRequests.Prepared;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * An open model with a few sessions, and as many threads to run them on. Threads are platform threads: answering is work
 * for a processor, and on a virtual thread it would hold up the others of its carrier.
 */
final class ChatEngine implements AutoCloseable {

    private static final long IDLE_SECONDS = 30;

    private final LanguageModel model;
    private final boolean owned;
    private final String modelName;
    private final SamplingOptions sampling;
    private final GambitChatRequestParameters defaults;
    private final List<ChatModelListener> listeners;
    /** Whether the chat template tells the model of tools. */
    private final boolean tools;
    private final ThreadPoolExecutor threads;
    /** For {@link #close} to wait for: a pool calls itself terminated a moment before its threads are. */
    private final List<Thread> started = new ArrayList<>();
    private final Deque<Session> idle = new ArrayDeque<>();
    private final Set<ChatTask> running = new HashSet<>();
    private boolean closed;

    ChatEngine(
            LanguageModel model,
            boolean owned,
            String modelName,
            SamplingOptions sampling,
            GambitChatRequestParameters defaults,
            List<ChatModelListener> listeners,
            int parallel) {
        this.model = model;
        this.owned = owned;
        this.modelName = modelName;
        this.sampling = sampling;
        this.defaults = GambitChatRequestParameters.builder().overrideWith(defaults).modelName(modelName).build();
        this.listeners = listeners;
        tools = model.chatTemplate().supportsTools(); // a model without a template cannot chat: say so now
        ChatRequests.validate(this.defaults, modelName, tools);
        AtomicInteger number = new AtomicInteger();
        threads = new ThreadPoolExecutor(
                parallel,
                parallel,
                IDLE_SECONDS,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(),
                task -> thread(task, number.incrementAndGet()));
        threads.allowCoreThreadTimeOut(true);
    }

    private Thread thread(Runnable task, int number) {
        Thread thread = Thread.ofPlatform().name("gambit-chat-" + number).daemon().unstarted(task);
        synchronized (started) {
            started.removeIf(earlier -> earlier.getState() == Thread.State.TERMINATED);
            started.add(thread);
        }
        return thread;
    }

    /** Returns the parameters of requests that set none. */
    GambitChatRequestParameters defaults() {
        return defaults;
    }

    /** Returns who hears of requests. */
    List<ChatModelListener> listeners() {
        return listeners;
    }

    /**
     * Makes a task of a request, which {@link #start} then runs.
     *
     * @throws LangChain4jException for what is asked for in vain
     */
    ChatTask task(ChatRequest request, ChatTask.Observer observer) {
        synchronized (running) {
            checkOpen();
        }
        ChatRequests.check(request, modelName, tools);
        return new ChatTask(this, request, observer);
    }

    /** Runs a task when a session is free, on a thread of this engine. */
    void start(ChatTask task) {
        synchronized (running) {
            checkOpen();
            running.add(task);
        }
        try {
            threads.execute(task);
        } catch (RejectedExecutionException e) {
            forget(task);
            throw closedException();
        }
    }

    /** Answers on the thread of a task. */
    ChatResponse answer(ChatTask task, ChatRequest request) {
        Prepared prepared = ChatRequests.prepare(request, model, sampling);
        Session session = take();
        try {
            session.truncate(0);
            Answer answer = new Answer(prepared.tools(), task.observer());
            GenerationResult result = task.generate(session, prepared, answer);
            return response(answer, result, prepared.prompt().length);
        } finally {
            give(session);
        }
    }

    private ChatResponse response(Answer answer, GenerationResult result, int promptTokens) {
        return ChatResponse.builder()
                .aiMessage(answer.message())
                .metadata(GambitChatResponseMetadata.builder()
                        .id("chatcmpl-" + UUID.randomUUID())
                        .modelName(modelName)
                        .tokenUsage(new TokenUsage(promptTokens, result.tokens().length))
                        .finishReason(answer.calls() ? FinishReason.TOOL_EXECUTION : reason(result.finish()))
                        .timings(result.timings())
                        .sparsity(result.sparsity())
                        .build())
                .build();
    }

    private static FinishReason reason(GenerationResult.Finish finish) {
        return switch (finish) {
            case END_OF_GENERATION, STOP -> FinishReason.STOP;
            case LENGTH, CONTEXT_FULL -> FinishReason.LENGTH;
            case CANCELLED -> FinishReason.OTHER;
        };
    }

    /** A session; there are never more than threads. */
    private Session take() {
        synchronized (running) {
            Session session = idle.poll();
            if (session != null) {
                return session;
            }
            checkOpen();
        }
        return model.session();
    }

    private void give(Session session) {
        synchronized (running) {
            if (!closed) {
                idle.push(session);
                return;
            }
        }
        session.close();
    }

    void forget(ChatTask task) {
        synchronized (running) {
            running.remove(task);
        }
    }

    private void checkOpen() {
        if (closed) {
            throw closedException();
        }
    }

    GambitException closedException() {
        return new GambitException(GambitException.line(
                "chat model " + modelName, "an open one", "a closed one", "use it before close()"));
    }

    /**
     * Ends what is running within a token, then frees threads, sessions and, where it was opened here, the model. Returns
     * when that is done. Closing twice is harmless.
     */
    @Override
    public void close() {
        List<ChatTask> ending;
        synchronized (running) {
            if (closed) {
                return;
            }
            ending = List.copyOf(running);
            if (ending.stream().anyMatch(task -> task.isOn(Thread.currentThread()))) {
                throw new IllegalStateException(
                        "a chat model cannot be closed by a handler it is calling: it would wait "
                                + "for itself; close it on another thread");
            }
            closed = true;
        }
        ending.forEach(ChatTask::abort);
        threads.shutdown();
        awaitThreads();
        for (Session session : idle) {
            session.close();
        }
        idle.clear();
        if (owned) {
            model.close();
        }
    }

    private void awaitThreads() {
        boolean interrupted = false;
        for (boolean ended = false; !ended;) {
            try {
                threads.awaitTermination(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
                List<Thread> ending;
                synchronized (started) {
                    ending = List.copyOf(started);
                }
                for (Thread thread : ending) {
                    thread.join();
                }
                ended = true;
            } catch (InterruptedException e) {
                interrupted = true; // what is off the heap must not be freed under a running batch
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
