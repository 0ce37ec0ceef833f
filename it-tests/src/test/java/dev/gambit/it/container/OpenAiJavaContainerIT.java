package dev.gambit.it.container;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.networknt.schema.Error;
import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.errors.RateLimitException;
import com.openai.errors.UnauthorizedException;
import com.openai.errors.UnexpectedStatusCodeException;
import com.openai.models.ResponseFormatJsonSchema;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletion.Choice.FinishReason;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.chat.completions.ChatCompletionTokenLogprob;
import com.openai.models.completions.Completion;
import com.openai.models.completions.CompletionCreateParams;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** OpenAI's own Java client against the server in its image. */
@Timeout(180)
class OpenAiJavaContainerIT {

    private static OpenAIClient client;

    @BeforeAll
    static void connect() {
        Images.requireEngine();
        client = client(ServerContainer.shared(), "none");
    }

    @AfterAll
    static void disconnect() {
        if (client != null) {
            client.close();
        }
    }

    private static OpenAIClient client(ServerContainer server, String key) {
        return OpenAIOkHttpClient.builder().baseUrl(server.url() + "/v1").apiKey(key).maxRetries(0).build();
    }

    private static String model() {
        return client.models().list().data().getFirst().id();
    }

    private static ChatCompletionCreateParams.Builder chat(String text) {
        return ChatCompletionCreateParams.builder().model(model()).addUserMessage(text).maxCompletionTokens(24);
    }

    @SuppressWarnings("deprecation") // OpenAI no longer promises that a seed repeats a text; Gambit does
    private static ChatCompletionCreateParams.Builder seeded(String text, long seed) {
        return chat(text).seed(seed).temperature(1);
    }

    private static ChatCompletion.Choice first(ChatCompletion completion) {
        return completion.choices().getFirst();
    }

    private static String text(ChatCompletion completion) {
        return first(completion).message().content().orElseThrow();
    }

    @Test
    void aChatIsAnswered() {
        ChatCompletion c = client.chat().completions().create(chat("Tell me a story about a cat.").build());
        assertFalse(text(c).isBlank());
        assertEquals("chat.completion", c._object_().convert(String.class));
        assertTrue(c.usage().orElseThrow().promptTokens() > 0);
        assertEquals(c.usage().get().totalTokens(), c.usage().get().promptTokens() + c.usage().get()
                .completionTokens());
        assertTrue(List.of(FinishReason.LENGTH, FinishReason.STOP).contains(first(c).finishReason()), c.toString());
    }

    @Test
    void aCompletionGoesOn() {
        Completion c = client.completions().create(CompletionCreateParams.builder()
                .model(CompletionCreateParams.Model.of(model())).prompt("Once upon a time").maxTokens(12L).build());
        assertFalse(c.choices().getFirst().text().isBlank());
        assertEquals(12, c.usage().orElseThrow().completionTokens());
    }

    @Test
    void aStreamIsTheSameTextInPieces() {
        ChatCompletionCreateParams params = chat("Tell me a story.").temperature(0).build();
        String whole = text(client.chat().completions().create(params));
        List<ChatCompletionChunk> chunks = new ArrayList<>();
        try (StreamResponse<ChatCompletionChunk> stream = client.chat().completions().createStreaming(params.toBuilder()
                .streamOptions(ChatCompletionStreamOptions.builder().includeUsage(true).build()).build())) {
            stream.stream().forEach(chunks::add);
        }
        assertEquals(whole, chunks.stream()
                .flatMap(chunk -> chunk.choices().stream())
                .map(choice -> choice.delta().content().orElse(""))
                .collect(Collectors.joining()));
        assertTrue(chunks.size() > 10, chunks.size() + " chunks");
        assertTrue(chunks.getLast().usage().orElseThrow().completionTokens() > 0);
    }

    @Test
    void aStopTextEndsTheAnswerAndIsNotInIt() {
        ChatCompletionCreateParams params = chat("Tell me a story.").temperature(0).build();
        String whole = text(client.chat().completions().create(params));
        String stop = whole.substring(whole.length() / 2, whole.length() / 2 + 3);
        ChatCompletion c = client.chat().completions().create(params.toBuilder().stop(stop).build());
        assertEquals(whole.substring(0, whole.indexOf(stop)), text(c));
        assertEquals(FinishReason.STOP, first(c).finishReason());
    }

