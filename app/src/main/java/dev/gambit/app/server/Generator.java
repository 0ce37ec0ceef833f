package dev.gambit.app.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.GenerationListener;
import dev.gambit.engine.GenerationResult;
import dev.gambit.engine.GenerationResult.Finish;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.Sparsity;
import dev.gambit.engine.Timings;
import dev.gambit.engine.TokenLogprobs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/** Works on requests: waits for a slot, generates, and answers in one piece or in a stream. */
final class Generator implements AutoCloseable {

    private final LanguageModel model;
    private final ServerOptions options;
    private final Slots slots;
    private final Metrics metrics;
    private final Watch watch = new Watch();
    private volatile boolean ending;

    /**
     * @param sparsity what the model's sessions start with; null for dense
     */
    Generator(LanguageModel model, Sparsity sparsity, ServerOptions options, Metrics metrics) {
        this.model = model;
        this.options = options;
        this.metrics = metrics;
        slots = new Slots(model, sparsity, options.parallel(), options.queue());
        metrics.slots(slots);
    }

    Slots slots() {
        return slots;
    }

    /** Generates what was asked for and answers. */
    void answer(Exchange exchange, GenerationRequest request, ReplyFormat format)
            throws IOException, InterruptedException {
        check(request);
        long deadline = exchange.start() + options.timeout().toNanos();
        Slot slot = slots.take(request.prompts().get(0).tokens(), deadline, exchange::isGone);
        try {
            new Work(exchange, request, format, slot, deadline).run();
        } finally {
            slots.give(slot);
        }
    }

    private void check(GenerationRequest request) {
        int context = model.contextLength();
        for (GenerationRequest.Prompt prompt : request.prompts()) {
            if (prompt.tokens().length >= context) {
                throw ApiException.contextExceeded(request.param(), prompt.tokens().length, context);
            }
        }
    }

    /** Ends all generations within a token. */
    void cancelAll() {
        ending = true;
        watch.cancelAll();
    }

    @Override
    public void close() {
        watch.close();
        slots.close();
    }

    /** A request in its slot. */
    private final class Work implements Watch.Watched {
        private final Exchange exchange;
        private final GenerationRequest request;
        private final ReplyFormat format;
        private final Slot slot;
        private final long deadline;
        private final List<Text> texts = new ArrayList<>();
        private boolean begun;
        /** When the text was begun, when its first token came, and how many have come. */
        private long started;
        private long firstToken;
        private int drawn;
        private final List<TokenLogprobs> logprobs = new ArrayList<>();
        /** How many of these events have brought. */
        private int told;

        Work(Exchange exchange, GenerationRequest request, ReplyFormat format, Slot slot, long deadline) {
            this.exchange = exchange;
            this.request = request;
            this.format = format;
            this.slot = slot;
            this.deadline = deadline;
        }

        void run() throws IOException, InterruptedException {
            watch.add(this);
            try {
                for (GenerationRequest.Prompt prompt : request.prompts()) {
                    for (int i = 0; i < request.n(); i++) {
                        texts.add(generate(prompt, texts.size()));
                    }
                }
            } catch (UncheckedIOException e) {
                throw e.getCause();
            } finally {
                watch.remove(this);
            }
            finish();
        }

        private Text generate(GenerationRequest.Prompt prompt, int index) throws IOException, InterruptedException {
            begun = false;
            drawn = 0;
            logprobs.clear();
            told = 0;
            started = System.nanoTime();
            GenerationResult result;
            try {
                result = slot.generate(prompt.tokens(), request, index, new GenerationListener() {
                    @Override
                    public void token(int token, String text) {
                        Work.this.token(index, prompt, token, text);
                    }

                    @Override
                    public void logprobs(TokenLogprobs likely) {
                        // clients want those of the text
                        if (request.ignoreEos() || !model.tokenizer().isEndOfGeneration(likely.chosen().token())) {
                            logprobs.add(likely);
                        }
                    }
                });
            } catch (GambitException e) {
                throw ApiException.internal(e.getMessage());
            }
            if (result.finish() == Finish.CANCELLED) {
                if (exchange.isGone()) {
                    metrics.abandoned();
                    throw new InterruptedException("the client went away");
                }
                if (ending) {
                    throw ApiException.unavailable("shutting_down", "The server is shutting down.");
                }
            }
            Text text = new Text(index, prompt, slot.cached(), slot.id(),
                    result, request.topLogprobs() < 0 ? null : List.copyOf(logprobs));
            metrics.generated(text, index == 0 ? started + result.timings().promptNanos() - exchange.start() : -1);
            if (request.stream()) {
                begin(index, prompt);
                for (ObjectNode last : format.last(text, newLogprobs())) {
                    event(last);
                }
            }
            return text;
        }

        private void token(int index, GenerationRequest.Prompt prompt, int token, String text) {
            if (isOver()) {
                slot.cancel();
                return;
            }
            firstToken = drawn++ == 0 ? System.nanoTime() : firstToken;
            if (request.stream()) {
                try {
                    begin(index, prompt);
                    if (!text.isEmpty()) {
                        ObjectNode more = format.more(index, text, token, newLogprobs());
                        if (more != null && request.timingsPerToken()) {
                            more.set("timings", timings(prompt));
                        }
                        if (more != null) {
                            event(more);
                        }
                    }
                } catch (IOException e) {
                    slot.cancel();
                    throw new UncheckedIOException(e);
                }
            }
        }

        private List<TokenLogprobs> newLogprobs() {
            if (request.topLogprobs() < 0) {
                return null;
            }
            List<TokenLogprobs> more = List.copyOf(logprobs.subList(told, logprobs.size()));
            told = logprobs.size();
            return more;
        }

        private ObjectNode timings(GenerationRequest.Prompt prompt) {
            int evaluated = prompt.tokens().length - slot.cached();
            return format.envelope().timings(slot.cached(),
                    new Timings(evaluated, firstToken - started, drawn - 1, System.nanoTime() - firstToken), drawn,
                    slot.report());
        }

        /** Not before there is something to say: until then an error still has a status of its own. */
        private void begin(int index, GenerationRequest.Prompt prompt) throws IOException {
            if (begun) {
                return;
            }
            begun = true;
            if (!exchange.isStreaming()) {
                exchange.beginStream();
            }
            ObjectNode first = format.first(index);
            if (first != null) {
                event(first);
            }
            if (request.echo() && !prompt.text().isEmpty()) {
                event(format.more(index, prompt.text(), -1, null));
            }
        }

        private void event(ObjectNode json) throws IOException {
            exchange.event(Json.text(json));
        }

        private void finish() throws IOException {
            if (!request.stream()) {
                exchange.reply(format.whole(texts));
                return;
            }
            if (request.includeUsage()) {
                ObjectNode usage = format.usage(texts);
                if (usage != null) {
                    event(usage);
                }
            }
            if (format.end() != null) {
                exchange.event(format.end());
            }
            exchange.endStream();
        }

        @Override
        public boolean isOver() {
            return ending || System.nanoTime() > deadline || exchange.isGone();
        }

        @Override
        public void cancel() {
            slot.cancel();
        }
    }
}
