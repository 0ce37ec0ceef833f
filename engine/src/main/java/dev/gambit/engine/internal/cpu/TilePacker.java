package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.internal.cpu.PackedMatrix.Layout;
import dev.gambit.engine.internal.cpu.PackedMatrix.Scaling;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Packs tiles of one matrix for {@link Packer}; holds the buffers. For one thread. */
final class TilePacker {

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private static final VarHandle SHORTS =
            MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INTS = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private final PackedMatrix m;
    private final GgmlType type;
    private final MemorySegment raw;
    private final int rowBytes;
    private final byte[] rows;
    private final BlockRow row;
    private final BlockRow second;
    private final byte[] plane;
    /** A tile's half-float scales and minima, {@code [groups][64]} in their places; written to memory in bulk. */
    private final short[] scales;

    private final short[] mins;

    TilePacker(PackedMatrix m, GgmlType type, MemorySegment raw) {
        this.m = m;
        this.type = type;
        this.raw = raw;
        rowBytes = Math.toIntExact(type.bytes(m.inputs));
        rows = new byte[rowBytes];
        row = m.plane.quantised() ? new BlockRow(m.inputs) : null;
        second = m.plane == Plane.U4 ? new BlockRow(m.inputs) : null;
        plane = new byte[Math.toIntExact(
                m.layout == Layout.ROWS
                        ? m.strips.recordBytes
                        : m.plane.bytes((long) m.inputs * PackedMatrix.TILE))];
        boolean half = m.layout == Layout.COLUMNS && m.scaling == Scaling.HALF;
        scales = new short[half ? m.groups() * PackedMatrix.TILE : 0];
        mins = new short[m.hasMin ? scales.length : 0];
    }

    void pack(int tile) {
        int first = tile * PackedMatrix.TILE;
        int n = Math.min(PackedMatrix.TILE, m.outputs - first);
        if (m.layout == Layout.ROWS) {
            for (int o = 0; o < n; o++) {
                read(first + o, row);
                packRow(first + o);
            }
            return;
        }
        if (n < PackedMatrix.TILE) {
            Arrays.fill(plane, (byte) 0);
            Arrays.fill(scales, (short) 0);
            Arrays.fill(mins, (short) 0);
        }
        switch (m.plane) {
            case U4 -> packNibbles(first, n);
            case I8 -> packBytes(first, n);
            default -> packFloats(first, n);
        }
        store(tile);
    }

    private void read(int output, BlockRow to) {
        MemorySegment.copy(raw, ValueLayout.JAVA_BYTE, (long) output * rowBytes, rows, 0, rowBytes);
        if (to != null) {
            to.read(type, rows, 0, m.inputs);
        }
    }

    private void store(int tile) {
        if (scales.length > 0) {
            store(scales, m.scales, tile);
        }
        if (mins.length > 0) {
            store(mins, m.mins, tile);
        }
        int bytes = (int) m.plane.bytes(PackedMatrix.TILE);
        int run = m.stride() == bytes ? m.block : 1;
        for (int i = 0; i < m.inputs; i += run) {
            MemorySegment.copy(plane, i * bytes, m.data, ValueLayout.JAVA_BYTE,
                    m.tileOffset(tile, i / m.group) + i * m.stride(), Math.min(run, m.inputs - i) * bytes);
        }
    }

    private void store(short[] from, MemorySegment to, int tile) {
        int first = tile * PackedMatrix.TILE;
        for (int g = 0; g < m.groups();) {
            int end = m.panel == PackedMatrix.TILE ? m.blockEnd(g) : g + 1;
            MemorySegment.copy(from, g * PackedMatrix.TILE, to, SHORT, m.scaleIndex(g, first) * 2,
                    (end - g) * PackedMatrix.TILE);
            g = end;
        }
    }

    /** Nibble {@code k} of int {@code j} is output {@code 8k + j}: outputs 8 apart share a byte. */
    private void packNibbles(int first, int n) {
        if (n == PackedMatrix.TILE && (type == GgmlType.Q4_0 || type == GgmlType.Q4_1)) {
            packBlocks(first);
            return;
        }
        for (int o = 0; o < PackedMatrix.TILE; o += o % 8 == 7 ? 9 : 1) {
            load(first, o, n, row);
            load(first, o + 8, n, second);
            interleave(row.q, second.q, plane, o % 8 * 4 + o / 16, m.inputs);
        }
    }