    @Test
    void aSeedGivesTheSameTextAloneAndBesideFifteenOthers() throws Exception {
        ChatCompletionCreateParams seven = seeded("Tell me a story.", 7).build();
        String alone = text(client.chat().completions().create(seven));
        assertEquals(alone, text(client.chat().completions().create(seven)));
        assertNotEquals(alone, text(client.chat().completions().create(seeded("Tell me a story.", 8).build())));
        try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<String>> others = new ArrayList<>();
            for (int i = 0; i < 15; i++) {
                ChatCompletionCreateParams other = seeded("Tell me a story about number " + i + ".", 100 + i).build();
                others.add(clients.submit(() -> text(client.chat().completions().create(other))));
            }
            assertEquals(alone, text(client.chat().completions().create(seven)));
            for (Future<String> other : others) {
                assertFalse(other.get().isBlank());
            }
        }
    }

    @Test
    void logprobsAreProbabilitiesOfTheTokensOfTheText() {
        ChatCompletion c = client.chat().completions().create(
                chat("Tell me a story.").temperature(0).logprobs(true).topLogprobs(3).build());
        List<ChatCompletionTokenLogprob> tokens = first(c).logprobs().orElseThrow().content().orElseThrow();
        assertEquals(text(c), tokens.stream().map(ChatCompletionTokenLogprob::token).collect(Collectors.joining()));
        for (ChatCompletionTokenLogprob token : tokens) {
            assertTrue(token.logprob() <= 0);
            assertEquals(3, token.topLogprobs().size());
            assertEquals(token.token(), token.topLogprobs().getFirst().token(), "greedy takes the likeliest");
            double sum = token.topLogprobs().stream().mapToDouble(top -> Math.exp(top.logprob())).sum();
            assertTrue(sum <= 1.0001, sum + " in all");
        }
    }

    @Test
    void aHundredOfAHundredAnswersFitTheirSchema() {
        String schema = """
                {"type": "object", "additionalProperties": false, "required": ["name", "age", "kind", "friends"],
                 "properties": {
                  "name": {"type": "string", "maxLength": 20},
                  "age": {"type": "integer", "minimum": 0, "maximum": 120},
                  "kind": {"enum": ["cat", "dog", "fox"]},
                  "friends": {"type": "array", "items": {"type": "string", "maxLength": 12}, "maxItems": 3}}}""";
        Schema validator = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                .getSchema(schema, InputFormat.JSON);
        ResponseFormatJsonSchema format = ResponseFormatJsonSchema.builder()
                .jsonSchema(ResponseFormatJsonSchema.JsonSchema.builder()
                        .name("animal")
                        .strict(true)
                        .schema(read(schema))
                        .build())
                .build();
        try (ExecutorService clients = Executors.newFixedThreadPool(8)) {
            List<Future<String>> answers = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                ChatCompletionCreateParams params = seeded("Tell me about an animal.", i)
                        .maxCompletionTokens(200).responseFormat(format).build();
                answers.add(clients.submit(() -> text(client.chat().completions().create(params))));
            }
            int distinct = (int) answers.stream().map(OpenAiJavaContainerIT::get).distinct().count();
            assertTrue(distinct > 20, "only " + distinct + " different answers");
            for (Future<String> answer : answers) {
                List<Error> errors = validator.validate(get(answer), InputFormat.JSON);
                assertEquals(List.of(), errors, get(answer));
            }
        }
    }

    private static ResponseFormatJsonSchema.JsonSchema.Schema read(String schema) {
        try {
            ResponseFormatJsonSchema.JsonSchema.Schema.Builder builder =
                    ResponseFormatJsonSchema.JsonSchema.Schema.builder();
            new com.fasterxml.jackson.databind.ObjectMapper().readTree(schema).properties()
                    .forEach(entry -> builder.putAdditionalProperty(entry.getKey(), JsonValue.fromJsonNode(entry
                            .getValue())));
            return builder.build();
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new IllegalArgumentException(e);
        }
    }

    private static String get(Future<String> future) {
        try {
            return future.get();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void errorsAreTheClientsOwnExceptions() {
        assertThrows(BadRequestException.class,
                () -> client.chat().completions().create(chat("Hello").temperature(-3).build()));
        assertThrows(BadRequestException.class,
                () -> client.chat().completions().create(chat("very ".repeat(20_000)).build()));
        assertThrows(NotFoundException.class, () -> client.models().retrieve("no-such-model"));
        UnexpectedStatusCodeException large = assertThrows(UnexpectedStatusCodeException.class,
                () -> client.chat().completions().create(chat("x".repeat(17 << 20)).build()));
        assertEquals(413, large.statusCode());
    }

    @Test
    void aWrongKeyIsUnauthorizedAndAFullQueueIsARateLimit() throws Exception {
        try (ServerContainer server = new ServerContainer("--api-key", "secret", "--parallel", "1", "--queue", "1")) {
            server.start();
            OpenAIClient stranger = client(server, "guessed");
            assertThrows(UnauthorizedException.class, () -> stranger.chat().completions().create(chat("Hello")
                    .build()));
            stranger.close();
            OpenAIClient friend = client(server, "secret");
            ChatCompletionCreateParams slow = chat("Tell me a story.").maxCompletionTokens(400).build();
            int limited = 0;
            try (ExecutorService clients = Executors.newFixedThreadPool(8)) {
                List<Future<Object>> all = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    all.add(clients.submit(() -> {
                        try {
                            return friend.chat().completions().create(slow);
                        } catch (RateLimitException e) {
                            return e;
                        }
                    }));
                }
                for (Future<Object> each : all) {
                    limited += each.get() instanceof RateLimitException ? 1 : 0;
                }
            }
            assertTrue(limited > 0 && limited < 8, limited + " of 8 were turned away");
            assertFalse(text(friend.chat().completions().create(chat("Hello").build())).isEmpty(), "it goes on");
            friend.close();
        }
    }
}
