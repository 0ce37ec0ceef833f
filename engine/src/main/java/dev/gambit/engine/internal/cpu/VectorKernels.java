package dev.gambit.engine.internal.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;

/** The kernels over {@code jdk.incubator.vector}; loaded only where that module is there. */
final class VectorKernels implements Kernels {

    @Override
    public String name() {
        return "vector-" + Lanes.F.vectorBitSize();
    }

    @Override
    public void columns(PackedMatrix w, Kept x, int g0, int g1, int t0, int t1, float[] y, int yOffset) {
        VectorColumns.multiply(w, x, g0, g1, t0, t1, y, yOffset);
    }

    @Override
    public void columns(PackedMatrix w, Kept[] x, int n, int g0, int g1, int t0, int t1, float[][] y, int yOffset) {
        if (n == 1 || !w.isNarrow()) {
            Kernels.super.columns(w, x, n, g0, g1, t0, t1, y, yOffset);
        } else {
            VectorColumnRows.multiply(w, x, n, g0, g1, t0, t1, y, yOffset);
        }
    }

    @Override
    public void rows(PackedMatrix w, float[] x, float[] sums, int[] rows, int n, float[] out) {
        VectorRows.multiply(w, x, sums, rows, n, out);
    }

    @Override
    public void dequantise(PackedMatrix w, int tile, int i0, int i1, float[] panel) {
        VectorPanels.dequantise(w, tile, i0, i1, panel);
    }

    @Override
    public void gemm(
            float[] a, int aOffset, int lda, int m, int k, float[] panel, float[] c, int cOffset, int ldc,
            boolean accumulate) {
        VectorGemm.multiply(a, aOffset, lda, m, k, panel, c, cOffset, ldc, accumulate);
    }

    @Override
    public void rmsNorm(float[] x, int xOffset, int n, float[] weight, float eps, float[] out, int outOffset) {
        VectorMath.rmsNorm(x, xOffset, n, weight, eps, out, outOffset);
    }

    @Override
    public void silu(float[] x, int offset, int n) {
        VectorMath.silu(x, offset, n);
    }

    @Override
    public void multiply(float[] x, int xOffset, float[] y, int yOffset, int n) {
        VectorMath.multiply(x, xOffset, y, yOffset, n);
    }

    @Override
    public int mask(float[] x, int xOffset, float[] threshold, int tOffset, int n, float[] out, int outOffset) {
        return VectorMath.mask(x, xOffset, threshold, tOffset, n, out, outOffset);
    }

    @Override
    public void add(float[] x, int xOffset, float[] y, int yOffset, int n) {
        VectorMath.add(x, xOffset, y, yOffset, n);
    }

    @Override
    public float softmaxNumerators(float[] x, int offset, int n, float max) {
        return VectorMath.softmaxNumerators(x, offset, n, max);
    }

    @Override
    public void scores(
            KvLayer kv,
            int head,
            int p0,
            int p1,
            float[] q,
            int qOffset,
            int heads,
            float scale,
            float[] out,
            int outStride,
            float[] scratch) {
        VectorAttention.scores(kv, head, p0, p1, q, qOffset, heads, scale, out, outStride, scratch);
    }

    @Override
    public void weightedValues(
            KvLayer kv,
            int head,
            int p0,
            int p1,
            float[] weight,
            int weightStride,
            int heads,
            float[] out,
            int outOffset,
            float[] scratch) {
        VectorAttention.weightedValues(kv, head, p0, p1, weight, weightStride, heads, out, outOffset, scratch);
    }

    @Override
    public void keyPanel(KvLayer kv, int head, int p0, int p1, float[] panel) {
        VectorAttention.keyPanel(kv, head, p0, p1, panel);
    }

    @Override
    public void valuePanel(KvLayer kv, int head, int p0, int p1, int d0, float[] panel) {
        VectorAttention.valuePanel(kv, head, p0, p1, d0, panel);
    }

    @Override
    public long sum(MemorySegment s, long p0, long p1, long p2, long p3, long length) {
        if (s.getClass() != OffHeap.BLOCK) {
            throw OffHeap.notABlock(s);
        }
        var species = LongVector.SPECIES_PREFERRED;
        LongVector a = LongVector.zero(species);
        LongVector b = a;
        LongVector c = a;
        LongVector d = a;
        for (int i = 0; i < length; i += species.vectorByteSize()) {
            a = a.add(LongVector.fromMemorySegment(species, s, p0 + i, ByteOrder.LITTLE_ENDIAN));
            b = b.add(LongVector.fromMemorySegment(species, s, p1 + i, ByteOrder.LITTLE_ENDIAN));
            c = c.add(LongVector.fromMemorySegment(species, s, p2 + i, ByteOrder.LITTLE_ENDIAN));
            d = d.add(LongVector.fromMemorySegment(species, s, p3 + i, ByteOrder.LITTLE_ENDIAN));
        }
        return a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
    }

    @Override
    public long sum(MemorySegment s, long from, long to) {
        if (s.getClass() != OffHeap.BLOCK) {
            throw OffHeap.notABlock(s);
        }
        var species = LongVector.SPECIES_PREFERRED;
        int bytes = species.vectorByteSize();
        LongVector a = LongVector.zero(species);
        LongVector b = a;
        LongVector c = a;
        LongVector d = a;
        long p = from;
        for (; p + 4L * bytes <= to; p += 4L * bytes) {
            a = a.add(LongVector.fromMemorySegment(species, s, p, ByteOrder.LITTLE_ENDIAN));
            b = b.add(LongVector.fromMemorySegment(species, s, p + bytes, ByteOrder.LITTLE_ENDIAN));
            c = c.add(LongVector.fromMemorySegment(species, s, p + 2L * bytes, ByteOrder.LITTLE_ENDIAN));
            d = d.add(LongVector.fromMemorySegment(species, s, p + 3L * bytes, ByteOrder.LITTLE_ENDIAN));
        }
        long sum = a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
        for (; p + 8 <= to; p += 8) {
            sum += s.get(ValueLayout.JAVA_LONG_UNALIGNED, p);
        }
        return sum;
    }
}
