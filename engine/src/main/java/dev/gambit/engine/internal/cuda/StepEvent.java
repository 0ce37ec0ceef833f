package dev.gambit.engine.internal.cuda;

import jdk.jfr.Category;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/** One decoded token on a GPU: what of its time the host only waited. Costs nothing where it is not recorded. */
@Name(StepEvent.NAME)
@Label("Decode step on a GPU")
@Category("Gambit")
@Enabled(false)
@StackTrace(false)
final class StepEvent extends Event {

    static final String NAME = "dev.gambit.CudaStep";

    @Label("Waited")
    @Timespan(Timespan.NANOSECONDS)
    long waited;

    @Label("Next step launched before this one ended")
    boolean queued;
}
