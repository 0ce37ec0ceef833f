package dev.gambit.bindings;

/** A kernel of a module; usable for as long as that module is open. */
public final class CudaFunction {

    private final CudaModule module;
    private final String name;
    private final Object peer;

    CudaFunction(CudaModule module, String name, Object peer) {
        this.module = module;
        this.name = name;
        this.peer = peer;
    }

    /** {@return the kernel's name} */
    public String name() {
        return name;
    }

    /** {@return the module it is from} */
    public CudaModule module() {
        return module;
    }

    Object peer() {
        module.peer();
        return peer;
    }

    @Override
    public String toString() {
        return "kernel " + name;
    }
}
