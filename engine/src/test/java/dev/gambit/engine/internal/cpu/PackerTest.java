package dev.gambit.engine.internal.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.gguf.Dequantizer;
import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.internal.cpu.PackedMatrix.Layout;
import dev.gambit.engine.testing.RandomTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Repacking loses nothing: each weight of a packed matrix has the bits that dequantising the file's block gives. */
class PackerTest {

    private static final int[] OUTPUTS = {1, 3, 63, 64, 65, 100, 192, 576};
    /** In blocks: both sides of a strip of 16 groups, and numbers that no power of two divides. */
    private static final int[] BLOCKS = {1, 2, 3, 5, 15, 16, 17, 18, 33};

    @ParameterizedTest
    @EnumSource(GgmlType.class)
    void columnsOfNarrowPanels(GgmlType type) {
        pack(type, Layout.COLUMNS, false);
    }

    @ParameterizedTest
    @EnumSource(GgmlType.class)
    void columnsOfFullWidth(GgmlType type) {
        pack(type, Layout.COLUMNS, true);
    }

    @ParameterizedTest
    @EnumSource(GgmlType.class)
    void rows(GgmlType type) {
        pack(type, Layout.ROWS, false);
    }

    private static void pack(GgmlType type, Layout layout, boolean wide) {
        try (WorkerTeam team = new WorkerTeam(3)) {
            for (int i = 0; i < BLOCKS.length; i++) {
                // Not every shape with every other one: rows of many super-blocks with few outputs will do.
                int inputs = Math.max(32, type.blockSize()) * BLOCKS[i];
                for (int outputs : OUTPUTS) {
                    if ((long) inputs * outputs <= 120_000) {
                        check(type, inputs, outputs, layout, wide, team);
                    }
                }
            }
            for (int inputs : type.blockSize() == 1 ? new int[] {1, 7, 24, 33, 50} : new int[0]) {
                check(type, inputs, 100, layout, wide, team);
            }
            check(type, 576 / Math.min(576, type.blockSize()) * type.blockSize(), 576, layout, wide, team);
        }
    }

    @ParameterizedTest
    @EnumSource(GgmlType.class)
    void channelsOfUpAndDown(GgmlType type) {
        int width = Math.max(96, type.blockSize());
        int channels = 2 * Math.max(80, type.blockSize());
        MemorySegment up = RandomTensor.bytes(type, width, channels, 1f, 1);
        MemorySegment down = RandomTensor.bytes(type, channels, width, 1f, 2);
        try (Arena arena = Arena.ofShared();
                WorkerTeam team = new WorkerTeam(2)) {
            Packer.Channels c =
                    Packer.packChannels(type, up, type, down, width, channels, WeightMemory.single(arena), team);
            same(type, up, c.up(), "up");
            same(type, down, c.down(), "down");
        }
    }

    @ParameterizedTest
    @EnumSource(GgmlType.class)
    void blocksOfInputs(GgmlType type) {
        int outputs = 100;
        for (int inputs : new int[] {Math.max(96, type.blockSize()), 2 * Math.max(160, type.blockSize())}) {
            MemorySegment raw = RandomTensor.bytes(type, inputs, outputs, 1f, inputs);
            for (int block : new int[] {64, 128, 4096}) {
                try (Arena arena = Arena.ofShared();
                        WorkerTeam team = new WorkerTeam(2)) {
                    WeightMemory memory = WeightMemory.single(arena);
                    same(type, raw, Packer.packBlocks(type, raw, inputs, outputs, block, memory, team), "blocks");
                }
            }
        }
    }

    private static void same(GgmlType type, MemorySegment raw, PackedMatrix m, String name) {
        float[] row = new float[m.inputs];
        for (int o = 0; o < m.outputs; o++) {
            Dequantizer.row(type, raw, o, m.inputs, row, 0);
            for (int i = 0; i < m.inputs; i++) {
                assertEquals(row[i], m.weight(i, o), name + " " + type + " [" + i + "," + o + "]");
            }
        }
    }

    private static void check(
            GgmlType type, int inputs, int outputs, Layout layout, boolean wide, WorkerTeam team) {
        MemorySegment raw = RandomTensor.bytes(type, inputs, outputs, 1f, inputs + outputs);
        int padded = (outputs + 63) / 64 * 64;
        try (Arena arena = Arena.ofShared()) {
            PackedMatrix m = Packer.pack(type, raw, inputs, outputs, layout, wide ? padded : 64, arena, team);
            assertEquals(padded, m.paddedOutputs);
            float[] row = new float[inputs];
            for (int o = 0; o < outputs; o++) {
                Dequantizer.row(type, raw, o, inputs, row, 0);
                for (int i = 0; i < inputs; i++) {
                    float found = m.weight(i, o);
                    if (Float.floatToRawIntBits(row[i]) != Float.floatToRawIntBits(found)) {
                        assertEquals(row[i], found, type + " " + inputs + "x" + outputs + " [" + i + "," + o + "]");
                    }
                }
            }
            for (int o = outputs; o < padded; o++) {
                for (int i = 0; i < inputs; i++) {
                    assertEquals(0f, Math.abs(m.weight(i, o)), "an output that is not there");
                }
            }
            assertTrue(m.byteSize() >= m.plane.bytes((long) inputs * padded), "bytes of " + type);
        }
    }
}
