package dev.gambit.engine.internal.cpu;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.internal.cpu.KernelChecks.Check;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What every set of kernels has to compute; a subclass says which set, in which JVM. */
abstract class KernelContract {

    /** Runs a check; returns its number of cases, or throws what went wrong. */
    abstract int run(Check check);

    @ParameterizedTest
    @EnumSource(Check.class)
    @DisplayName("agrees with a plain loop")
    void agreesWithAPlainLoop(Check check) {
        assertTrue(run(check) > 2, "cases of " + check.title());
    }
}
