package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.KvCacheType;
import dev.gambit.engine.testing.RandomTensor;
import java.lang.foreign.Arena;

/**
 * The part of {@link KernelChecks} about cached keys and values: every cache type, head sizes from 8 to 128 (only whole
 * blocks of 32 where the cache is quantised), one to four query heads a key–value head, ranges that end anywhere.
 */
final class AttentionChecks {

    private static final int TILE = PackedMatrix.TILE;
    private static final int[] HEAD_SIZES = {8, 24, 32, 64, 80, 128};
    private static final int HEADS = 2;
    private static final int CAPACITY = 100;
    private static final int FILLED = 90;
    private static final double EPS = 4e-7;

    private final Kernels kernels;
    private final KernelChecks checks;

    AttentionChecks(Kernels kernels, KernelChecks checks) {
        this.kernels = kernels;
        this.checks = checks;
    }

    /** A check on a filled cache. */
    private interface OnCache {
        void run(KvLayer kv, String name);
    }

    private void caches(OnCache check) {
        for (KvCacheType type : KvCacheType.values()) {
            for (int i = 0; i < HEAD_SIZES.length; i++) {
                int keyLength = HEAD_SIZES[i];
                // Values of another size than keys, too.
                int valueLength = HEAD_SIZES[i == 2 ? 3 : i];
                if (type == KvCacheType.Q8_0 && (keyLength % 32 != 0 || valueLength % 32 != 0)) {
                    continue;
                }
                try (Arena arena = Arena.ofShared()) {
                    KvLayer kv = new KvLayer(type, type, HEADS, keyLength, valueLength, CAPACITY, arena);
                    fill(kv);
                    check.run(kv, type + " keys of " + keyLength + ", values of " + valueLength);
                }
            }
        }
    }

    /** Puts numbers in and checks what {@link KvLayer#key} and {@link KvLayer#value} give back. */
    private void fill(KvLayer kv) {
        for (int head = 0; head < HEADS; head++) {
            for (int p = 0; p < FILLED; p++) {
                float[] k = RandomTensor.floats(kv.keyLength + 1, 3f, head * 1000 + p);
                float[] v = RandomTensor.floats(kv.valueLength + 2, 3f, head * 1000 + p + 500);
                kv.put(head, p, k, 1, v, 2);
                for (int d = 0; d < kv.keyLength; d++) {
                    checks.near(k[1 + d], kv.key(head, p, d), stored(kv.keyType), () -> "a key as it was stored");
                }
                for (int d = 0; d < kv.valueLength; d++) {
                    checks.near(v[2 + d], kv.value(head, p, d), stored(kv.valueType), () -> "a value as it was stored");
                }
            }
        }
    }

    /** What storing may change in numbers up to 3: nothing, half a unit of a half's 10 bits, half a 127th (and its scale). */
    private static double stored(KvCacheType type) {
        return switch (type) {
            case F32 -> 0;
            case F16 -> 0x1p-10;
            case Q8_0 -> 3.0 / 127 * .56;
        };
    }

    void scores() {
        caches((kv, name) -> {
            for (int heads = 1; heads <= 4; heads++) {
                for (int[] range : new int[][] {{0, 1}, {0, 16}, {0, 37}, {32, 90}, {64, 81}}) {
                    int n = range[1] - range[0];
                    int stride = 96;
                    float[] q = RandomTensor.floats(2 + heads * kv.keyLength, 1f, heads);
                    float[] out = new float[4 * stride];
                    kernels.scores(kv, 1, range[0], range[1], q, 2, heads, .125f, out, stride, scratch(kv));
                    for (int h = 0; h < heads; h++) {
                        for (int p = 0; p < n; p++) {
                            double sum = 0;
                            for (int d = 0; d < kv.keyLength; d++) {
                                sum += (double) q[2 + h * kv.keyLength + d] * kv.key(1, range[0] + p, d);
                            }
                            int[] at = {h, heads, range[0] + p};
                            checks.near(
                                    sum / 8,
                                    out[h * stride + p],
                                    EPS * kv.keyLength,
                                    () -> name + ", head " + at[0] + " of " + at[1] + ", position " + at[2]);
                        }
                    }
                    for (int i = heads * stride; i < out.length; i++) {
                        checks.near(0, out[i], 0, () -> name + " wrote behind its heads");
                    }
                    checks.ran();
                }
            }
        });
    }

    private static float[] scratch(KvLayer kv) {
        return new float[KvLayer.scratchLength(kv.keyLength, kv.valueLength)];
    }

    void weightedValues() {
        caches((kv, name) -> {
            for (int heads = 1; heads <= 4; heads++) {
                for (int[] range : new int[][] {{0, 1}, {0, 37}, {16, 90}}) {
                    int n = range[1] - range[0];
                    int stride = 77;
                    float[] weight = RandomTensor.floats(heads * stride, 1f, heads);
                    float[] out = RandomTensor.floats(3 + 4 * kv.valueLength + 1, 1f, 3);
                    float[] before = out.clone();
                    kernels.weightedValues(kv, 1, range[0], range[1], weight, stride, heads, out, 3, scratch(kv));
                    for (int i = 0; i < out.length; i++) {
                        int h = Math.floorDiv(i - 3, kv.valueLength);
                        boolean inside = i >= 3 && h < heads;
                        double sum = before[i];
                        for (int p = 0; p < n && inside; p++) {
                            sum += (double) weight[h * stride + p]
                                    * kv.value(1, range[0] + p, (i - 3) % kv.valueLength);
                        }
                        int[] at = {i - 3, heads};
                        checks.near(
                                sum,
                                out[i],
                                inside ? EPS * 3 * (n + 1) : 0,
                                () -> name + ", entry " + at[0] + " of " + at[1] + " heads, " + n + " positions");
                    }
                    checks.ran();
                }
            }
        });
    }

    void keyPanel() {
        caches((kv, name) -> {
            for (int[] range : new int[][] {{0, 1}, {0, 64}, {16, 37}, {64, 90}}) {
                float[] panel = new float[kv.keyLength * TILE];
                kernels.keyPanel(kv, 1, range[0], range[1], panel);
                for (int d = 0; d < kv.keyLength; d++) {
                    for (int p = range[0]; p < range[1]; p++) {
                        float expected = kv.key(1, p, d);
                        float found = panel[d * TILE + p - range[0]];
                        int[] at = {d, p};
                        checks.near(
                                expected,
                                found,
                                2e-7 * Math.abs(expected),
                                () -> name + " key " + at[0] + " of position " + at[1]);
                    }
                }
                checks.ran();
            }
        });
    }

    void valuePanel() {
        caches((kv, name) -> {
            for (int[] range : new int[][] {{0, 1}, {0, 64}, {17, 37}, {64, 90}}) {
                for (int d0 = 0; d0 < kv.valueLength; d0 += TILE) {
                    float[] panel = RandomTensor.floats((range[1] - range[0]) * TILE, 1f, 1);
                    kernels.valuePanel(kv, 1, range[0], range[1], d0, panel);
                    for (int p = range[0]; p < range[1]; p++) {
                        for (int d = 0; d < TILE; d++) {
                            float expected = d0 + d < kv.valueLength ? kv.value(1, p, d0 + d) : 0f;
                            float found = panel[(p - range[0]) * TILE + d];
                            int[] at = {d0 + d, p};
                            checks.near(
                                    expected,
                                    found,
                                    2e-7 * Math.abs(expected),
                                    () -> name + " value " + at[0] + " of position " + at[1]);
                        }
                    }
                    checks.ran();
                }
            }
        });
    }
}
