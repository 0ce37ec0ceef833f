package dev.gambit.engine.internal.schema;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.internal.grammar.Expr;
import dev.gambit.engine.internal.grammar.RandomTexts;
import java.math.BigDecimal;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What is drawn at random for schemas, against networknt's validator. */
class SchemaCompilerTest {

    private static Expr compile(String schema) {
        return JsonLanguage.of(JsonReader.read("schema", schema));
    }

    static Set<String> names() {
        return Schemas.ALL.keySet();
    }

    @ParameterizedTest
    @MethodSource("names")
    void whatIsDrawnIsValidHoweverFewTokensThereAre(String name) {
        String schema = Schemas.ALL.get(name);
        RandomTexts texts = new RandomTexts(compile(schema), name.hashCode());
        Random random = new Random(7);
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < 200; i++) {
            int most = texts.shortest + (i % 4 == 0 ? 0 : random.nextInt(i % 4 == 1 ? 5 : 120));
            String text = texts.next(most);
            assertNotNull(text, () -> "not complete in " + most + " tokens");
            assertTrue(texts.tokens <= most);
            Schemas.validate(schema, text);
            seen.add(text);
        }
        assertTrue(seen.size() > 30, () -> "always the same: " + seen);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            {"properties":{"x":{"not":{}}}}                   | #/properties/x/not
            {"type":"array","uniqueItems":true}               | #/uniqueItems
            {"type":"strin"}                                  | #/type
            {"type":"object","patternProperties":{}}          | #/patternProperties
            {"$ref":"#/$defs/none"}                           | #/$ref
            {"$ref":"http://example.org/x"}                   | #/$ref
            {"$ref":"#"}                                      | #
            {"type":"string","format":"iban"}                 | #/format
            {"type":"string","pattern":"(?=a)b"}              | #/pattern
            {"type":"string","pattern":"a(b"}                 | #/pattern
            {"type":"string","pattern":"^ab$","maxLength":1}  | #/pattern
            {"type":"number","multipleOf":0.3}                | #/multipleOf
            {"type":"number","minimum":"0"}                   | #/minimum
            {"type":"number","minimum":1e999999}              | #/minimum
            {"minLength":-1}                                  | #/minLength
            {"oneOf":[{"type":"integer"},{"type":"number"}]}  | #/oneOf
            {"allOf":[{"pattern":"a"},{"pattern":"b"}]}       | #/pattern
            {"requird":["a"]}                                 | #/requird
            {"enum":["a"],"minLength":3}                      | #/minLength
            {"items":7}                                       | #/items
            7                                                 | #
            """)
    void whatItCannotFollowIsRefusedByItsPlace(String schema, String place) {
        GambitException e = assertThrows(GambitException.class, () -> compile(schema));
        assertTrue(e.getMessage().startsWith("JSON schema, " + place), e.getMessage());
        assertEquals(1, e.getMessage().lines().count());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            {"type":"object","properties":{"x":{"$ref":"#"}},"required":["x"]}
            {"type":"string","enum":[1]}
            {"type":"integer","minimum":0.2,"maximum":0.8}
            false
            """)
    void whatNoDocumentFulfilsIsRefused(String schema) {
        GambitException e = assertThrows(GambitException.class, () -> new RandomTexts(compile(schema), 1));
        assertTrue(e.getMessage().startsWith("constraint: expected one that some finite text fulfils"), e.getMessage());
    }

    @Test
    void membersComeInOrderAndOptionalOnesMayBeLeftOut() throws Exception {
        RandomTexts texts = new RandomTexts(compile("""
                {"properties":{"a":{"type":"null"},"b":{"type":"null"},"c":{"type":"null"},"d":{"type":"null"}},
                "required":["c"]}"""), 3);
        Set<String> heads = new HashSet<>();
        for (int i = 0; i < 1_000; i++) {
            StringBuilder head = new StringBuilder();
            new ObjectMapper().readTree(texts.next(60)).fieldNames().forEachRemaining(head::append);
            heads.add(head.toString());
        }
        assertEquals(Set.of("c", "ac", "bc", "cd", "abc", "acd", "bcd", "abcd"), heads);
    }

    @Test
    void numbersStayWithinAnyBoundsAndReachThem() {
        Random random = new Random(5);
        for (int i = 0; i < 300; i++) {
            BigDecimal a = new BigDecimal(random.nextInt(2_000) - 1_000).movePointLeft(random.nextInt(4));
            BigDecimal b = a.add(new BigDecimal(random.nextInt(500)).movePointLeft(random.nextInt(4)));
            boolean low = random.nextInt(4) == 0;
            boolean high = random.nextInt(4) == 0;
            NumberRange range = new NumberRange(a, low, b, high);
            if (a.compareTo(b) == 0 && (low || high)) {
                continue;
            }
            RandomTexts texts = new RandomTexts(range.numbers(), i);
            for (int j = 0; j < 50; j++) {
                BigDecimal n = new BigDecimal(texts.next(1 + random.nextInt(20) + texts.shortest));
                assertTrue(n.compareTo(a) >= (low ? 1 : 0) && n.compareTo(b) <= (high ? -1 : 0),
                        () -> n + " of " + range);
            }
        }
    }

    @Test
    void smallRangesOfIntegersAreReachedInFull() {
        for (int from = -23; from < 25; from += 12) {
            for (int to = from; to < from + 87; to += 43) {
                Set<Integer> seen = new HashSet<>();
                RandomTexts texts = new RandomTexts(
                        new NumberRange(new BigDecimal(from), false, new BigDecimal(to), false).integers(), from);
                for (int i = 0; i < 40_000 && seen.size() <= to - from; i++) {
                    int n = Integer.parseInt(texts.next(5));
                    assertTrue(n >= from && n <= to, n + " from " + from + " to " + to);
                    seen.add(n);
                }
                assertEquals(to - from + 1, seen.size(), from + " to " + to);
            }
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', textBlock = """
            ^a?b{2,3}c*$
            x[0-9]+\\.\\d
            ^[\\w.-]+@[a-z]{2,}$
            ^$|^-?(0|[1-9]\\d{0,3})$
            [^\\x00-\\x7f]\\/
            ^(a|b(c|d)*?)+\\u0041$
            ^"\\\\\\n?$
            ^(a*)*(b?c?)*$
            .{3}\\W\\D\\S
            """)
    void patternsMatchAsJavasRegularExpressionsFindThem(String pattern) throws Exception {
        java.util.regex.Pattern reference = java.util.regex.Pattern.compile(pattern);
        RandomTexts texts = new RandomTexts(JsonText.quoted(Pattern.parse("pattern", pattern, 0, Expr.UNLIMITED)), 1);
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < 300; i++) {
            String text = new ObjectMapper().readValue(texts.next(texts.shortest + i % 40), String.class);
            assertTrue(reference.matcher(text).find(), () -> pattern + " does not match " + text);
            seen.add(text);
        }
        assertTrue(seen.size() > 1);
    }

    @Test
    void freeJsonIsJsonWithinItsDepth() throws Exception {
        RandomTexts texts = new RandomTexts(JsonLanguage.values(), 11);
        RandomTexts objects = new RandomTexts(JsonLanguage.objects(), 12);
        for (int i = 0; i < 150; i++) {
            assertNotNull(new ObjectMapper().readTree(texts.next(1 + i)));
            assertTrue(new ObjectMapper().readTree(objects.next(2 + i)).isObject());
        }
    }
}
