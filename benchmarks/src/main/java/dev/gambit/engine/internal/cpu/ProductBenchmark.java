package dev.gambit.engine.internal.cpu;

import dev.gambit.engine.gguf.GgmlType;
import dev.gambit.engine.internal.cpu.PackedMatrix.Layout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** One thread's products with a matrix of SmolLM2's FFN, in cache: scalar beside vector, for each kept fraction. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(value = 3, jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
public class ProductBenchmark {

    private static final int INPUTS = 576;
    private static final int OUTPUTS = 1536;

    /** Type of the weights. */
    @Param({"Q8_0", "Q4_0", "Q4_1", "BF16"})
    public GgmlType type;

    /** Fraction of channels that is kept. */
    @Param({"1.0", "0.5", "0.1"})
    public double kept;

    private final Kernels vector = new VectorKernels();
    private final Kernels scalar = new ScalarKernels(16);
    private final float[] out = new float[OUTPUTS];
    private Arena arena;
    private PackedMatrix columns;
    private PackedMatrix rows;
    private Kept inputs;
    private int[] chosen;
    private int count;
    private float[] prepared;
    private float[] sums;

    /** Packs random weights and draws a mask. */
    @Setup(Level.Trial)
    public void setUp() {
        arena = Arena.ofShared();
        SplittableRandom random = new SplittableRandom(1);
        MemorySegment raw = arena.allocate(type.bytes((long) INPUTS * OUTPUTS));
        for (long i = 0; i < raw.byteSize(); i++) {
            raw.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt(64));
        }
        float[] x = new float[INPUTS];
        float[] thresholds = new float[INPUTS];
        for (int i = 0; i < INPUTS; i++) {
            x[i] = (float) random.nextDouble(-1, 1);
            thresholds[i] = random.nextDouble() < kept ? -1f : Float.POSITIVE_INFINITY;
        }
        try (WorkerTeam team = new WorkerTeam(1)) {
            columns = Packer.pack(type, raw, INPUTS, OUTPUTS, Layout.COLUMNS, PackedMatrix.TILE, arena, team);
            rows = Packer.pack(type, raw, INPUTS, OUTPUTS, Layout.ROWS, PackedMatrix.TILE, arena, team);
        }
        inputs = new Kept(INPUTS).select(x, INPUTS, thresholds);
        chosen = new int[OUTPUTS];
        for (int i = 0; i < OUTPUTS; i++) {
            chosen[count] = i;
            count += random.nextDouble() < kept ? 1 : 0;
        }
        prepared = new float[rows.strips.preparedLength];
        sums = new float[rows.strips.count * RowStrips.LANES];
        rows.strips.prepare(x, 0, prepared, sums);
    }

    /** Frees the weights. */
    @TearDown(Level.Trial)
    public void tearDown() {
        arena.close();
    }

    /** Kept input channels, vector kernels. */
    @Benchmark
    public float[] columnsVector() {
        vector.columns(columns, inputs, 0, columns.groups(), 0, columns.tiles(), out, 0);
        return out;
    }

    /** Kept input channels, scalar kernels. */
    @Benchmark
    public float[] columnsScalar() {
        scalar.columns(columns, inputs, 0, columns.groups(), 0, columns.tiles(), out, 0);
        return out;
    }

    /** Kept output channels, vector kernels. */
    @Benchmark
    public float[] rowsVector() {
        vector.rows(rows, prepared, sums, chosen, count, out);
        return out;
    }

    /** Kept output channels, scalar kernels. */
    @Benchmark
    public float[] rowsScalar() {
        scalar.rows(rows, prepared, sums, chosen, count, out);
        return out;
    }
}
