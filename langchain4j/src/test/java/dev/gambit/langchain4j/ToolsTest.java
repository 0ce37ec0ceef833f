package dev.gambit.langchain4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ToolCall;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.internal.Json;
import dev.langchain4j.internal.JsonSchemaElementUtils;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.request.json.JsonSchemaElement;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.output.FinishReason;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tools and JSON formats beyond langchain4j's own tests, on SmolLM2 with a chat template that tells of tools. */
@Timeout(120)
class ToolsTest {

    private static final ToolSpecification WEATHER = ToolSpecification.builder().name("weather")
            .description("Tells the weather")
            .parameters(JsonObjectSchema.builder().addStringProperty("city").required("city").build()).build();
    private static final ToolSpecification TIME = ToolSpecification.builder().name("time").build();
    private static final UserMessage QUESTION = UserMessage.from("What is the weather in Munich?");
    private static final String CALL = "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}\n"
            + "</tool_call>";

    private static LanguageModel open;
    private static GambitChatModel model;

    @BeforeAll
    static void open(@TempDir Path folder) {
        open = Models.smolLm2WithTools(folder);
        model = GambitChatModel.builder().languageModel(open).temperature(0.0).maxOutputTokens(60).build();
    }

    @AfterAll
    static void close() {
        if (model != null) {
            model.close();
            open.close();
        }
    }

    private static ChatRequest.Builder asking(ChatMessage... messages) {
        return ChatRequest.builder().messages(messages);
    }

    private static ResponseFormat format(JsonSchemaElement root) {
        return ResponseFormat.builder().type(ResponseFormatType.JSON)
                .jsonSchema(JsonSchema.builder().name("answer").rootElement(root).build()).build();
    }

    /** A call, its result, and the answer, as the template renders them. */
    @Test
    void callsAndResultsReachTheModel() {
        ChatResponse first = model.chat(asking(QUESTION).toolSpecifications(WEATHER).toolChoice(ToolChoice.REQUIRED)
                .build());
        ToolExecutionRequest call = first.aiMessage().toolExecutionRequests().get(0);
        assertEquals("{\"city\":\"Munich\"}", call.arguments().replaceAll("\\s", ""));
        assertNull(first.aiMessage().text());
        assertEquals(FinishReason.TOOL_EXECUTION, first.metadata().finishReason());
        assertTrue(first.metadata().id().length() > 10 && call.id().startsWith("call_"));
        ChatResponse second = model.chat(asking(QUESTION, first.aiMessage(),
                ToolExecutionResultMessage.from(call, "sunny, 21 degrees")).toolSpecifications(WEATHER).build());
        String tools =
                "[{\"type\":\"function\",\"function\":{\"name\":\"weather\",\"description\":\"Tells the weather\",\"parameters\":{\"type\":\"object\","
                        + "\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}}}]";
        ToolCall made = new ToolCall(call.id(), call.name(), call.arguments());
        String prompt = open.chatTemplate().render(List.of(
                new dev.gambit.engine.ChatMessage("user", QUESTION.singleText()),
                dev.gambit.engine.ChatMessage.calling("", List.of(made)),
                dev.gambit.engine.ChatMessage.answering(made, "sunny, 21 degrees")), true, tools);
        assertTrue(prompt.contains("<tool_response>\nsunny, 21 degrees"), prompt);
        boolean begun = open.tokenizer().bos() >= 0 && prompt.startsWith(open.tokenizer().token(open.tokenizer()
                .bos()));
        assertEquals(open.tokenizer().encode(prompt, !begun, true).length,
                second.metadata().tokenUsage().inputTokenCount());
        assertFalse(second.aiMessage().text().isBlank());
    }

    @Test
    void toolsThatMustNotBeCalledAreNotToldOf() {
        int plain = model.chat(asking(QUESTION).build()).metadata().tokenUsage().inputTokenCount();
        ChatResponse none = model.chat(asking(QUESTION).toolSpecifications(WEATHER).toolChoice(ToolChoice.NONE)
                .build());
        assertEquals(plain, none.metadata().tokenUsage().inputTokenCount());
        assertTrue(none.aiMessage().toolExecutionRequests().isEmpty());
    }

    /** With tools and a format, an answer is one or the other, whatever the model. */
    @Test
    void anAnswerIsACallOrOfTheFormat() {
        for (long seed = 1; seed <= 6; seed++) {
            ChatRequest request = asking(QUESTION).parameters(GambitChatRequestParameters.builder()
                    .toolSpecifications(WEATHER, TIME).seed(seed).temperature(2.0)
                    .responseFormat(format(JsonRawSchema.from("{\"enum\":[\"sunny\",\"rainy\"]}"))).build()).build();
            AiMessage answer = model.chat(request).aiMessage();
            if (!answer.hasToolExecutionRequests()) {
                assertTrue(List.of("\"sunny\"", "\"rainy\"").contains(answer.text()), answer.text());
            }
        }
    }

