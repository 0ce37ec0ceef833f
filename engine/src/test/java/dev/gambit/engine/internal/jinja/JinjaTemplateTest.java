package dev.gambit.engine.internal.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gambit.engine.GambitException;
import java.io.IOException;
import java.io.InputStream;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One construct at a time against jinja2 ({@code src/test/python/jinja_vectors.py}), and hostile templates. */
class JinjaTemplateTest {

    private static final Clock CLOCK = Clock.fixed(Instant.parse("2024-07-06T13:05:09Z"), ZoneOffset.UTC);

    private static String render(String source, Map<String, ?> variables) {
        return JinjaTemplate.parse(source).render(variables, CLOCK);
    }

    @TestFactory
    Stream<DynamicTest> rendersAsJinja2Does() throws IOException {
        ObjectMapper json = new ObjectMapper();
        JsonNode vectors;
        try (InputStream in = JinjaTemplateTest.class.getResourceAsStream("jinja-vectors.json")) {
            assertNotNull(in);
            vectors = json.readTree(in);
        }
        Map<String, Object> variables = json.convertValue(vectors.get("variables"), new TypeReference<>() {});
        List<DynamicTest> tests = new ArrayList<>();
        for (JsonNode vector : vectors.get("cases")) {
            String source = vector.get("source").asText();
            tests.add(DynamicTest.dynamicTest(source, () -> {
                if (vector.has("expected")) {
                    assertEquals(vector.get("expected").asText(), render(source, variables));
                } else {
                    GambitException e = assertThrows(GambitException.class, () -> render(source, variables));
                    assertFalse(e.getMessage().contains("\n"), e.getMessage());
                }
            }));
        }
        assertTrue(tests.size() > 400, "vectors are missing");
        return tests.stream();
    }

    /** Templates made to hang, to fill the memory or to overflow the stack: each has to fail, and soon. */
    @ParameterizedTest
    @ValueSource(strings = {
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{{ 'xxxxxxxxxx' }}{% endfor %}{% endfor %}",
        "{{ range(100001) }}",
        "{{ 'x' * 1000000000 }}",
        "{{ [0] * 1000000000 }}",
        "{% set ns = namespace(x='x') %}{% for a in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x='x') %}{% for a in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[0]) %}{% for a in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[0]) %}{% for a in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=[0]) %}{% for a in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}"
                + "{{ ns.x | tojson }}",
        "{% set ns = namespace(x=[0], y=[0]) %}{% for a in range(99) %}{% set ns.x = [ns.x, ns.x] %}"
                + "{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}",
        "{% set ns = namespace(x=[0]) %}{% for a in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=[0]) %}{% for a in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}"
                + "{{ ns.x | tojson }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
        "{% set a = 'a' * 2000000 %}{% set b = 'a' * 1000000 + 'b' %}{{ b in a }}",
        "{% set a = 'a' * 2000000 %}{% for i in range(9999) %}{{ 'b' in a }}{% endfor %}",
        "{% set a = 'a' * 2000000 %}{% for i in range(9999) %}{{ a.strip('b') | length }}{% endfor %}",
        "{% set a = 'a' * 9999 %}{{ a.replace('a', a) | length }}",
        "{% set a = 'a' * 99999 %}{{ a | replace('', a) | length }}",
        "{{ '%999999999d' % 1 }}",
        "{{ 'x'.ljust(999999999) }}",
        "{{ 'x' | center(999999999) }}",
        "{{ [1] | batch(999999999, 'x') | list }}",
        "{{ 9 ** 999999999 }}",
        "{{ 2 * 9223372036854775807 }}",
        "{{ 1 | round(999999999) }}",
        "{% set a = 'a' * 9999 %}{{ ([a] * 9999) | join }}",
        "{% set a = 'a' * 9999 %}{{ (['a'] * 99999) | map('replace', 'a', a) | join | length }}",
        "{{ ('x' * 9999999) | list | length }}{{ ('x' * 9999999) | list | sort | list | length }}"
                + "{{ ('x' * 9999999) | list | sort | list | length }}{{ ('x' * 9999999) | list | sort | list | length }}",
    })
    void endsHostileTemplates(String source) {
        assertTimeoutPreemptively(Duration.ofSeconds(30), () -> {
            GambitException e = assertThrows(GambitException.class, () -> render(source, Map.of()));
            assertFalse(e.getMessage().contains("\n"));
        });
    }

    @Test
    void endsDeepNesting() {
        for (String source : List.of("{{ " + "(".repeat(100_000) + "1" + ")".repeat(100_000) + " }}",
                "{{ " + "[".repeat(100_000) + "]".repeat(100_000) + " }}", "{{ " + "-".repeat(100_000) + "1 }}",
                "{{ " + "not ".repeat(100_000) + "1 }}", "{% if 1 %}".repeat(50_000),
                "{{ 1" + " + 1".repeat(200_000) + " }}", "{{ 1" + ".x".repeat(200_000) + " }}",
                "{{ x" + "|e".repeat(200_000) + " }}", "{{ 1" + " if 1 else 1".repeat(50_000) + " }}")) {
            GambitException e = assertThrows(GambitException.class, () -> render(source, Map.of()));
            assertTrue(e.getMessage().contains("nest") || e.getMessage().contains("less deeply"), e.getMessage());
        }
    }

    @Test
    void refusesAnOversizedTemplate() {
        assertThrows(GambitException.class, () -> JinjaTemplate.parse(" ".repeat(JinjaTemplate.MAX_SOURCE + 1)));
        assertEquals("x", render("x" + "{# #}".repeat(100_000), Map.of()));
    }

    @Test
    void reachesNothingOfJava() {
        Map<String, Object> variables = Map.of("s", "x", "l", List.of(1), "m", Map.of("k", "v"));
        for (String expression : List.of("s.getClass()", "s.class", "l.getClass()", "m.class.forName('x')",
                "s.__class__.__mro__", "l.stream()", "m.entrySet()", "s.hashCode()", "range.call()", "s.chars()",
                "namespace.class", "loop", "self", "s.bytes")) {
            String source = "{{ (" + expression + ") is defined }}";
            try {
                assertEquals("False", render(source, variables), expression);
            } catch (GambitException e) {
                assertTrue(e.getMessage().startsWith("chat template, line 1"), e.getMessage());
            }
        }
    }

    @Test
    void neverChangesWhatTheCallerPassed() {
        List<Object> list = new ArrayList<>(List.of(3, 1, 2));
        Map<String, Object> variables = Map.of("l", list);
        assertEquals("[1, 2, 3][2, 1, 3]",
                render("{{ l | sort }}{{ l | reverse | list }}{% set l = 1 %}", variables));
        assertEquals(List.of(3, 1, 2), list);
    }

    @Test
    void rendersConcurrently() throws InterruptedException {
        JinjaTemplate template = JinjaTemplate.parse("{% set ns = namespace(x=0) %}{% for i in range(n) %}"
                + "{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}");
        List<String> results = java.util.Collections.synchronizedList(new ArrayList<>());
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            threads.add(Thread.ofPlatform().start(() -> {
                for (int n = 0; n < 50; n++) {
                    results.add(template.render(Map.of("n", 100), CLOCK));
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(java.util.Collections.nCopies(200, "4950"), results);
    }
}