    /** The same for a whole tile of Q4_0 or Q4_1, whose blocks are 16 bytes behind their scales: four rows at a time. */
    private void packBlocks(int first) {
        int size = type.blockBytes();
        byte[] tile = new byte[4 * rowBytes];
        for (int half = 0; half < 16; half++) {
            // Half an int: the lower halves of all eight are outputs 0 to 31.
            int o = half / 8 * 32 + half % 8;
            fourRows(first, o, 8, tile);
            for (int b = 0; b < m.inputs / 32; b++) {
                spread(tile, (b + 1) * size - 16, rowBytes, plane, b * 32 * 32 + half % 8 * 4 + half / 8 * 2);
            }
        }
    }

    /** Reads four rows from output {@code o} of the tile on, so many apart, and collects their scales and minima. */
    private void fourRows(int first, int o, int apart, byte[] tile) {
        int size = type.blockBytes();
        for (int k = 0; k < 4; k++) {
            int output = o + apart * k;
            MemorySegment.copy(raw, ValueLayout.JAVA_BYTE, (long) (first + output) * rowBytes, tile, k * rowBytes,
                    rowBytes);
            int place = PackedMatrix.placeOfScale(output);
            halves(tile, k * rowBytes, size, scales, place);
            if (m.hasMin) {
                halves(tile, k * rowBytes + 2, size, mins, place);
            }
        }
    }

    /** Collects a row's scales, {@code size} apart from {@code p} on, at place {@code o} of a tile's. */
    private static void halves(byte[] row, int p, int size, short[] out, int o) {
        for (int i = o; i < out.length; i += PackedMatrix.TILE, p += size) {
            out[i] = (short) (row[p] & 0xff | row[p + 1] << 8);
        }
    }

    /** A block of four rows: the low nibbles are inputs 0 to 15, the high ones 16 to 31. */
    private static void spread(byte[] tile, int p, int rowBytes, byte[] out, int at) {
        for (int i = 0; i < 16; i++) {
            int a = tile[p + i];
            int b = tile[p + rowBytes + i];
            int c = tile[p + 2 * rowBytes + i];
            int d = tile[p + 3 * rowBytes + i];
            int low = (a & 15) | (b & 15) << 4 | (c & 15) << 8 | (d & 15) << 12;
            int high = (a >> 4 & 15) | (b & 0xf0) | (c & 0xf0) << 4 | (d & 0xf0) << 8;
            out[at + i * 32] = (byte) low;
            out[at + i * 32 + 1] = (byte) (low >> 8);
            out[at + (i + 16) * 32] = (byte) high;
            out[at + (i + 16) * 32 + 1] = (byte) (high >> 8);
        }
    }

    private static void interleave(byte[] low, byte[] high, byte[] out, int at, int n) {
        for (int i = 0; i < n; i++) {
            out[i * 32 + at] = (byte) (low[i] | high[i] << 4);
        }
    }

    private void load(int first, int o, int n, BlockRow to) {
        if (o < n) {
            read(first + o, to);
            packScales(first + o, to);
        } else {
            Arrays.fill(to.q, (byte) 0);
        }
    }

    private void packBytes(int first, int n) {
        if (n == PackedMatrix.TILE && type == GgmlType.Q8_0) {
            packByteBlocks(first);
            return;
        }
        for (int o = 0; o < n; o++) {
            load(first, o, n, row);
            spread(row.q, plane, m.plane.place(o), m.inputs);
        }
    }

    /** The same for a whole tile of Q8_0, whose blocks are 32 bytes behind their scale: the four rows of an int at a time. */
    private void packByteBlocks(int first) {
        int size = type.blockBytes();
        byte[] tile = new byte[4 * rowBytes];
        for (int o = 0; o < 16; o++) {
            fourRows(first, o, 16, tile);
            for (int b = 0; b < m.inputs / 32; b++) {
                bytes(tile, b * size + 2, rowBytes, plane, b * 32 * 64 + 4 * o);
            }
        }
    }

