package dev.gambit.bindings.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The {@code libcuda.so.1} that tests compile from {@code libcuda_stub.c}, and what controls it. Loading it puts it in the
 * driver's place for the whole process, as the loader takes a library of that name that is there already.
 */
public final class StubLibrary {

    /** A library compiled beforehand, for a processor other than the compiler's. */
    public static final String PROPERTY = "gambit.test.stub";
    private static final String SOURCE = "/dev/gambit/bindings/testing/libcuda_stub.c";
    private static StubLibrary loaded;

    private final MethodHandle reset;
    private final MethodHandle fail;
    private final MethodHandle set;
    private final MethodHandle log;
    private final MethodHandle live;

    private StubLibrary(Path library) {
        System.load(library.toString());
        SymbolLookup symbols = SymbolLookup.libraryLookup(library, Arena.global());
        reset = handle(symbols, "stub_reset", FunctionDescriptor.ofVoid());
        fail = handle(symbols, "stub_fail", FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT));
        set = handle(symbols, "stub_set", FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
        log = handle(symbols, "stub_log", FunctionDescriptor.of(ValueLayout.ADDRESS));
        live = handle(symbols, "stub_live", FunctionDescriptor.of(ValueLayout.JAVA_INT));
    }

    /** {@return the library, compiled and loaded the first time; skips the test where there is no C compiler} */
    public static synchronized StubLibrary load() {
        if (loaded == null) {
            String named = System.getProperty(PROPERTY);
            loaded = new StubLibrary(named == null ? compile("gcc") : Path.of(named));
        }
        loaded.reset();
        return loaded;
    }

    /**
     * Compiles the library.
     *
     * @param compiler such as {@code aarch64-linux-gnu-gcc}; the test is skipped where it is not there
     * @return the file {@code libcuda.so.1}, in a folder of its own
     */
    public static Path compile(String compiler) {
        try {
            Path folder = Files.createDirectories(Path.of("target", "stub", compiler)).toAbsolutePath();
            Path source = folder.resolve("libcuda_stub.c");
            try (var in = StubLibrary.class.getResourceAsStream(SOURCE)) {
                Files.write(source, in.readAllBytes());
            }
            Path library = folder.resolve("libcuda.so.1");
            Path log = folder.resolve("gcc.log");
            Process gcc = new ProcessBuilder(List.of(compiler, "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror",
                    "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", library.toString(), source.toString()))
                            .redirectErrorStream(true).redirectOutput(log.toFile()).start();
            assertEquals(0, gcc.waitFor(), () -> text(log));
            return library;
        } catch (IOException e) {
            return abort("no " + compiler + " to compile the stub of libcuda.so.1 with: " + e.getMessage());
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String text(Path log) {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return e.toString();
        }
    }

    private static MethodHandle handle(SymbolLookup symbols, String name, FunctionDescriptor descriptor) {
        return Linker.nativeLinker().downcallHandle(symbols.find(name).orElseThrow(), descriptor);
    }

    /** Forgets the calls and the settings. */
    public void reset() {
        invoke(() -> reset.invoke());
    }

    /**
     * Lets a call fail, once.
     *
     * @param call its name
     * @param at which call of that name from now on, from 1
     * @param code what it returns
     */
    public void fail(String call, int at, int code) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocateFrom(call);
            invoke(() -> fail.invoke(name, at, code));
        }
    }

    /**
     * Sets {@code driver_version}, {@code device_count} or {@code total_memory}.
     *
     * @param name which
     * @param value what to
     */
    public void set(String name, long value) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocateFrom(name);
            invoke(() -> set.invoke(text, value));
        }
    }

    /** {@return the calls since the last reset} */
    public List<String> calls() {
        MemorySegment text = (MemorySegment) invoke(() -> (MemorySegment) log.invoke());
        return text.reinterpret(Long.MAX_VALUE).getString(0).lines().toList();
    }

    /** {@return how much was made and not released: handles, memory, registrations, contexts} */
    public int live() {
        return (int) invoke(() -> (int) live.invoke());
    }

    private interface Invocation {
        Object make() throws Throwable;
    }

    private static Object invoke(Invocation invocation) {
        try {
            return invocation.make();
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
