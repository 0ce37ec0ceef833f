package dev.gambit.engine.internal.cpu;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Set;

/**
 * Vector kernels that compare what they compute with the scalar kernels, bit by bit. {@link StartingKernels} hands over from
 * one to the other in the middle of a text, at a moment that differs from run to run, so the text must not depend on it.
 */
final class AgreeingKernels {

    /** Methods whose last argument is scratch space. */
    private static final Set<String> WITH_SCRATCH = Set.of("scores", "weightedValues");

    private AgreeingKernels() {}

    static Kernels create() {
        Kernels vector = new VectorKernels();
        Kernels scalar = new ScalarKernels(Lanes.N);
        return (Kernels) Proxy.newProxyInstance(
                Kernels.class.getClassLoader(), new Class<?>[] {Kernels.class}, (proxy, method, args) -> {
                    if (args == null || method.isDefault()) {
                        return call(method, vector, args);
                    }
                    Object[] copies = args.clone();
                    for (int i = 0; i < args.length; i++) {
                        if (args[i] instanceof float[] array) {
                            copies[i] = sameAs(args, copies, i, array);
                        }
                    }
                    Object expected = call(method, scalar, copies);
                    Object found = call(method, vector, args);
                    same(method, "result", expected, found);
                    int compared = args.length - (WITH_SCRATCH.contains(method.getName()) ? 1 : 0);
                    for (int i = 0; i < compared; i++) {
                        if (args[i] instanceof float[] array) {
                            same(method, args, (float[]) copies[i], array);
                        }
                    }
                    return found;
                });
    }

    /** Copies an array; one that is passed twice stays one. */
    private static float[] sameAs(Object[] args, Object[] copies, int i, float[] array) {
        for (int j = 0; j < i; j++) {
            if (args[j] == array) {
                return (float[]) copies[j];
            }
        }
        return array.clone();
    }

    private static Object call(Method method, Kernels kernels, Object[] args) throws Throwable {
        try {
            return method.invoke(kernels, args);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    private static void same(Method method, Object[] args, float[] scalar, float[] vector) {
        // Keys are stored 16 positions side by side, and vectors write all 16: those behind the last one are nobody's.
        int stride = switch (method.getName()) {
            case "scores" -> (int) args[9];
            case "keyPanel" -> PackedMatrix.TILE;
            default -> Integer.MAX_VALUE;
        };
        int valid = stride == Integer.MAX_VALUE ? stride : (int) args[3] - (int) args[2];
        for (int i = 0; i < scalar.length; i++) {
            if (i % stride < valid) {
                same(method, "[" + i + "]", scalar[i], vector[i]);
            }
        }
    }

    private static void same(Method method, String what, Object scalar, Object vector) {
        if (scalar != null && !scalar.equals(vector)) {
            throw new AssertionError(
                    method.getName() + " " + what + ": scalar kernels give " + scalar + ", vector kernels " + vector);
        }
    }
}
