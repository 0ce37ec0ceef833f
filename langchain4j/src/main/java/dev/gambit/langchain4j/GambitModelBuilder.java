package dev.gambit.langchain4j;

import dev.gambit.engine.BackendChoice;
import dev.gambit.engine.EmbeddedModel;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelOptions;
import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.Sparsity;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import java.nio.file.Path;
import java.util.List;

/**
 * What the builders of both chat models have in common. Nothing has to be set: the model that comes with Gambit is used
 * then, with llama.cpp's sampling.
 *
 * @param <B> the builder itself
 */
public abstract class GambitModelBuilder<B extends GambitModelBuilder<B>> {

    private Path modelPath;
    private LanguageModel languageModel;
    private ModelOptions modelOptions;
    private int contextLength;
    private Sparsity sparsity;
    private BackendChoice backend = BackendChoice.AUTO;
    private String modelName;
    private SamplingOptions sampling = SamplingOptions.defaults();
    private int parallelSessions = 1;
    private final GambitChatRequestParameters.Builder own = GambitChatRequestParameters.builder();
    private ChatRequestParameters defaults;
    private List<ChatModelListener> listeners = List.of();

    /** A builder with nothing set. */
    protected GambitModelBuilder() {}

    @SuppressWarnings("unchecked") // B is this class, as its declaration says
    private B self() {
        return (B) this;
    }

    /** A GGUF file, which the chat model opens and closes. Default: the model that comes with Gambit. */
    public B modelPath(Path file) {
        modelPath = file;
        return self();
    }

    /** A model that is open already and may serve others too; closing the chat model leaves it open. */
    public B languageModel(LanguageModel open) {
        languageModel = open;
        return self();
    }

    /** How to open the model, in full; instead of {@link #contextLength}, {@link #sparsity} and {@link #backend}. */
    public B modelOptions(ModelOptions options) {
        modelOptions = options;
        return self();
    }

    /** Tokens that a conversation and its answer have room for; 0, the default, for what the model was trained on. */
    public B contextLength(int tokens) {
        contextLength = tokens;
        return self();
    }

    /** What to skip; null, the default, for nothing. Without a sidecar it means the thresholds that come with the model. */
    public B sparsity(Sparsity what) {
        sparsity = what;
        return self();
    }

    /** What to run on; a GPU that has room for the model or else the processor by default. */
    public B backend(BackendChoice choice) {
        backend = choice;
        return self();
    }

    /** What the model is called in requests and responses; its file's {@code general.name} by default. */
    public B modelName(String name) {
        modelName = name;
        return self();
    }

    /** How tokens are drawn where neither a request nor another method of this builder says; llama.cpp's by default. */
    public B sampling(SamplingOptions options) {
        sampling = options;
        return self();
    }

    /** Divides the logits before the draw; 0 takes the likeliest token always. */
    public B temperature(Double value) {
        own.temperature(value);
        return self();
    }

    /** Smallest total probability of the likeliest tokens kept, 0 to 1. */
    public B topP(Double value) {
        own.topP(value);
        return self();
    }

    /** Number of likeliest tokens kept; 0 keeps all. */
    public B topK(Integer value) {
        own.topK(value);
        return self();
    }

    /** Smallest probability kept, as a fraction of the likeliest token's, 0 to 1. */
    public B minP(Double value) {
        own.minP(value);
        return self();
    }

    /** Subtracted from a token's logit once per time it was seen. */
    public B frequencyPenalty(Double value) {
        own.frequencyPenalty(value);
        return self();
    }

    /** Subtracted from a token's logit if it was seen. */
    public B presencePenalty(Double value) {
        own.presencePenalty(value);
        return self();
    }

    /** What divides the positive logits of tokens seen; 1 is no penalty. */
    public B repeatPenalty(Double value) {
        own.repeatPenalty(value);
        return self();
    }

    /** Seed of the random numbers; -1 for another one each time. */
    public B seed(Long value) {
        own.seed(value);
        return self();
    }

    /** Most tokens to answer with; as many as the context holds by default. */
    public B maxOutputTokens(Integer count) {
        own.maxOutputTokens(count);
        return self();
    }

    /** Texts that end an answer. */
    public B stopSequences(List<String> texts) {
        own.stopSequences(texts);
        return self();
    }

    /** Texts that end an answer. */
    public B stopSequences(String... texts) {
        return stopSequences(List.of(texts));
    }

    /** Parameters for requests that do not set them; what this builder's other methods set wins. */
    public B defaultRequestParameters(ChatRequestParameters parameters) {
        defaults = parameters;
        return self();
    }

    /** Who hears of requests, responses and errors. */
    public B listeners(List<ChatModelListener> all) {
        listeners = List.copyOf(all);
        return self();
    }

    /** Who hears of requests, responses and errors. */
    public B listeners(ChatModelListener... all) {
        return listeners(List.of(all));
    }

    /**
     * Requests that run at the same time, each with keys and values of its own in memory; the others wait their turn.
     * Default: 1.
     */
    public B parallelSessions(int count) {
        parallelSessions = count;
        return self();
    }

    /** Checks everything, then opens the model. */
    ChatEngine engine() {
        if (parallelSessions < 1 || parallelSessions > 1024) {
            throw new GambitException(GambitException.line(
                    "parallelSessions", "1 to 1024", parallelSessions, "choose a number in that range"));
        }
        if (languageModel != null && (modelPath != null || modelOptions != null || shortcuts())) {
            throw new GambitException(GambitException.line(
                    "languageModel", "an open model or how to open one", "both",
                    "leave out modelPath, modelOptions, contextLength, sparsity and backend"));
        }
        if (modelOptions != null && shortcuts()) {
            throw new GambitException(GambitException.line(
                    "modelOptions", "all options at one place", "contextLength, sparsity or backend beside it",
                    "set them in modelOptions"));
        }
        GambitChatRequestParameters parameters = own.build();
        if (defaults != null) {
            parameters = parameters.defaultedBy(defaults);
        }
        // Before a model is read for it: but for tools, a name, if one is given, is all that depends on the model.
        ChatRequests.validate(parameters, modelName == null ? "" : modelName, true);
        ChatRequests.sampling(sampling, parameters);
        if (languageModel != null) {
            return new ChatEngine(languageModel, false, name(languageModel), sampling, parameters, listeners,
                    parallelSessions);
        }
        LanguageModel opened = open();
        try {
            return new ChatEngine(opened, true, name(opened), sampling, parameters, listeners, parallelSessions);
        } catch (RuntimeException | Error e) {
            opened.close();
            throw e;
        }
    }

    private boolean shortcuts() {
        return contextLength != 0 || sparsity != null || backend != BackendChoice.AUTO;
    }

    private LanguageModel open() {
        ModelOptions options = modelOptions != null
                ? modelOptions
                : ModelOptions.builder()
                        .contextLength(contextLength)
                        .sparsity(sparsity)
                        .backend(backend)
                        // the built-in model reads its prompts densely, as with the command line
                        .densePrefill(modelPath == null)
                        .build();
        return modelPath == null ? EmbeddedModel.open(options) : LanguageModel.open(modelPath, options);
    }

    private String name(LanguageModel model) {
        return modelName != null ? modelName : model.info().name();
    }
}