    /** A block of four rows. */
    private static void bytes(byte[] tile, int p, int rowBytes, byte[] out, int at) {
        for (int i = 0; i < 32; i++) {
            out[at + i * 64] = tile[p + i];
            out[at + i * 64 + 1] = tile[p + rowBytes + i];
            out[at + i * 64 + 2] = tile[p + 2 * rowBytes + i];
            out[at + i * 64 + 3] = tile[p + 3 * rowBytes + i];
        }
    }

    private static void spread(byte[] q, byte[] out, int at, int n) {
        for (int i = 0; i < n; i++) {
            out[i * 64 + at] = q[i];
        }
    }

    private void packFloats(int first, int n) {
        int bytes = (int) m.plane.bytes(1);
        for (int o = 0; o < n; o++) {
            read(first + o, null);
            int place = m.plane.place(o);
            for (int i = 0; bytes == 2 && i < m.inputs; i++) {
                SHORTS.set(plane, (i * 64 + place) * 2, (short) SHORTS.get(rows, i * 2));
            }
            for (int i = 0; bytes == 4 && i < m.inputs; i++) {
                INTS.set(plane, (i * 64 + o) * 4, (int) INTS.get(rows, i * 4));
            }
        }
    }

    private void packScales(int output, BlockRow from) {
        int place = PackedMatrix.placeOfScale(output % PackedMatrix.TILE);
        if (m.scaling == Scaling.HALF) {
            for (int g = 0; g < m.groups(); g++) {
                scales[g * PackedMatrix.TILE + place] = from.scale[g];
            }
            for (int g = 0; m.hasMin && g < m.groups(); g++) {
                mins[g * PackedMatrix.TILE + place] = from.min[g];
            }
            return;
        }
        for (int g = 0; g < m.groups(); g++) {
            m.scales.set(ValueLayout.JAVA_BYTE, m.scaleIndex(g, output), (byte) from.scale[g]);
            if (m.hasMin) {
                m.mins.set(ValueLayout.JAVA_BYTE, m.scaleIndex(g, output), (byte) from.min[g]);
            }
        }
        for (int b = 0; b < m.inputs / 256; b++) {
            m.superScales.set(SHORT, m.superScaleIndex(b, output) * 2, from.superScale[b]);
            if (m.hasMin) {
                m.superMins.set(SHORT, m.superScaleIndex(b, output) * 2, from.superMin[b]);
            }
        }
    }

    private void packRow(int output) {
        RowStrips strips = m.strips;
        long record = strips.record(output);
        if (row == null) {
            MemorySegment.copy(rows, 0, m.data, ValueLayout.JAVA_BYTE, record, rowBytes);
            return;
        }
        Arrays.fill(plane, (byte) 0);
        int base = 0;
        for (int s = 0; s < strips.count; s++) {
            int n = strips.perLane[s];
            for (int lane = 0; lane < RowStrips.LANES; lane++) {
                for (int t = 0; t < n && base + lane * n + t < m.inputs; t++) {
                    byte q = row.q[base + lane * n + t];
                    if (m.plane == Plane.I8) {
                        plane[base + t / 4 * 64 + lane * 4 + t % 4] = q;
                    } else {
                        plane[(base + t / 4 * 64) / 2 + lane * 2 + t % 4 / 2] |= (byte) (q << t % 2 * 4);
                    }
                }
            }
            base += n * RowStrips.LANES;
        }
        MemorySegment.copy(plane, 0, m.data, ValueLayout.JAVA_BYTE, record, (int) strips.planeBytes);
        base = 0;
        for (int s = 0; s < strips.count; s++) {
            int n = strips.perLane[s];
            for (int lane = 0; lane < RowStrips.LANES && base + lane * n < m.inputs; lane++) {
                int g = (base + lane * n) / m.group;
                long index = (long) (s * RowStrips.LANES + lane) * strips.scaleBytes;
                putRowScale(strips.scaleOffset(output) + index, row.scale, row.superScale, g);
                if (m.hasMin) {
                    putRowScale(strips.minOffset(output) + index, row.min, row.superMin, g);
                }
            }
            base += n * RowStrips.LANES;
        }
    }

    private void putRowScale(long offset, short[] scale, short[] superScale, int g) {
        if (m.scaling == Scaling.HALF) {
            m.data.set(SHORT, offset, scale[g]);
        } else {
            float big = Float.float16ToFloat(superScale[g * m.group / 256]);
            m.data.set(FLOAT, offset, scale[g] * big);
        }
    }
}
