package dev.gambit.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gambit.bindings.DeviceMemory;
import dev.gambit.cuda.TestVectors.Keep;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class GemvRowsTest {

    private static TestGpu gpu;

    @BeforeAll
    static void open() {
        gpu = TestGpu.open();
    }

    @AfterAll
    static void close() {
        if (gpu != null) {
            gpu.close();
        }
    }

    @BeforeEach
    void need() {
        TestGpu.assumeThere(gpu);
    }

    @AfterEach
    void release() {
        if (gpu != null) {
            gpu.release();
        }
    }

    @ParameterizedTest
    @EnumSource
    void oneMatrixAsItIs(WeightForm form) {
        Random random = new Random(1);
        for (int inputs : TestVectors.inputs(form)) {
            for (int outputs : new int[] {1, 5, 67}) {
                TestMatrix w = new TestMatrix(form, MatrixLayout.ROWS, inputs, outputs, random);
                float[] x = TestVectors.random(inputs, random);
                DeviceMemory out = gpu.poisoned(outputs);
                GemvRows.prepare(
                        gpu.modules, InputVector.plain(gpu.upload(x), inputs), null,
                        List.of(Product.store(w.on(gpu), null, out))).run(gpu.stream);
                double[] v = TestVectors.doubles(x);
                TestVectors.assertClose(
                        form + " " + inputs + "x" + outputs, w.product(v), gpu.download(out, outputs), w.magnitude(v));
                gpu.release();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void threeMatricesOfANormedInputWithEpilogues(WeightForm form) {
        Random random = new Random(2);
        for (int inputs : TestVectors.inputs(form)) {
            float[] x = TestVectors.random(inputs, random);
            float[] weight = TestVectors.random(inputs, random);
            double[] v = TestVectors.normed(x, weight);
            TestMatrix[] w = new TestMatrix[3];
            int[] outputs = {33, 1, 8};
            DeviceMemory[] out = new DeviceMemory[3];
            float[] bias = TestVectors.random(33, random);
            for (int k = 0; k < 3; k++) {
                w[k] = new TestMatrix(form, MatrixLayout.ROWS, inputs, outputs[k], random);
                out[k] = k == 1 ? gpu.upload(new float[] {2.5f}) : gpu.poisoned(outputs[k]);
            }
            InputVector in = InputVector.normed(gpu.upload(x), gpu.upload(weight), TestVectors.EPSILON, inputs);
            GemvRows.prepare(
                    gpu.modules, in, null,
                    List.of(
                            Product.store(w[0].on(gpu), null, out[0])
                                    .withBias(gpu.upload(bias))
                                    .withActivation(Activation.SILU),
                            Product.add(w[1].on(gpu), null, out[1]), Product.store(w[2].on(gpu), null, out[2])))
                    .run(gpu.stream);
            double[] first = w[0].product(v);
            for (int o = 0; o < first.length; o++) {
                first[o] = TestVectors.silu(first[o] + bias[o]);
            }
            double[] second = w[1].product(v);
            second[0] += 2.5;
            String what = form + " " + inputs;
            TestVectors.assertClose(what + " silu", first, gpu.download(out[0], 33), w[0].magnitude(v) + 2);
            TestVectors.assertClose(what + " add", second, gpu.download(out[1], 1), w[1].magnitude(v) + 2);
            TestVectors.assertClose(what, w[2].product(v), gpu.download(out[2], 8), w[2].magnitude(v));
            gpu.release();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "I8_MIN", "U4", "U4_MIN"})
    void masksTheInputAndCounts(WeightForm form) {
        Random random = new Random(3);
        for (Keep keep : new Keep[] {Keep.NONE, Keep.ONE, Keep.HALF, Keep.ALL}) {
            TestMatrix w = new TestMatrix(form, MatrixLayout.ROWS, 576, 50, random);
            float[] x = TestVectors.random(576, random);
            float[] weight = TestVectors.random(576, random);
            double[] v = TestVectors.normed(x, weight);
            float[] t = TestVectors.thresholds(v, keep, random);
            DeviceMemory out = gpu.poisoned(50);
            DeviceMemory kept = gpu.counter();
            InputVector in = InputVector.normed(gpu.upload(x), gpu.upload(weight), TestVectors.EPSILON, 576);
            GemvRows.prepare(
                    gpu.modules, in, new SiteThresholds(gpu.upload(t), false, kept),
                    List.of(Product.store(w.on(gpu), null, out))).run(gpu.stream);
            double[] masked = TestVectors.masked(v, t);
            TestVectors.assertClose(
                    form + " " + keep, w.product(masked), gpu.download(out, 50), w.magnitude(masked));
            assertEquals(TestVectors.count(v, t), gpu.downloadInt(kept));
        }
    }

    /** As q, k and v: the first masked, the second not, the third masked otherwise; inputs that one pass cannot hold, too. */
    @ParameterizedTest
    @EnumSource
    void eachMatrixHasItsOwnMask(WeightForm form) {
        Random random = new Random(5);
        for (int inputs : TestVectors.inputs(form)) {
            float[] x = TestVectors.random(inputs, random);
            float[] weight = TestVectors.random(inputs, random);
            double[] v = TestVectors.normed(x, weight);
            int[] outputs = {200, 3, 70};
            Keep[] keep = {Keep.HALF, Keep.UNMASKED, Keep.ONE};
            List<Product> products = new ArrayList<>();
            TestMatrix[] w = new TestMatrix[3];
            float[][] t = new float[3][];
            DeviceMemory[] out = new DeviceMemory[3];
            DeviceMemory[] kept = {gpu.counter(), null, gpu.counter()};
            for (int k = 0; k < 3; k++) {
                w[k] = new TestMatrix(form, MatrixLayout.ROWS, inputs, outputs[k], random);
                out[k] = gpu.poisoned(outputs[k]);
                t[k] = keep[k] == Keep.UNMASKED ? null : TestVectors.thresholds(v, keep[k], random);
                SiteThresholds mask = t[k] == null ? null : new SiteThresholds(gpu.upload(t[k]), false, kept[k]);
                products.add(Product.store(w[k].on(gpu), mask, out[k]));
            }
            InputVector in = InputVector.normed(gpu.upload(x), gpu.upload(weight), TestVectors.EPSILON, inputs);
            GemvRows.prepare(gpu.modules, in, null, products).run(gpu.stream);
            for (int k = 0; k < 3; k++) {
                double[] masked = TestVectors.masked(v, t[k]);
                TestVectors.assertClose(
                        form + " " + inputs + " matrix " + k, w[k].product(masked), gpu.download(out[k], outputs[k]),
                        w[k].magnitude(masked));
                if (t[k] != null) {
                    assertEquals(TestVectors.count(v, t[k]), gpu.downloadInt(kept[k]), form + " " + inputs);
                }
            }
            gpu.release();
        }
    }

    /** Values far apart in one vector: what scales small neighbours of large ones must not lose them. */
    @ParameterizedTest
    @EnumSource
    void smallAndLargeEntries(WeightForm form) {
        Random random = new Random(6);
        int inputs = 1536;
        TestMatrix w = new TestMatrix(form, MatrixLayout.ROWS, inputs, 100, random);
        for (float size : new float[] {1e-30f, 1e-4f, 1e4f, 1e30f}) {
            float[] x = TestVectors.random(inputs, random);
            for (int i = 0; i < inputs; i++) {
                x[i] *= i % 100 == 0 ? size : size * 1e-4f;
            }
            DeviceMemory out = gpu.poisoned(100);
            GemvRows.prepare(
                    gpu.modules, InputVector.plain(gpu.upload(x), inputs), null,
                    List.of(Product.store(w.on(gpu), null, out))).run(gpu.stream);
            double[] v = TestVectors.doubles(x);
            TestVectors.assertClose(form + " " + size, w.product(v), gpu.download(out, 100), w.magnitude(v));
        }
    }

    @ParameterizedTest
    @EnumSource(names = "F16")
    void refusesWhatDoesNotFit(WeightForm form) {
        TestMatrix w = new TestMatrix(form, MatrixLayout.ROWS, 64, 8, new Random(4));
        DeviceMatrix m = w.on(gpu);
        InputVector other = InputVector.plain(gpu.poisoned(32), 32);
        DeviceMemory out = gpu.poisoned(8);
        assertThrows(
                IllegalArgumentException.class,
                () -> GemvRows.prepare(gpu.modules, other, null, List.of(Product.store(m, null, out))));
        DeviceMemory small = gpu.poisoned(7);
        assertThrows(IllegalArgumentException.class, () -> Product.store(m, null, small));
    }
}
