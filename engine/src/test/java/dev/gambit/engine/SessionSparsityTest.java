package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.sparsity.Site;
import dev.gambit.engine.testing.Logits;
import org.junit.jupiter.api.Test;

/** A session's sparsity changes between tokens, to what a model opened at that level computes. */
class SessionSparsityTest {

    private static LanguageModel open(Sparsity sparsity) {
        return EmbeddedModel.open(ModelOptions.builder()
                .backend(BackendChoice.CPU).threads(2).contextLength(128).densePrefill(true).sparsity(sparsity)
                .build());
    }

    private static final int[] PROMPT = {5, 6, 7, 8, 9, 10, 11, 12, 13, 14};

    /** The same bits where the weights lie the same way, which what the gate skips decides; else sums have another order. */
    private static void same(float[] expected, float[] found, boolean bits, String what) {
        if (bits) {
            assertArrayEquals(expected, found, what);
        } else {
            assertEquals(0, Logits.difference(new float[][] {expected}, new float[][] {found}), 2e-3, what);
        }
    }

    @Test
    void anyLevelOfAnyPolicyIsThatOfAModelOpenedSo() {
        try (LanguageModel model = open(new Sparsity(null, null, 0.5));
                Session session = model.session()) {
            assertEquals(model.sidecar().defaultPolicy(), session.sparsity().policy());
            for (String policy : model.sidecar().policies()) {
                for (double level : new double[] {0, 0.33, model.sidecar().maxLevel()}) {
                    Sparsity s = new Sparsity(null, policy, level);
                    try (LanguageModel other = open(s);
                            Session expected = other.session()) {
                        session.truncate(0);
                        session.evaluate(PROMPT);
                        session.sparsity(s);
                        assertEquals(s, session.sparsity());
                        expected.evaluate(PROMPT);
                        for (int t = 20; t < 23; t++) {
                            same(expected.evaluate(new int[] {t}), session.evaluate(new int[] {t}),
                                    model.thresholds().uses(Site.FFN_ACT) == other.thresholds().uses(Site.FFN_ACT),
                                    policy + " at " + level);
                        }
                    }
                }
            }
        }
    }

    @Test
    void denseAndBack() {
        try (LanguageModel model = open(new Sparsity(null, null, 0.5));
                Session session = model.session();
                Session sparse = model.session();
                LanguageModel denseModel = open(null);
                Session dense = denseModel.session()) {
            for (Session s : new Session[] {session, sparse, dense}) {
                s.evaluate(PROMPT);
            }
            session.sparsity(null);
            assertNull(session.sparsity());
            same(dense.evaluate(new int[] {3}), session.evaluate(new int[] {3}), false, "dense");
            session.truncate(PROMPT.length);
            session.sparsity(0.5);
            assertArrayEquals(sparse.evaluate(new int[] {3}), session.evaluate(new int[] {3}));
            String message = assertThrows(GambitException.class, () -> dense.sparsity(0.5)).getMessage();
            assertTrue(message.contains("opened with thresholds"), message);
            dense.sparsity(null);
        }
    }

    @Test
    void whatTheSidecarDoesNotHaveIsALineAndChangesNothing() {
        try (LanguageModel model = open(new Sparsity(null, null, 0.5));
                Session session = model.session()) {
            Sparsity before = session.sparsity();
            for (Sparsity wrong : new Sparsity[] {new Sparsity(null, "nonsense", 0.5),
                new Sparsity(null, null, 0.999), new Sparsity(java.nio.file.Path.of("other.gguf"), null, 0.5)}) {
                String message = assertThrows(GambitException.class, () -> session.sparsity(wrong)).getMessage();
                assertTrue(message.lines().count() == 1 && message.contains(": expected "), message);
            }
            assertEquals(before, session.sparsity());
        }
    }
}
