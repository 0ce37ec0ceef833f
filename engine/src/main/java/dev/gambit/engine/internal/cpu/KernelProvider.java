package dev.gambit.engine.internal.cpu;

/**
 * Chooses the kernels, once: the Vector API where its incubator module is there, plain Java with one warning where not.
 * {@code -Dgambit.kernels=scalar} asks for the plain ones.
 */
final class KernelProvider {

    private KernelProvider() {}

    /** Returns the kernels of this process. */
    static Kernels kernels() {
        return Holder.KERNELS;
    }

    /** Returns the kernels to begin with: while this process has not compiled the vector kernels, others stand in. */
    static Kernels first() {
        return Holder.KERNELS instanceof VectorKernels vector && !StartingKernels.compiled()
                ? new StartingKernels(vector)
                : Holder.KERNELS;
    }

    private static final class Holder {
        static final Kernels KERNELS = choose();
    }

    private static Kernels choose() {
        if ("scalar".equals(System.getProperty("gambit.kernels"))) {
            return new ScalarKernels(16);
        }
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            // asked for only here: the first logger of a process takes tens of milliseconds
            System.getLogger("dev.gambit.engine").log(
                    System.Logger.Level.WARNING,
                    "the Vector API is not available, so slow scalar kernels run; add"
                            + " --add-modules jdk.incubator.vector to the java command");
            return new ScalarKernels(16);
        }
        return new VectorKernels();
    }
}
