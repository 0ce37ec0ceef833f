package dev.gambit.cuda;

import dev.gambit.bindings.DeviceMemory;

/**
 * A weight matrix on the device.
 *
 * @param form how its weights lie
 * @param layout what is contiguous
 * @param inputs columns of the mathematical matrix
 * @param outputs its rows
 * @param data {@link WeightForm#dataBytes}, aligned to 16 bytes
 * @param scales {@link WeightForm#scaleBytes(MatrixLayout, int, int)}, aligned to 16 bytes; null where the form has none
 * @param mins as many; null where the form has none
 */
public record DeviceMatrix(WeightForm form, MatrixLayout layout, int inputs, int outputs, DeviceMemory data,
        DeviceMemory scales, DeviceMemory mins) {

    /** Checks the planes' sizes. */
    public DeviceMatrix {
        if (inputs < 1 || outputs < 1) {
            throw new IllegalArgumentException("matrix of " + inputs + " inputs and " + outputs
                    + " outputs: at least 1");
        }
        Check.vector("data", data, form.dataBytes(layout, inputs, outputs));
        if (form.quantised()) {
            Check.vector("scales", scales, form.scaleBytes(layout, inputs, outputs));
        }
        if (form.hasMin()) {
            Check.vector("minima", mins, form.scaleBytes(layout, inputs, outputs));
        }
    }

    /** {@return the bytes of all its planes} */
    public long byteSize() {
        return form.dataBytes(layout, inputs, outputs)
                + (form.hasMin() ? 2 : 1) * form.scaleBytes(layout, inputs, outputs);
    }

    /** {@return the bytes of its scales and minima} */
    public long scaleByteSize() {
        return byteSize() - form.dataBytes(layout, inputs, outputs);
    }
}
