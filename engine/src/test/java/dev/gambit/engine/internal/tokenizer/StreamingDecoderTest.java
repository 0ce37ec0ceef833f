package dev.gambit.engine.internal.tokenizer;

import static dev.gambit.engine.internal.tokenizer.TokenizerFixtures.bytePair;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.StreamingDecoder;
import dev.gambit.engine.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StreamingDecoderTest {

    /** A token for each byte; the ids of the alphabet above are the bytes themselves. */
    private static final Tokenizer BYTES = bytePair("gpt-2").merges("a b").tokenizer();

    @Test
    void waitsForWholeCharacters() {
        StreamingDecoder decoder = BYTES.streamingDecoder();
        StringBuilder steps = new StringBuilder();
        for (byte value : "aé漢😀!".getBytes(StandardCharsets.UTF_8)) {
            steps.append('[').append(decoder.add(value & 0xFF)).append(']');
        }
        assertEquals("[a][][é][][][漢][][][][😀][!]", steps.toString());
        assertEquals("", decoder.flush());
    }

    @Test
    void replacesWhatCannotBeCompleted() {
        StreamingDecoder decoder = BYTES.streamingDecoder();
        assertEquals("", decoder.add(0xE6));
        assertEquals("\uFFFDa", decoder.add('a'));
        assertEquals("\uFFFD", decoder.add(0xFF));
        assertEquals("", decoder.add(0xF0));
        assertEquals("\uFFFD", decoder.flush());
        assertEquals("b", decoder.add('b'), "reusable after flush");
    }

    /**
     * The expected numbers of U+FFFD are Python's ({@code bytes.decode("utf-8", "replace")}), "?" standing for them.
     */
    @ParameterizedTest
    @CsvSource({
        "61F18080E180C262806380BF64, a???b?c??d",
        "C0AF, ??",
        "E09F80, ???",
        "EDA080, ???",
        "EDBFBF41, ???A",
        "F08F8080, ????",
        "F4908080, ????",
        "F5808080, ????",
        "E28241, ?A",
        "F09F98, ?",
        "F09F9841, ?A",
        "E282C3A9, ?\u00e9",
        "80BF, ??",
        "FEFF, ??"
    })
    void replacesMaximalParts(String hex, String expected) {
        byte[] bytes = HexFormat.of().parseHex(hex);
        StreamingDecoder decoder = BYTES.streamingDecoder();
        StringBuilder text = new StringBuilder();
        int[] tokens = new int[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            tokens[i] = bytes[i] & 0xFF;
            text.append(decoder.add(tokens[i]));
        }
        text.append(decoder.flush());
        assertEquals(expected, text.toString().replace('\uFFFD', '?'));
        assertEquals(expected, BYTES.decode(tokens).replace('\uFFFD', '?'));
    }

    @Test
    void addsUpToTheWholeText() {
        Random random = new Random(6);
        for (int i = 0; i < 3000; i++) {
            int[] tokens = new int[random.nextInt(20)];
            byte[] bytes = new byte[tokens.length];
            for (int j = 0; j < tokens.length; j++) {
                // Without 0xED, where Java counts a surrogate as one error, its decoder is a reference.
                int value = random.nextBoolean() ? 0x80 + random.nextInt(0x80) : 0xC0 + random.nextInt(0x40);
                tokens[j] = value == 0xED ? 'x' : value;
                bytes[j] = (byte) tokens[j];
            }
            StreamingDecoder decoder = BYTES.streamingDecoder();
            StringBuilder text = new StringBuilder();
            for (int token : tokens) {
                text.append(decoder.add(token));
            }
            text.append(decoder.flush());
            assertEquals(new String(bytes, StandardCharsets.UTF_8), text.toString());
            assertEquals(text.toString(), BYTES.decode(tokens));
        }
    }

    @Test
    void streamsARealVocabulary() {
        Tokenizer tokenizer = TokenizerFixtures.tokenizer(TokenizerFixtures.SMOLLM2);
        String text = "Grüße, 漢字 und 😀👩‍👩‍👧 für alle!";
        StreamingDecoder decoder = tokenizer.streamingDecoder();
        StringBuilder streamed = new StringBuilder();
        boolean waited = false;
        for (int token : tokenizer.encode(text, false, false)) {
            String part = decoder.add(token);
            waited |= part.isEmpty();
            streamed.append(part);
        }
        assertTrue(waited, "some characters are spread over tokens");
        assertEquals(text, streamed + decoder.flush());
        assertEquals("", tokenizer.streamingDecoder().add(1));
        assertEquals("<|im_start|>", tokenizer.streamingDecoder(true).add(1));
    }
}
