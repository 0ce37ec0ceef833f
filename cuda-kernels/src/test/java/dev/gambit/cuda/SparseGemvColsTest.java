package dev.gambit.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gambit.bindings.DeviceMemory;
import dev.gambit.cuda.TestVectors.Keep;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SparseGemvColsTest {

    private static TestGpu gpu;
    private static SplitWorkspace workspace;

    @BeforeAll
    static void open() {
        gpu = TestGpu.open();
        if (gpu != null) {
            workspace = new SplitWorkspace(gpu.driver, gpu.stream, SplitWorkspace.bytes(3000));
        }
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
    void readsOnlyKeptInputs(WeightForm form) {
        Random random = new Random(1);
        for (int inputs : TestVectors.inputs(form)) {
            for (int outputs : new int[] {1, 67}) {
                check(form, inputs, outputs, random);
            }
        }
    }

    /** Sizes for which slices of the inputs are a cluster, where there are such. */
    @ParameterizedTest
    @EnumSource
    void slicesMeetInTheCluster(WeightForm form) {
        Random random = new Random(4);
        for (int[] size : new int[][] {{1540, 1031}, {2048, 2048}, {4097, 1500}}) {
            check(form, size[0], size[1], random);
        }
    }

    private void check(WeightForm form, int inputs, int outputs, Random random) {
        TestMatrix w = new TestMatrix(form, MatrixLayout.COLUMNS, inputs, outputs, random);
        DeviceMatrix m = w.on(gpu);
        float[] x = TestVectors.random(inputs, random);
        double[] v = TestVectors.doubles(x);
        InputVector in = InputVector.plain(gpu.upload(x), inputs);
        for (Keep keep : Keep.values()) {
            float[] t = keep == Keep.UNMASKED ? null : TestVectors.thresholds(v, keep, random);
            DeviceMemory out = gpu.poisoned(outputs);
            DeviceMemory kept = gpu.counter();
            SiteThresholds thresholds = t == null ? null : new SiteThresholds(gpu.upload(t), false, kept);
            SparseGemvCols.prepare(gpu.modules, in, List.of(Product.store(m, thresholds, out)), workspace)
                    .run(gpu.stream);
            double[] masked = TestVectors.masked(v, t);
            String what = form + " " + inputs + "x" + outputs + " " + keep;
            TestVectors.assertClose(what, w.product(masked), gpu.download(out, outputs), w.magnitude(masked));
            if (t != null) {
                assertEquals(TestVectors.count(v, t), gpu.downloadInt(kept), what);
            }
        }
        gpu.release();
    }

    @ParameterizedTest
    @EnumSource
    void threeMatricesEachWithItsThresholds(WeightForm form) {
        Random random = new Random(2);
        for (int inputs : new int[] {256, 4096}) {
            float[] x = TestVectors.random(inputs, random);
            float[] weight = TestVectors.random(inputs, random);
            double[] v = TestVectors.normed(x, weight);
            float[] t = TestVectors.thresholds(v, Keep.HALF, random);
            TestMatrix a = new TestMatrix(form, MatrixLayout.COLUMNS, inputs, 700, random);
            TestMatrix b = new TestMatrix(form, MatrixLayout.COLUMNS, inputs, 3, random);
            TestMatrix c = new TestMatrix(form, MatrixLayout.COLUMNS, inputs, 512, random);
            DeviceMemory outA = gpu.poisoned(700);
            DeviceMemory outB = gpu.upload(new float[] {1, 2, 3});
            DeviceMemory outC = gpu.poisoned(512);
            InputVector in = InputVector.normed(gpu.upload(x), gpu.upload(weight), TestVectors.EPSILON, inputs);
            float[] scalar = {0.5f * (float) Math.abs(v[7])};
            KernelLaunch launch = SparseGemvCols.prepare(
                    gpu.modules, in,
                    List.of(
                            Product.store(a.on(gpu), new SiteThresholds(gpu.upload(t), false, null), outA),
                            Product.add(b.on(gpu), null, outB),
                            Product.store(c.on(gpu), new SiteThresholds(gpu.upload(new float[1]), true, null), outC)),
                    workspace);
            launch.run(gpu.stream);
            double[] masked = TestVectors.masked(v, t);
            float[] first = gpu.download(outA, 700);
            String what = form + " " + inputs + " " + scalar.length;
            TestVectors.assertClose(what, a.product(masked), first, a.magnitude(masked));
            double[] wantB = b.product(v);
            for (int o = 0; o < 3; o++) {
                wantB[o] += o + 1;
            }
            TestVectors.assertClose(what + " add", wantB, gpu.download(outB, 3), b.magnitude(v) + 4);
            TestVectors.assertClose(what + " zero", c.product(v), gpu.download(outC, 512), c.magnitude(v));
            launch.run(gpu.stream);
            assertArrayEquals(first, gpu.download(outA, 700), "two runs, the same bits");
            gpu.release();
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "U4_MIN"})
    void takesGateAndUp(WeightForm form) {
        Random random = new Random(3);
        int inputs = 1536;
        float[] gate = TestVectors.random(inputs, random);
        float[] up = TestVectors.random(inputs, random);
        double[] v = new double[inputs];
        for (int i = 0; i < inputs; i++) {
            v[i] = TestVectors.silu(gate[i]) * up[i];
        }
        float[] t = TestVectors.thresholds(v, Keep.HALF, random);
        TestMatrix w = new TestMatrix(form, MatrixLayout.COLUMNS, inputs, 576, random);
        DeviceMemory out = gpu.poisoned(576);
        SparseGemvCols.prepare(
                gpu.modules, InputVector.activated(gpu.upload(gate), gpu.upload(up), Activation.SILU, inputs),
                List.of(Product.store(w.on(gpu), new SiteThresholds(gpu.upload(t), false, null), out)), workspace)
                .run(gpu.stream);
        double[] masked = TestVectors.masked(v, t);
        TestVectors.assertClose(form.name(), w.product(masked), gpu.download(out, 576), w.magnitude(masked));
    }
}
