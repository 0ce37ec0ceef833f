package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Rendered conversations against Python's jinja2 ({@code src/test/python/chat_template_vectors.py}). */
class ChatTemplateTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    /** The time the vectors were written with. */
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2024-07-06T13:05:09Z"), ZoneOffset.UTC);
    private static final String CHATML = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content"
            + " + '<|im_end|>\\n' }}{% endfor %}";

    private static JsonNode vectors() throws IOException {
        try (InputStream in = ChatTemplateTest.class.getResourceAsStream("chat-template-vectors.json")) {
            assertNotNull(in);
            return JSON.readTree(in);
        }
    }

    @TestFactory
    Stream<DynamicTest> rendersAsJinja2Does() throws IOException {
        JsonNode vectors = vectors();
        List<DynamicTest> tests = new ArrayList<>();
        for (JsonNode vector : vectors.get("cases")) {
            String name = vector.get("template").asText();
            tests.add(DynamicTest.dynamicTest(name + " " + vector.get("conversation").asText(),
                    () -> check(vectors.get("templates").get(name).asText(), vector)));
        }
        assertTrue(tests.size() > 90, "vectors are missing");
        return tests.stream();
    }

    private static void check(String source, JsonNode vector) {
        List<Map<String, Object>> messages = JSON.convertValue(vector.get("messages"), new TypeReference<>() {});
        Map<String, Object> variables = JSON.convertValue(vector.get("variables"), new TypeReference<>() {});
        boolean generate = vector.get("generate").asBoolean();
        ChatTemplate template = ChatTemplate.of(source, "<s>", "</s>", CLOCK);
        boolean plain = messages.stream().allMatch(m -> m.size() == 2 && m.get("content") instanceof String);
        List<ChatMessage> turns = new ArrayList<>();
        Map<String, Object> all = new HashMap<>(variables);
        if (plain) {
            messages.forEach(m -> turns.add(new ChatMessage((String) m.get("role"), (String) m.get("content"))));
        } else {
            all.put("messages", messages);
        }
        if (vector.has("error")) {
            GambitException e = assertThrows(GambitException.class, () -> template.render(turns, generate, all));
            assertEquals(vector.get("error").asText(), e.getMessage());
        } else {
            assertEquals(vector.get("expected").asText(), template.render(turns, generate, all));
        }
    }

    @Test
    void rendersTheReferencePromptOfSmolLm2() throws IOException {
        Path reference = shared().resolve("reference/smollm2-chat.json");
        assumeTrue(Files.exists(reference), "no reference/smollm2-chat.json in the shared folder");
        JsonNode expected = JSON.readTree(reference.toFile());
        ChatTemplate template =
                ChatTemplate.of(vectors().get("templates").get("smollm2").asText(), "<|im_start|>", "<|im_end|>");
        List<ChatMessage> messages = new ArrayList<>();
        for (JsonNode m : expected.get("messages")) {
            messages.add(new ChatMessage(m.get("role").asText(), m.get("content").asText()));
        }
        assertEquals(expected.get("rendered_prompt").asText(), template.render(messages, true));
    }

    private static Path shared() {
        String property = System.getProperty("gambit.shared");
        List<String> places = property != null ? List.of(property) : List.of("../shared", "../../shared");
        return places.stream().map(Path::of).filter(Files::isDirectory).findFirst().orElse(Path.of("no-shared-folder"));
    }

    @Test
    void tellsTheTimeOfThisMachine() {
        int before = java.time.LocalDate.now().getYear();
        String year = ChatTemplate.of("{{ strftime_now('%Y') }}", null, null).render(List.of(), false);
        assertTrue(Integer.parseInt(year) - before <= 1 && Integer.parseInt(year) >= before);
    }

    @Test
    void leavesMissingTokensUndefined() {
        ChatTemplate template = ChatTemplate.of("{{ bos_token is defined }} {{ eos_token is defined }}", null, "e");
        assertEquals("False True", template.render(List.of(), false));
    }

    @Test
    void givesTheTemplatesObjectionAsOneLine() {
        ChatTemplate template = ChatTemplate.of("{{ raise_exception('Only one\\n  turn!') }}", null, null);
        GambitException e = assertThrows(GambitException.class, () -> template.render(List.of(), false));
        assertEquals("Only one turn!", e.getMessage());
    }

    @Test
    void namesTheConstructItCannotRender() {
        GambitException tag = assertThrows(GambitException.class,
                () -> ChatTemplate.of("a\n{% include 'other' %}", null, null));
        assertTrue(tag.getMessage().contains("line 2") && tag.getMessage().contains("'include'"), tag.getMessage());
        ChatTemplate filter = ChatTemplate.of(CHATML + "\n\n{{ messages | xmlattr }}", null, null);
        GambitException e = assertThrows(GambitException.class,
                () -> filter.render(List.of(new ChatMessage("user", "x")), true));
        assertTrue(e.getMessage().contains("line 3") && e.getMessage().contains("'xmlattr'"), e.getMessage());
        assertFalse(e.getMessage().contains("\n"));
    }

    @Test
    void refusesWhatIsNotThere() {
        assertThrows(GambitException.class, () -> ChatTemplate.of(null, "a", "b"));
        assertThrows(GambitException.class, () -> new ChatMessage(null, "x"));
        assertThrows(GambitException.class, () -> new ChatMessage("", "x"));
        assertThrows(GambitException.class, () -> new ChatMessage("user", null));
    }

    @Test
    void refusesVariablesThatAreNotPlainValues() {
        ChatTemplate template = ChatTemplate.of("{{ x }}", null, null);
        assertThrows(GambitException.class, () -> template.render(List.of(), false, Map.of("x", new Object())));
        List<Object> cyclic = new ArrayList<>();
        cyclic.add(cyclic);
        assertThrows(GambitException.class, () -> template.render(List.of(), false, Map.of("x", cyclic)));
        assertEquals("[1, 2.5, 'a']", template.render(List.of(), false, Map.of("x", List.of(1, 2.5f, "a"))));
    }
}
