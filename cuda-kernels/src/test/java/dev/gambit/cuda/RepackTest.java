package dev.gambit.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gambit.bindings.DeviceMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RepackTest {

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

    /** Random bytes, with half floats that are finite. */
    private static byte[] raw(Repack.Type type, int inputs, int outputs, Random random) {
        byte[] raw = new byte[Math.toIntExact(type.rowBytes(inputs) * outputs)];
        random.nextBytes(raw);
        ByteBuffer b = ByteBuffer.wrap(raw).order(ByteOrder.LITTLE_ENDIAN);
        int block = switch (type) {
            case F32, F16, BF16 -> (int) type.rowBytes(1);
            case Q4_K, Q5_K, Q6_K -> (int) type.rowBytes(256);
            default -> (int) type.rowBytes(32);
        };
        for (int at = 0; at < raw.length; at += block) {
            short v = Float.floatToFloat16((float) random.nextGaussian());
            switch (type) {
                case F32 -> b.putFloat(at, (float) random.nextGaussian());
                case BF16 -> b.putShort(at, (short) (Float.floatToRawIntBits((float) random.nextGaussian()) >>> 16));
                case Q6_K -> b.putShort(at + 208, v);
                case Q4_1, Q5_1, Q4_K, Q5_K -> b.putShort(at, v).putShort(at + 2, (short) (v ^ 0x81));
                default -> b.putShort(at, v);
            }
        }
        return raw;
    }

    @ParameterizedTest
    @EnumSource
    void keepsEveryWeightInBothLayouts(Repack.Type type) {
        Random random = new Random(1);
        int[] sizes = type.form().quantised() ? new int[] {256, 768} : new int[] {1, 33, 100};
        for (int inputs : sizes) {
            for (int outputs : new int[] {1, 7, 66}) {
                for (MatrixLayout layout : MatrixLayout.values()) {
                    check(type, layout, inputs, outputs, random);
                }
            }
        }
    }

    private void check(Repack.Type type, MatrixLayout layout, int inputs, int outputs, Random random) {
        WeightForm form = type.form();
        byte[] raw = raw(type, inputs, outputs, random);
        DeviceMemory data = poisoned(form.dataBytes(layout, inputs, outputs));
        long bytes = form.scaleBytes(layout, inputs, outputs);
        DeviceMemory scales = form.quantised() ? poisoned(bytes) : null;
        DeviceMemory mins = form.hasMin() ? poisoned(bytes) : null;
        DeviceMatrix m = new DeviceMatrix(form, layout, inputs, outputs, data, scales, mins);
        // In two parts, as a small staging buffer would bring them.
        int first = outputs / 4 * 2;
        for (int[] part : new int[][] {{0, first}, {first, outputs - first}}) {
            if (part[1] > 0) {
                int from = (int) (part[0] * type.rowBytes(inputs));
                int to = from + (int) (part[1] * type.rowBytes(inputs));
                Repack.prepare(
                        gpu.modules, type, gpu.upload(Arrays.copyOfRange(raw, from, to)), m, part[0], part[1])
                        .run(gpu.stream);
            }
        }
        TestMatrix got = new TestMatrix(form, layout, inputs, outputs, gpu.downloadBytes(data),
                scales == null ? new byte[0] : gpu.downloadBytes(scales),
                mins == null ? new byte[0] : gpu.downloadBytes(mins));
        for (int o = 0; o < outputs; o++) {
            for (int i = 0; i < inputs; i++) {
                assertEquals(
                        GgufBlocks.weight(type, raw, o * type.rowBytes(inputs), i), got.weight(i, o), 0,
                        type + " " + layout + " weight " + i + ", " + o);
            }
        }
        gpu.release();
    }

    private DeviceMemory poisoned(long bytes) {
        byte[] b = new byte[Math.toIntExact(bytes)];
        Arrays.fill(b, (byte) 0x7f);
        return gpu.upload(b);
    }

    @ParameterizedTest
    @EnumSource(names = {"Q4_0", "F16"})
    void refusesHalfAPairOfRows(Repack.Type type) {
        WeightForm form = type.form();
        DeviceMemory data = gpu.allocate(form.dataBytes(MatrixLayout.ROWS, 32, 8));
        DeviceMemory scales = form.quantised() ? gpu.allocate(form.scaleBytes(MatrixLayout.ROWS, 32, 8)) : null;
        DeviceMatrix m = new DeviceMatrix(form, MatrixLayout.ROWS, 32, 8, data, scales, null);
        DeviceMemory raw = gpu.allocate(8 * type.rowBytes(32));
        assertThrows(
                IllegalArgumentException.class, () -> Repack.prepare(gpu.modules, type, raw, m, 1, 2));
        assertThrows(
                IllegalArgumentException.class, () -> Repack.prepare(gpu.modules, type, raw, m, 0, 3));
    }
}
