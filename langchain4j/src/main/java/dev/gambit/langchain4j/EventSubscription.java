package dev.gambit.langchain4j;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Flow.Subscriber;
import java.util.concurrent.Flow.Subscription;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One subscriber's answer, by the rules of Reactive Streams. The model does not wait for demand, so that a slow subscriber
 * does not keep a session from others: what was not requested yet is queued, at most an answer's worth.
 */
final class EventSubscription implements Subscription, ChatTask.Observer {

    private final Subscriber<? super ChatModelStreamingEvent> subscriber;
    private final Queue<ChatModelStreamingEvent> queue = new ConcurrentLinkedQueue<>();
    private final AtomicLong demand = new AtomicLong();
    /** Calls of {@link #drain} that came while one is at work, itself included: one thread signals at a time. */
    private final AtomicInteger draining = new AtomicInteger();

    private volatile ChatTask task;
    private volatile Throwable failure;
    private volatile boolean finished;
    /** Nothing more is signalled. */
    private volatile boolean ended;

    private EventSubscription(Subscriber<? super ChatModelStreamingEvent> subscriber) {
        this.subscriber = subscriber;
    }

    static void start(
            ChatEngine engine, ChatRequest request, Subscriber<? super ChatModelStreamingEvent> subscriber) {
        EventSubscription subscription = new EventSubscription(subscriber);
        ChatTask task = null;
        RuntimeException refused = null;
        try {
            task = engine.task(request, subscription);
            subscription.task = task;
        } catch (RuntimeException e) {
            refused = e;
        }
        subscriber.onSubscribe(subscription);
        if (refused == null && !subscription.ended) {
            try {
                engine.start(task);
            } catch (RuntimeException e) {
                refused = e;
            }
        }
        if (refused != null) {
            subscription.failed(refused);
        }
    }

    @Override
    public void request(long n) {
        if (n <= 0) {
            failure = new IllegalArgumentException("expected a demand of 1 or more (rule 3.9), found " + n);
            queue.clear();
            finished = true;
            cancelTask();
        } else {
            demand.accumulateAndGet(n, (have, more) -> have + more < 0 ? Long.MAX_VALUE : have + more);
        }
        drain();
    }

    @Override
    public void cancel() {
        ended = true;
        queue.clear();
        cancelTask();
    }

    private void cancelTask() {
        ChatTask t = task;
        if (t != null) {
            t.cancel();
        }
    }

    @Override
    public void text(String more) {
        queue.add(new PartialResponse(more));
        drain();
    }

    @Override
    public void call(int index, ToolExecutionRequest request) {
        queue.add(new CompleteToolCall(index, request));
        drain();
    }

    @Override
    public void completed(ChatResponse response) {
        queue.add(new CompleteResponse(response));
        finished = true;
        drain();
    }

    @Override
    public void failed(Throwable thrown) {
        failure = thrown;
        finished = true;
        drain();
    }

    private void drain() {
        if (draining.getAndIncrement() != 0) {
            return;
        }
        int seen = 1;
        do {
            signal();
            seen = draining.addAndGet(-seen);
        } while (seen != 0);
    }

    private void signal() {
        while (!ended) {
            boolean last = finished; // before the look into the queue
            if (queue.isEmpty()) {
                if (last) {
                    ended = true;
                    if (failure == null) {
                        subscriber.onComplete();
                    } else {
                        subscriber.onError(failure);
                    }
                }
                return;
            }
            if (demand.get() == 0) {
                return;
            }
            ChatModelStreamingEvent next = queue.poll();
            if (next == null) { // cancelled meanwhile
                return;
            }
            if (demand.get() != Long.MAX_VALUE) {
                demand.decrementAndGet();
            }
            try {
                subscriber.onNext(next);
            } catch (RuntimeException e) { // rule 2.13: it is considered cancelled
                cancel();
            }
        }
    }
}
