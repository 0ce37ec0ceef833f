package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.internal.cpu.PackedMatrix.Layout;
import dev.gambit.engine.internal.cpu.PackedMatrix.Scaling;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Repacks a GGUF tensor into a {@link PackedMatrix}, without loss, a tile of 64 outputs at a time. */
final class Packer {

    private Packer() {}

    /** Makes the empty matrix that a tensor of this type and shape packs into. */
    static PackedMatrix describe(GgmlType type, int inputs, int outputs, Layout layout, int panel) {
        return describe(type, inputs, outputs, layout, panel, inputs, 0, 0);
    }

    private static PackedMatrix describe(
            GgmlType type, int inputs, int outputs, Layout layout, int panel, int block, long recordOffset,
            long recordStride) {
        Plane plane = Plane.of(type);
        Scaling scaling =
                switch (type) {
                    case F32, F16, BF16 -> Scaling.NONE;
                    case Q4_K, Q5_K, Q6_K -> Scaling.TWO_LEVEL;
                    default -> Scaling.HALF;
                };
        boolean hasMin =
                switch (type) {
                    case Q4_1, Q5_1, Q4_K, Q5_K -> true;
                    default -> false;
                };
        int zero = type == GgmlType.Q4_0 ? 8 : 0;
        int group = type == GgmlType.Q6_K ? 16 : 32;
        return new PackedMatrix(inputs, outputs, layout, plane, scaling, hasMin, zero, group, panel, block,
                recordOffset,
                recordStride);
    }

    /** An FFN's matrices of which a channel needs a row and a column. */
    record Channels(PackedMatrix up, PackedMatrix down) {}

    /**
     * Packs {@code up} by rows and {@code down} by columns into one block, so that what a channel needs is one run: its row
     * of up, its scales, its column of down. Memory serves a run of twice the length with far less than twice the delay.
     *
     * @param upType type of up, and {@code upRaw} its bytes, {@code channels} rows of {@code width}
     * @param downType type of down, and {@code downRaw} its bytes, {@code width} rows of {@code channels}
     */
    static Channels packChannels(
            GgmlType upType,
            MemorySegment upRaw,
            GgmlType downType,
            MemorySegment downRaw,
            int width,
            int channels,
            WeightMemory memory,
            WorkerTeam team) {
        int panel = (width + PackedMatrix.TILE - 1) / PackedMatrix.TILE * PackedMatrix.TILE;
        long upBytes = lines(describe(upType, width, channels, Layout.ROWS, PackedMatrix.TILE).strips.recordBytes);
        long stride = upBytes + lines(Plane.of(downType).bytes(panel));
        PackedMatrix up = describe(upType, width, channels, Layout.ROWS, PackedMatrix.TILE, width, 0, stride);
        PackedMatrix down = describe(downType, channels, width, Layout.COLUMNS, panel, channels, upBytes, stride);
        up.data = memory.allocate(up.paddedOutputs * stride);
        down.data = up.data;
        fill(up, upType, upRaw, memory, team);
        fill(down, downType, downRaw, memory, team);
        return new Channels(up, down);
    }

    /** Rounds up to whole cache lines. */
    private static long lines(long bytes) {
        return (bytes + 63) & -64;
    }

    /**
     * Packs a tensor.
     *
     * @param type its type
     * @param raw its bytes as in the file, {@code outputs} rows of {@code inputs}
     * @param layout what is to be contiguous
     * @param panel outputs in a panel; see {@link PackedMatrix}
     * @param arena owns the result
     * @param team does the work
     */
    static PackedMatrix pack(
            GgmlType type,
            MemorySegment raw,
            int inputs,
            int outputs,
            Layout layout,
            int panel,
            Arena arena,
            WorkerTeam team) {
        return pack(type, raw, inputs, outputs, layout, panel, WeightMemory.single(arena), team);
    }

    /** Packs a tensor into memory that it shares with others. */
    static PackedMatrix pack(
            GgmlType type,
            MemorySegment raw,
            int inputs,
            int outputs,
            Layout layout,
            int panel,
            WeightMemory memory,
            WorkerTeam team) {
        PackedMatrix m =
                describe(type, inputs, outputs, layout, panel, inputs, 0, spread(type, outputs, layout, panel));
        return pack(m, type, raw, memory, team);
    }

    /**
     * Packs a tensor by columns in narrow panels, {@code block} inputs after the other.
     *
     * @param block a multiple of 64
     */
    static PackedMatrix packBlocks(
            GgmlType type,
            MemorySegment raw,
            int inputs,
            int outputs,
            int block,
            WeightMemory memory,
            WorkerTeam team) {
        PackedMatrix m = describe(type, inputs, outputs, Layout.COLUMNS, PackedMatrix.TILE, block, 0, 0);
        return pack(m, type, raw, memory, team);
    }

    private static PackedMatrix pack(
            PackedMatrix m, GgmlType type, MemorySegment raw, WeightMemory memory, WorkerTeam team) {
        m.data = memory.allocate(m.recordStride > 0 ? m.inputs * m.recordStride : m.dataBytes());
        fill(m, type, raw, memory, team);
        return m;
    }

    /**
     * Returns the distance of a wide panel's columns, 0 for their length: a cache line more where it is a multiple of 512
     * bytes, as the same piece of many columns would fall into the same few sets of the first-level cache.
     */
    private static long spread(GgmlType type, int outputs, Layout layout, int panel) {
        long bytes = Plane.of(type).bytes(panel);
        return layout == Layout.COLUMNS && panel >= outputs && bytes >= PackedMatrix.LONG_RUN && bytes % 512 == 0
                ? bytes + 64
                : 0;
    }

    private static void scales(PackedMatrix m, WeightMemory memory) {
        if (m.layout == Layout.COLUMNS && m.scaling != Scaling.NONE) {
            long n = (long) m.groups() * m.paddedOutputs * (m.scaling == Scaling.HALF ? 2 : 1);
            long big = (long) (m.inputs + 255) / 256 * m.paddedOutputs * 2;
            m.scales = memory.allocate(n);
            m.mins = m.hasMin ? memory.allocate(n) : null;
            m.superScales = m.scaling == Scaling.TWO_LEVEL ? memory.allocate(big) : null;
            m.superMins = m.superScales != null && m.hasMin ? memory.allocate(big) : null;
        }
    }

    private static void fill(
            PackedMatrix m, GgmlType type, MemorySegment raw, WeightMemory memory, WorkerTeam team) {
        scales(m, memory);
        // Several tiles a task, so that its buffers serve more than one.
        int perTask = Math.max(1, m.tiles() / (8 * team.size()));
        int tasks = (m.tiles() + perTask - 1) / perTask;
        team.run(tasks, (task, worker) -> {
            TilePacker packer = new TilePacker(m, type, raw);
            for (int t = task * perTask; t < Math.min(m.tiles(), (task + 1) * perTask); t++) {
                packer.pack(t);
            }
        });
    }
}
