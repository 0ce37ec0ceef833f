package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.internal.cpu.PackedMatrix.Layout;
import java.lang.foreign.Arena;
import java.util.Arrays;

/**
 * What the first model of a process would wait for: classes to be loaded, handles to be linked. Packing a small blank tensor
 * and multiplying with it does that as well as packing a large one.
 */
public final class FirstSteps {

    private static final int INPUTS = 512;
    private static final int OUTPUTS = 2 * PackedMatrix.TILE;

    private FirstSteps() {}

    /** Does it on the calling thread; takes about a tenth of a second. */
    public static void prepare() {
        try (Arena arena = Arena.ofShared(); WorkerTeam team = new WorkerTeam(1)) {
            OffHeap.allocate(1, arena);
            Kernels kernels = KernelProvider.first();
            for (GgmlType type : new GgmlType[] {GgmlType.Q8_0, GgmlType.Q4_0}) {
                var raw = arena.allocate(type.bytes((long) INPUTS * OUTPUTS));
                PackedMatrix columns = Packer.pack(type, raw, INPUTS, OUTPUTS, Layout.COLUMNS, PackedMatrix.TILE, arena,
                        team);
                PackedMatrix rows = Packer.pack(type, raw, INPUTS, OUTPUTS, Layout.ROWS, PackedMatrix.TILE, arena,
                        team);
                multiply(kernels, columns, rows);
            }
        }
    }

    private static void multiply(Kernels kernels, PackedMatrix columns, PackedMatrix rows) {
        float[] x = new float[INPUTS];
        Arrays.fill(x, 1f);
        float[] y = new float[OUTPUTS];
        kernels.columns(
                columns, new Kept(INPUTS).select(x, INPUTS, null), 0, columns.groups(), 0, columns.tiles(), y, 0);
        float[] prepared = new float[rows.strips.preparedLength];
        float[] sums = new float[rows.strips.count * RowStrips.LANES];
        rows.strips.prepare(x, 0, prepared, sums);
        kernels.rows(rows, prepared, sums, new int[] {0, 1, 2, 3}, 4, y);
        kernels.rmsNorm(x, 0, INPUTS, x, 1e-5f, x, 0);
        kernels.silu(x, 0, INPUTS);
    }
}
