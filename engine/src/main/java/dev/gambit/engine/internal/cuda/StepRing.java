package dev.gambit.engine.internal.cuda;

import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.HostMemory;
import dev.gambit.cuda.Pick;
import dev.gambit.cuda.StepLayout;
import dev.gambit.engine.internal.model.Likeliest;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * How host and device talk about decode steps, in pinned memory: a ring of commands that the host writes before it launches
 * a step, and a ring of reports that the step ends with. So a launch is one call, and its outcome needs none.
 */
final class StepRing {

    /** Steps whose commands and reports lie side by side. */
    static final int SLOTS = 16;

    private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();
    /** Looks at the report between two looks at the stream, which notices errors. */
    private static final int SPINS = 4000;

    private final CudaDriver driver;
    private final CudaStream stream;
    final HostMemory commands;
    final HostMemory reports;
    final int reportBytes;
    private final int counters;
    private long submitted;

    StepRing(CudaDriver driver, CudaStream stream, DeviceArena arena, int counters) {
        this.driver = driver;
        this.stream = stream;
        this.counters = counters;
        reportBytes = StepLayout.reportBytes(Pick.MAX_CANDIDATES, counters);
        commands = arena.host((long) SLOTS * StepLayout.COMMAND_BYTES);
        reports = arena.host((long) SLOTS * reportBytes);
    }

    /**
     * Writes the command of the step that is launched next.
     *
     * @param token what to evaluate; negative for what the step before picks
     * @return the step's number
     */
    long submit(int token, int position, int candidates, CudaKvCache cache) {
        int slot = (int) (submitted % SLOTS);
        MemorySegment s = commands.segment();
        long at = (long) slot * StepLayout.COMMAND_BYTES;
        s.set(ValueLayout.JAVA_INT, at + StepLayout.TOKEN, token);
        s.set(ValueLayout.JAVA_INT, at + StepLayout.POSITION, position);
        s.set(ValueLayout.JAVA_INT, at + StepLayout.CANDIDATES, candidates);
        s.set(ValueLayout.JAVA_INT, at + StepLayout.SLOT, slot);
        s.set(ValueLayout.JAVA_LONG, at + StepLayout.KEYS, cache.keys(0));
        s.set(ValueLayout.JAVA_LONG, at + StepLayout.VALUES, cache.values(0));
        s.set(ValueLayout.JAVA_LONG, at + StepLayout.LAYER_KEYS, cache.layerKeys());
        s.set(ValueLayout.JAVA_LONG, at + StepLayout.LAYER_VALUES, cache.layerValues());
        VarHandle.releaseFence();
        return ++submitted;
    }

    /** Whether a step's report, which must be among the last {@link #SLOTS}, is there. */
    boolean isDone(long step) {
        return (int) INT.getAcquire(reports.segment(), report(step) + StepLayout.SEQUENCE) == (int) step;
    }

    /** Waits for a step's report, which must be among the last {@link #SLOTS}. */
    void await(long step) {
        while (true) {
            for (int i = 0; i < SPINS; i++) {
                if (isDone(step)) {
                    return;
                }
                Thread.onSpinWait();
            }
            // A step that failed never reports; the stream then says why.
            if (driver.isDone(stream) && !isDone(step)) {
                throw new IllegalStateException("step " + step + " ended without a report");
            }
        }
    }

    /** Returns where a step's command and report, and what else is kept of it, lie in their rings. */
    static int slot(long step) {
        return (int) ((step - 1) % SLOTS);
    }

    private long report(long step) {
        return (long) slot(step) * reportBytes;
    }

    /** Reads a step's candidates after {@link #await}. */
    void read(long step, Likeliest to) {
        MemorySegment s = reports.segment();
        long at = report(step);
        to.count = Math.min(to.wanted, s.get(ValueLayout.JAVA_INT, at + StepLayout.COUNT));
        MemorySegment.copy(s, ValueLayout.JAVA_INT, at + StepLayout.REPORT_HEADER, to.tokens, 0, to.count);
        MemorySegment.copy(
                s, ValueLayout.JAVA_FLOAT, at + StepLayout.logits(Pick.MAX_CANDIDATES), to.logits, 0, to.count);
    }

    /** Reads a step's counters after {@link #await}. */
    void counters(long step, int[] to) {
        long at = report(step) + StepLayout.counters(Pick.MAX_CANDIDATES);
        MemorySegment.copy(reports.segment(), ValueLayout.JAVA_INT, at, to, 0, counters);
    }
}
