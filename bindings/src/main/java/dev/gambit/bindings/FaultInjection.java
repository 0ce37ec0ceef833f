package dev.gambit.bindings;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Turns the success of one call into an error, to test what follows it on a GPU that works: the system property
 * {@code gambit.cuda.fault=cuGraphLaunch@20=700} lets the twentieth launch of a graph end in an illegal address. The call
 * itself is made, so take calls that make nothing.
 */
final class FaultInjection {

    private final String call;
    private final long at;
    private final int code;
    private final AtomicLong calls = new AtomicLong();

    private FaultInjection(String call, long at, int code) {
        this.call = call;
        this.at = at;
        this.code = code;
    }

    /** {@return what the system property asks for, or null} */
    static FaultInjection fromProperty() {
        String text = System.getProperty("gambit.cuda.fault");
        return text == null ? null : parse(text);
    }

    static FaultInjection parse(String text) {
        try {
            String[] parts = text.split("[@=]");
            return new FaultInjection(parts[0], Long.parseLong(parts[1]), Integer.parseInt(parts[2]));
        } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
            throw new IllegalArgumentException("gambit.cuda.fault: expected CALL@NUMBER=CODE, such as "
                    + "cuGraphLaunch@20=700, found " + text, e);
        }
    }

    int apply(String made, int result) {
        return made.equals(call) && calls.incrementAndGet() == at ? code : result;
    }
}
