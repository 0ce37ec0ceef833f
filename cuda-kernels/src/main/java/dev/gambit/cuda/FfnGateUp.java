package dev.gambit.cuda;

import dev.gambit.bindings.CudaFunction;
import dev.gambit.bindings.DeviceMemory;
import dev.gambit.bindings.LaunchConfig;

/**
 * {@code ffn_gate_up}: {@code h = activation(G·x) ⊙ (U·x)} in {@link MatrixLayout#ROWS}. Rows of {@code U} whose gate is
 * below its threshold are not read, and their {@code h} is 0.
 *
 * @param gate null where {@code activations} are given
 * @param up the matrix whose rows are skipped
 * @param gateBias null for none
 * @param upBias null for none
 * @param activations {@code activation(G·x)}, computed before; null where {@code gate} is given
 * @param kept {@code FFN_ACT}: which channels; null for all
 * @param gateIn {@code GATE_IN}: inputs that count as 0 for the gate; null for none
 * @param upIn {@code UP_IN}: inputs that count as 0 for up; null for none
 * @param activation of the gate
 * @param out {@code [channels]}
 */
public record FfnGateUp(DeviceMatrix gate, DeviceMatrix up, DeviceMemory gateBias, DeviceMemory upBias,
        DeviceMemory activations, SiteThresholds kept, SiteThresholds gateIn, SiteThresholds upIn,
        Activation activation, DeviceMemory out) {

    /** Channels of a block at most. */
    private static final int SLICE = 1024;

    /** Checks shapes. */
    public FfnGateUp {
        Check.that((gate == null) != (activations == null), "ffn_gate_up: expected either a gate or its activations");
        Check.that(up.layout() == MatrixLayout.ROWS, "ffn_gate_up: expected up in rows, found columns");
        if (gate != null) {
            Check.that(
                    gate.layout() == MatrixLayout.ROWS && gate.form() == up.form() && gate.inputs() == up.inputs()
                            && gate.outputs() == up.outputs(),
                    "ffn_gate_up: expected gate and up alike, found " + gate + " and " + up);
        }
        Check.floats("activations", activations, up.outputs());
        Check.floats("bias of gate", gateBias, up.outputs());
        Check.floats("bias of up", upBias, up.outputs());
        Check.that(out != null, "ffn_gate_up: expected somewhere to store it, found none");
        Check.floats("ffn_gate_up", out, up.outputs());
    }

    /**
     * The usual case: no biases, no masks on the inputs.
     *
     * @param gate the gate
     * @param up up
     * @param kept {@code FFN_ACT}; null for all
     * @param activation of the gate
     * @param out {@code [channels]}
     * @return the step
     */
    public static FfnGateUp of(
            DeviceMatrix gate, DeviceMatrix up, SiteThresholds kept, Activation activation, DeviceMemory out) {
        return new FfnGateUp(gate, up, null, null, null, kept, null, null, activation, out);
    }

    /**
     * Prepares a launch.
     *
     * @param modules the kernels
     * @param in the vector; not {@link InputVector.Mode#ACTIVATED}
     * @return the launch
     */
    public KernelLaunch prepare(KernelModules modules, InputVector in) {
        Check.that(in.mode() != InputVector.Mode.ACTIVATED, "ffn_gate_up: expected a plain or normed input");
        Check.that(
                in.inputs() == up.inputs(),
                "ffn_gate_up: expected an input of " + up.inputs() + ", found " + in.inputs());
        WeightForm form = up.form();
        int shared = form.sharedBytes(in.inputs());
        CudaFunction function = modules.function("ffn_gate_up", form, shared);
        int channels = up.outputs();
        ArgumentBlock b = new ArgumentBlock();
        in.write(b);
        b.matrix(gate)
                .matrix(up)
                .address(gateBias)
                .address(upBias)
                .address(activations)
                .address(SiteThresholds.address(kept, channels))
                .address(SiteThresholds.address(gateIn, in.inputs()))
                .address(SiteThresholds.address(upIn, in.inputs()))
                .address(out)
                .address(SiteThresholds.kept(kept))
                .int32(channels)
                .int32(SiteThresholds.stride(kept))
                .int32(SiteThresholds.stride(gateIn))
                .int32(SiteThresholds.stride(upIn))
                .int32(activation.ordinal());
        GemvRows.Grid grid = GemvRows.grid(
                form, new int[] {channels}, false, modules.multiprocessors(),
                modules.driver().maxActiveBlocksPerMultiprocessor(function, GemvRows.THREADS, shared));
        int blocks = Math.max(grid.blocks(), (channels + SLICE - 1) / SLICE);
        return KernelLaunch.dependent(modules, function, LaunchConfig.of(blocks, GemvRows.THREADS, shared), b);
    }
}
