package dev.gambit.engine.internal.cuda;

import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaEvent;
import dev.gambit.bindings.CudaStream;
import jdk.jfr.Category;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/** The GPU's own time of decode steps, between two marks in the stream. There are none where it is not recorded. */
final class StepTimes implements AutoCloseable {

    /** What a step took on the GPU, from the end of what was before it, or its launch, to its own end. */
    @Name(Step.NAME)
    @Label("Decode step's time on a GPU")
    @Category("Gambit")
    @Enabled(false)
    @StackTrace(false)
    static final class Step extends Event {

        static final String NAME = "dev.gambit.CudaStepTime";

        @Label("Time on the GPU")
        @Timespan(Timespan.NANOSECONDS)
        long gpu;
    }

    private final CudaDriver driver;
    private final CudaStream stream;
    private final CudaEvent[] starts = new CudaEvent[StepRing.SLOTS];
    private final CudaEvent[] ends = new CudaEvent[StepRing.SLOTS];
    /** The step that a slot's marks are of; 0 for none. */
    private final long[] steps = new long[StepRing.SLOTS];

    StepTimes(CudaDriver driver, CudaStream stream) {
        this.driver = driver;
        this.stream = stream;
    }

    /** Marks the start of a step that is launched next. */
    void start(long step) {
        int slot = StepRing.slot(step);
        steps[slot] = 0;
        if (!new Step().isEnabled()) {
            return;
        }
        if (starts[slot] == null) {
            starts[slot] = driver.createEvent(true);
            ends[slot] = driver.createEvent(true);
        }
        steps[slot] = step;
        driver.record(starts[slot], stream);
    }

    /** Marks the end of a step that was launched. */
    void end(long step) {
        int slot = StepRing.slot(step);
        if (steps[slot] == step) {
            driver.record(ends[slot], stream);
        }
    }

    /** Records the time of a step that is done. */
    void record(long step) {
        int slot = StepRing.slot(step);
        if (steps[slot] == step) {
            Step event = new Step();
            driver.synchronize(ends[slot]);
            event.gpu = (long) (driver.elapsedMillis(starts[slot], ends[slot]) * 1e6);
            event.commit();
        }
    }

    @Override
    public void close() {
        for (int i = 0; i < starts.length; i++) {
            if (starts[i] != null) {
                starts[i].close();
                ends[i].close();
            }
        }
    }
}
