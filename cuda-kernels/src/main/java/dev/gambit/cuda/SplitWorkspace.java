package dev.gambit.cuda;

import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaStream;
import dev.gambit.bindings.DeviceMemory;

/** Memory in which blocks' partial sums meet. One for each stream: launches that run at once must not share it. */
public final class SplitWorkspace implements AutoCloseable {

    /** Tiles of a launch at most: 2 million outputs. */
    static final int TICKETS = 1 << 14;

    private final DeviceMemory partials;
    private final DeviceMemory tickets;

    /**
     * Allocates it in the current context.
     *
     * @param driver the driver
     * @param stream used to clear it
     * @param bytes for partial sums; {@link #bytes} of the largest product
     */
    public SplitWorkspace(CudaDriver driver, CudaStream stream, long bytes) {
        partials = driver.allocate(bytes);
        tickets = driver.allocate(4L * TICKETS);
        driver.fill(tickets, 0, stream);
    }

    /** {@return bytes that suffice for products of a launch with so many outputs in all} @param outputs in all */
    public static long bytes(int outputs) {
        return 4L * ColumnPlan.MAX_SPLITS * (outputs + 3 * 512L);
    }

    DeviceMemory partials() {
        return partials;
    }

    DeviceMemory tickets() {
        return tickets;
    }

    @Override
    public void close() {
        partials.close();
        tickets.close();
    }
}
