package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a session takes over from another one is what it would have computed, bit by bit. */
class AdoptTest {

    private static final int[] TEXT = new SplittableRandom(3).ints(200, 0, 4096).toArray();

    private static LanguageModel open(KvCacheType cache, Double level) {
        return EmbeddedModel.open(ModelOptions.builder()
                .backend(BackendChoice.CPU)
                .threads(2)
                .contextLength(256)
                .cacheType(cache, cache)
                .sparsity(level == null ? null : new Sparsity(null, null, level))
                .build());
    }

    private static GenerationOptions tokens(int count) {
        return GenerationOptions.builder()
                .maxTokens(count).ignoreEndOfGeneration(true).sampling(SamplingOptions.greedy()).build();
    }

    @ParameterizedTest
    @EnumSource(KvCacheType.class)
    void theRestOfAPromptGivesTheSameBits(KvCacheType cache) {
        for (Double level : cache == KvCacheType.F16 ? new Double[] {null, 0.5} : new Double[] {0.5}) {
            try (LanguageModel model = open(cache, level);
                    Session donor = model.session();
                    Session session = model.session();
                    Session fresh = model.session()) {
                donor.evaluate(Arrays.copyOf(TEXT, 150));
                for (int length : new int[] {16, 17, 150}) {
                    // rests of a prompt of one token, of fewer than a batch is worth, and of many
                    for (int rest : new int[] {1, 3, 50}) {
                        int[] prompt = Arrays.copyOf(TEXT, length + rest);
                        if (length < 150 && rest < 50) {
                            prompt[length] ^= 1; // here it goes another way
                        }
                        int reusable = fresh.reusable(donor, prompt);
                        assertEquals(prompt.length < 8 ? 0 : Math.min(150, prompt[length] == TEXT[length]
                                ? prompt.length - 1 : length), reusable);
                        if (reusable == 0) {
                            continue;
                        }
                        fresh.truncate(0);
                        float[] expected = fresh.evaluate(prompt);
                        session.adopt(donor, reusable);
                        assertEquals(reusable, session.position());
                        assertArrayEquals(Arrays.copyOf(prompt, reusable), session.tokens());
                        float[] found = session.evaluate(Arrays.copyOfRange(prompt, reusable, prompt.length));
                        assertArrayEquals(expected, found, "behind " + length + " + " + rest);
                        for (int t = 0; t < 3; t++) {
                            assertArrayEquals(fresh.evaluate(new int[] {t}), session.evaluate(new int[] {t}));
                        }
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void generatingGoesOnAsIfItHadReadAll(boolean truncate) {
        try (LanguageModel model = open(KvCacheType.F16, 0.4);
                Session donor = model.session();
                Session fresh = model.session()) {
            int[] prompt = model.tokenizer().encode("Once upon a time there was a little dog who loved to", true, true);
            int[] expected = fresh.generate(prompt, tokens(30), GenerationListener.NONE).tokens();
            donor.evaluate(Arrays.copyOf(prompt, 9));
            Session session = truncate ? donor : model.session();
            if (truncate) {
                donor.generate(new int[] {7, 8, 9}, tokens(20), GenerationListener.NONE);
                donor.truncate(9);
            } else {
                session.adopt(donor, 9);
            }
            int[] rest = Arrays.copyOfRange(prompt, 9, prompt.length);
            assertArrayEquals(expected, session.generate(rest, tokens(30), GenerationListener.NONE).tokens());
            // what was generated can be adopted, too, but is not what a prompt gives
            int[] longer = session.tokens();
            assertEquals(prompt.length, fresh.reusable(session, longer));
            Session other = model.session();
            other.adopt(session, longer.length);
            assertArrayEquals(longer, other.tokens());
        }
    }

    /** A prompt cut into parts of any sizes gives the same bits: what sharing a model with others relies on. */
    @Test
    void howAPromptIsCutDoesNotMatter() {
        for (Double level : new Double[] {null, 0.5}) {
            try (LanguageModel model = open(KvCacheType.F16, level);
                    Session whole = model.session();
                    Session parts = model.session()) {
                float[] expected = whole.evaluate(TEXT);
                SplittableRandom random = new SplittableRandom(9);
                for (int round = 0; round < 2; round++) {
                    parts.truncate(0);
                    int at = 8 + random.nextInt(20);
                    float[] found = parts.evaluate(Arrays.copyOf(TEXT, at));
                    while (at < TEXT.length) {
                        int n = Math.min(TEXT.length - at, 1 + random.nextInt(70));
                        try (Session s = model.session()) {
                            s.adopt(parts, at);
                            found = s.evaluate(Arrays.copyOfRange(TEXT, at, at + n));
                            parts.adopt(s, at + n);
                        }
                        at += n;
                    }
                    assertArrayEquals(expected, found);
                }
            }
        }
    }

    @Test
    void otherSparsityIsNotTheSame() {
        try (LanguageModel model = open(KvCacheType.F16, 0.5);
                Session donor = model.session();
                Session session = model.session()) {
            donor.evaluate(TEXT);
            assertEquals(199, session.reusable(donor, TEXT));
            session.sparsity(0.6);
            assertEquals(0, session.reusable(donor, TEXT));
            donor.truncate(0);
            donor.sparsity(0.6);
            donor.evaluate(TEXT);
            assertEquals(199, session.reusable(donor, TEXT));
            donor.sparsity(0.3);
            assertEquals(199, session.reusable(donor, TEXT));
            session.sparsity(null);
            assertEquals(0, session.reusable(donor, TEXT));
        }
    }

    @Test
    void whatCannotBeAdoptedIsALine() {
        try (LanguageModel model = open(KvCacheType.F16, null);
                LanguageModel another = open(KvCacheType.F16, null);
                Session donor = model.session();
                Session session = model.session();
                Session foreign = another.session()) {
            donor.evaluate(Arrays.copyOf(TEXT, 20));
            for (Runnable wrong : new Runnable[] {() -> session.adopt(donor, 21), () -> session.adopt(donor, -1),
                () -> foreign.adopt(donor, 5), () -> donor.adopt(donor, 5)}) {
                String message = assertThrows(GambitException.class, wrong::run).getMessage();
                assertTrue(message.lines().count() == 1 && message.contains(": expected "), message);
            }
            assertEquals(0, foreign.reusable(donor, TEXT));
            session.adopt(donor, 0);
            assertEquals(0, session.position());
            Session[] gone = new Session[1];
            try (Session closed = model.session()) {
                closed.evaluate(Arrays.copyOf(TEXT, 20));
                gone[0] = closed;
            }
            assertThrows(GambitException.class, () -> session.adopt(gone[0], 5));
            assertFalse(session.position() > 0);
        }
    }
}
