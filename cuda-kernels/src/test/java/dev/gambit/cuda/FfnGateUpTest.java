package dev.gambit.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gambit.bindings.DeviceMemory;
import dev.gambit.cuda.TestVectors.Keep;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class FfnGateUpTest {

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
    void skipsRowsOfUp(WeightForm form) {
        Random random = new Random(1);
        for (int inputs : TestVectors.inputs(form)) {
            for (int channels : new int[] {1, 77}) {
                TestMatrix gate = new TestMatrix(form, MatrixLayout.ROWS, inputs, channels, random);
                TestMatrix up = new TestMatrix(form, MatrixLayout.ROWS, inputs, channels, random);
                DeviceMatrix g = gate.on(gpu);
                DeviceMatrix u = up.on(gpu);
                float[] x = TestVectors.random(inputs, random);
                float[] weight = TestVectors.random(inputs, random);
                double[] v = TestVectors.normed(x, weight);
                InputVector in = InputVector.normed(gpu.upload(x), gpu.upload(weight), TestVectors.EPSILON, inputs);
                double[] act = gate.product(v);
                for (int c = 0; c < channels; c++) {
                    act[c] = TestVectors.silu(act[c]);
                }
                double[] products = up.product(v);
                double magnitude = gate.magnitude(v) * (up.magnitude(v) + 1);
                for (Keep keep : Keep.values()) {
                    float[] t = keep == Keep.UNMASKED ? null : TestVectors.thresholds(act, keep, random);
                    DeviceMemory out = gpu.poisoned(channels);
                    DeviceMemory kept = gpu.counter();
                    FfnGateUp.of(
                            g, u, t == null ? null : new SiteThresholds(gpu.upload(t), false, kept), Activation.SILU,
                            out).prepare(gpu.modules, in).run(gpu.stream);
                    double[] want = TestVectors.masked(act, t);
                    for (int c = 0; c < channels; c++) {
                        want[c] *= products[c];
                    }
                    String what = form + " " + inputs + "x" + channels + " " + keep;
                    TestVectors.assertClose(what, want, gpu.download(out, channels), magnitude);
                    if (t != null) {
                        assertEquals(TestVectors.count(act, t), gpu.downloadInt(kept), what);
                    }
                }
                gpu.release();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "I8", "U4_MIN"})
    void masksInputsAndTakesActivations(WeightForm form) {
        Random random = new Random(2);
        int inputs = 576;
        int channels = 300;
        TestMatrix gate = new TestMatrix(form, MatrixLayout.ROWS, inputs, channels, random);
        TestMatrix up = new TestMatrix(form, MatrixLayout.ROWS, inputs, channels, random);
        float[] x = TestVectors.random(inputs, random);
        double[] v = TestVectors.doubles(x);
        float[] forGate = TestVectors.thresholds(v, Keep.HALF, random);
        float[] forUp = TestVectors.thresholds(v, Keep.HALF, random);
        double[] g = gate.product(TestVectors.masked(v, forGate));
        double[] u = up.product(TestVectors.masked(v, forUp));
        float[] given = new float[channels];
        double[] want = new double[channels];
        for (int c = 0; c < channels; c++) {
            given[c] = (float) Math.max(g[c], 0);
            want[c] = Math.max(g[c], 0) * u[c];
        }
        double magnitude = gate.magnitude(v) * (up.magnitude(v) + 1);
        DeviceMatrix upMatrix = up.on(gpu);
        SiteThresholds tUp = new SiteThresholds(gpu.upload(forUp), false, null);
        InputVector in = InputVector.plain(gpu.upload(x), inputs);
        DeviceMemory out = gpu.poisoned(channels);
        new FfnGateUp(gate.on(gpu), upMatrix, null, null, null, null,
                new SiteThresholds(gpu.upload(forGate), false, null), tUp, Activation.RELU, out)
                        .prepare(gpu.modules, in)
                        .run(gpu.stream);
        TestVectors.assertClose(form + " masked", want, gpu.download(out, channels), magnitude);

        DeviceMemory again = gpu.poisoned(channels);
        SiteThresholds exactZeros = new SiteThresholds(gpu.upload(new float[1]), true, null);
        new FfnGateUp(null, upMatrix, null, null, gpu.upload(given), exactZeros, null, tUp, Activation.NONE, again)
                .prepare(gpu.modules, in)
                .run(gpu.stream);
        TestVectors.assertClose(form + " given", want, gpu.download(again, channels), magnitude);
    }
}
