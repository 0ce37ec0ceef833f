package dev.gambit.engine;

/** What a model may run on. */
public enum BackendChoice {
    /** A GPU that CUDA can use and that has room for the model, else the processor. */
    AUTO,
    /** The processor. */
    CPU,
    /** A GPU, or an error that says why not. */
    CUDA;

    /**
     * Returns the choice with this name: {@code auto}, {@code cpu} or {@code cuda}.
     *
     * @throws GambitException for another name
     */
    public static BackendChoice of(String name) {
        for (BackendChoice choice : values()) {
            if (choice.name().equalsIgnoreCase(name)) {
                return choice;
            }
        }
        throw new GambitException(
                GambitException.line("--backend", "auto, cpu or cuda", name, "choose one of these"));
    }
}
