package dev.gambit.cuda;

import dev.gambit.bindings.DeviceMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;

/** A random matrix: its planes as the README describes them, and its weights one by one. */
final class TestMatrix {

    final WeightForm form;
    final MatrixLayout layout;
    final int inputs;
    final int outputs;
    private final ByteBuffer data;
    private final ByteBuffer scales;
    private final ByteBuffer mins;

    TestMatrix(WeightForm form, MatrixLayout layout, int inputs, int outputs, Random random) {
        this.form = form;
        this.layout = layout;
        this.inputs = inputs;
        this.outputs = outputs;
        data = buffer(form.dataBytes(layout, inputs, outputs));
        scales = buffer(form.scaleBytes(layout, inputs, outputs));
        mins = buffer(form.hasMin() ? form.scaleBytes(layout, inputs, outputs) : 0);
        float level = (float) (1 / Math.sqrt(inputs));
        if (form.bits() < 16) {
            random.nextBytes(data.array());
            fill(scales, level / (1 << form.bits()), 1, random);
            fill(mins, level, 0, random);
        } else {
            for (int at = 0; at < data.capacity(); at += form.bits() / 8) {
                float v = (float) random.nextGaussian() * level;
                switch (form) {
                    case F32 -> data.putFloat(at, v);
                    case F16 -> data.putShort(at, Float.floatToFloat16(v));
                    default -> data.putShort(at, (short) (Float.floatToRawIntBits(v) >>> 16));
                }
            }
        }
    }

    /** Wraps planes that were read back from the device. */
    TestMatrix(WeightForm form, MatrixLayout layout, int inputs, int outputs, byte[] data, byte[] scales, byte[] mins) {
        this.form = form;
        this.layout = layout;
        this.inputs = inputs;
        this.outputs = outputs;
        this.data = ByteBuffer.wrap(data).order(ByteOrder.nativeOrder());
        this.scales = ByteBuffer.wrap(scales).order(ByteOrder.nativeOrder());
        this.mins = ByteBuffer.wrap(mins).order(ByteOrder.nativeOrder());
    }

    private static ByteBuffer buffer(long bytes) {
        return ByteBuffer.allocate(Math.toIntExact(bytes)).order(ByteOrder.nativeOrder());
    }

    private void fill(ByteBuffer plane, float level, float offset, Random random) {
        for (int at = 0; at < plane.capacity(); at += form.scaleBytes()) {
            float v = ((float) random.nextGaussian() / 4 + offset) * level;
            if (form.scaleBytes() == 2) {
                plane.putShort(at, Float.floatToFloat16(v));
            } else {
                plane.putFloat(at, v);
            }
        }
    }

    double weight(int input, int output) {
        boolean columns = layout == MatrixLayout.COLUMNS;
        int width = WeightForm.padded(columns ? outputs : inputs);
        int index = columns ? input * width + output : output * width + input;
        int group = input / form.group();
        int scale = columns ? group * width + output : output * (width / form.group()) + group;
        return switch (form.bits()) {
            case 32 -> data.getFloat(index * 4);
            case 16 -> form == WeightForm.F16
                    ? Float.float16ToFloat(data.getShort(index * 2))
                    : Float.intBitsToFloat(data.getShort(index * 2) << 16);
            case 8 -> scaled(data.get(index), scale);
            default -> scaled(data.get(index / 2) >> (index % 2 * 4) & 15, scale);
        };
    }

    private double scaled(int q, int index) {
        double v = at(scales, index) * (q - form.zero());
        return form.hasMin() ? v + at(mins, index) : v;
    }

    private double at(ByteBuffer plane, int index) {
        return form.scaleBytes() == 2 ? Float.float16ToFloat(plane.getShort(index * 2)) : plane.getFloat(index * 4);
    }

    DeviceMatrix on(TestGpu gpu) {
        return new DeviceMatrix(form, layout, inputs, outputs, gpu.upload(data.array()), upload(gpu, scales),
                upload(gpu, mins));
    }

    private static DeviceMemory upload(TestGpu gpu, ByteBuffer plane) {
        return plane.capacity() == 0 ? null : gpu.upload(plane.array());
    }

    /** The plain loop: {@code W·x}. */
    double[] product(double[] x) {
        double[] y = new double[outputs];
        for (int o = 0; o < outputs; o++) {
            for (int i = 0; i < inputs; i++) {
                y[o] += weight(i, o) * x[i];
            }
        }
        return y;
    }

    /** What errors are relative to: {@code Σ|w·x|}, the largest over the outputs. */
    double magnitude(double[] x) {
        double largest = 0;
        for (int o = 0; o < outputs; o++) {
            double sum = 0;
            for (int i = 0; i < inputs; i++) {
                sum += Math.abs(weight(i, o) * x[i]);
            }
            largest = Math.max(largest, sum);
        }
        return largest;
    }
}