    @Test
    void aHandlerHearsOfCallsAndOfNoTextInThem() throws Exception {
        List<String> heard = new ArrayList<>();
        CompletableFuture<ChatResponse> done = new CompletableFuture<>();
        try (GambitStreamingChatModel streaming = GambitStreamingChatModel.builder().languageModel(open)
                .temperature(0.0).maxOutputTokens(60).build()) {
            streaming.chat(asking(QUESTION).toolSpecifications(WEATHER).toolChoice(ToolChoice.REQUIRED).build(),
                    new StreamingChatResponseHandler() {
                        @Override
                        public void onPartialResponse(String text) {
                            heard.add(text);
                        }

                        @Override
                        public void onCompleteToolCall(CompleteToolCall call) {
                            heard.add(call.index() + call.toolExecutionRequest().name());
                        }

                        @Override
                        public void onCompleteResponse(ChatResponse response) {
                            done.complete(response);
                        }

                        @Override
                        public void onError(Throwable thrown) {
                            done.completeExceptionally(thrown);
                        }
                    });
            assertEquals(1, done.get().aiMessage().toolExecutionRequests().size());
        }
        assertEquals(List.of("0weather"), heard);
    }

    /** Character by character: what is told is what the message has in the end. */
    @Test
    void textAndCallsAreToldApart() {
        List<Object> told = new ArrayList<>();
        StringBuilder text = new StringBuilder();
        Answer answer = new Answer(Tools.of(asking(QUESTION).toolSpecifications(WEATHER).build().parameters()),
                new ChatTask.Observer() {
                    @Override
                    public void text(String more) {
                        text.append(more);
                    }

                    @Override
                    public void call(int index, ToolExecutionRequest request) {
                        told.add(index);
                        told.add(request);
                    }

                    @Override
                    public void completed(ChatResponse response) {}

                    @Override
                    public void failed(Throwable thrown) {}
                });
        ("Let me look. " + CALL + CALL + " <tool_call>none</tool_call>").chars()
                .forEach(c -> answer.add(String.valueOf((char) c)));
        answer.finish();
        AiMessage message = answer.message();
        assertEquals("Let me look. <tool_call>none</tool_call>", message.text());
        assertEquals(message.text(), text.toString());
        assertEquals(2, message.toolExecutionRequests().size());
        assertEquals(List.of(0, message.toolExecutionRequests().get(0), 1, message.toolExecutionRequests().get(1)),
                told);
        assertFalse(message.toolExecutionRequests().get(0).id().equals(message.toolExecutionRequests().get(1).id()));
    }

    /** A person's children are persons. */
    record Person(String name, int age, List<Person> children) {}

    /** langchain4j's own schema of a class, with a definition that refers to itself. */
    @Test
    void aClassIsAFormat() {
        JsonSchemaElement schema = JsonSchemaElementUtils.jsonObjectOrReferenceSchemaFrom(
                Person.class, null, false, new LinkedHashMap<>(), true);
        for (long seed = 1; seed <= 5; seed++) {
            String text = model.chat(asking(UserMessage.from("Who is John, 42?")).parameters(GambitChatRequestParameters
                    .builder().seed(seed).temperature(1.0).responseFormat(format(schema)).build()).build()).aiMessage()
                    .text();
            assertInstanceOf(Person.class, Json.fromJson(text, Person.class));
        }
        assertTrue(model.supportedCapabilities().contains(Capability.RESPONSE_FORMAT_JSON_SCHEMA));
    }

    @Test
    void whatCannotBeIsRefused() {
        assertRefused(InvalidRequestException.class, "REQUIRED", asking(QUESTION).toolChoice(ToolChoice.REQUIRED));
        assertRefused(InvalidRequestException.class, "weather", asking(QUESTION).toolSpecifications(WEATHER, WEATHER));
        assertRefused(InvalidRequestException.class, "responseFormat",
                asking(QUESTION).responseFormat(format(JsonRawSchema.from("{\"type\":\"text\"}"))));
        try (GambitChatModel without = GambitChatModel.builder().build()) {
            AiMessage call = AiMessage.from(ToolExecutionRequest.builder().id("1").name("weather").arguments("{}")
                    .build());
            UnsupportedFeatureException e = assertThrows(UnsupportedFeatureException.class,
                    () -> without.chat(QUESTION, call));
            assertTrue(e.getMessage().contains("template"), e.getMessage());
            assertThrows(UnsupportedFeatureException.class,
                    () -> without.chat(QUESTION, ToolExecutionResultMessage.from("1", "weather", "sunny")));
        }
        assertThrows(UnsupportedFeatureException.class, () -> GambitChatModel.builder().defaultRequestParameters(
                GambitChatRequestParameters.builder().toolSpecifications(WEATHER).build()).build());
    }

    private static void assertRefused(Class<? extends Exception> type, String named, ChatRequest.Builder request) {
        Exception e = assertThrows(type, () -> model.chat(request.build()));
        assertTrue(e.getMessage().contains(named), e.getMessage());
    }
}
