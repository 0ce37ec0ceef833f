package dev.gambit.engine.internal.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Memory for weights and caches. Large blocks come straight from {@code mmap} with {@code MADV_HUGEPAGE} where the operating system
 * is Linux and native access is allowed: sequential reads are a third faster on huge pages, and the pages are not
 * written once to zero them and once more to fill them. Anywhere else the arena allocates.
 */
@SuppressWarnings("restricted") // mmap and reinterpret, on purpose
final class OffHeap {

    /** Kernels may read up to a vector past the last element; the bytes behind it belong to the block. */
    static final int PADDING = 64;

    private static final long HUGE_PAGE = 2L << 20;
    private static final long PROT_READ_WRITE = 3;
    private static final long MAP_PRIVATE_ANONYMOUS = 0x22;
    private static final long MADV_HUGEPAGE = 14;

    /**
     * The class of every segment that {@link #allocate} and {@link Arena#allocate} return. Kernels compare a segment's class
     * with it before they load, which tells C2 the class. Otherwise it has to go by what the JDK's own loads were seen to meet
     * before the kernel was compiled; where a busy start left it nothing to see, two virtual calls stayed in each load of the
     * innermost loops as long as the process lived, and it ran at half its speed. The comparison stands in the loads
     * themselves, since by the same chance a method for it would not be inlined.
     */
    static final Class<?> BLOCK = MemorySegment.NULL.getClass();

    /**
     * What all three are called as: six words in registers, of which the shorter ones take the first. The JDK makes code for each
     * signature, at a start that a first token waits for. Of an {@code int} only the lower half counts, in both directions.
     */
    private static final FunctionDescriptor CALL = FunctionDescriptor.of(
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG);

    private static final MethodHandle MMAP;
    private static final MethodHandle MUNMAP;
    private static final MethodHandle MADVISE;

    static {
        MethodHandle mmap = null;
        MethodHandle munmap = null;
        MethodHandle madvise = null;
        if (System.getProperty("os.name").equals("Linux")
                && OffHeap.class.getModule().isNativeAccessEnabled()) {
            Linker linker = Linker.nativeLinker();
            SymbolLookup libc = linker.defaultLookup();
            mmap = linker.downcallHandle(libc.find("mmap").orElseThrow(), CALL);
            munmap = linker.downcallHandle(libc.find("munmap").orElseThrow(), CALL);
            madvise = linker.downcallHandle(libc.find("madvise").orElseThrow(), CALL);
        }
        MMAP = mmap;
        MUNMAP = munmap;
        MADVISE = madvise;
    }

    private OffHeap() {}

    /**
     * Allocates zeroed memory that lives as long as the arena, aligned to 64 bytes, with {@link #PADDING} readable bytes
     * behind its end.
     */
    static MemorySegment allocate(long bytes, Arena arena) {
        return allocate(bytes, arena, true);
    }

    /** Allocates zeroed memory as {@link #allocate} does, but in small pages, so that what is not used takes no room. */
    static MemorySegment reserve(long bytes, Arena arena) {
        return allocate(bytes, arena, false);
    }

    /** What a kernel throws for a segment that is not of class {@link #BLOCK}: one on the heap or of a mapped file. */
    static IllegalArgumentException notABlock(MemorySegment s) {
        return new IllegalArgumentException("kernels read blocks of native memory, found " + s);
    }

    private static MemorySegment allocate(long bytes, Arena arena, boolean hugePages) {
        long size = bytes + PADDING;
        if (MMAP == null || size < HUGE_PAGE) {
            return arena.allocate(size, 64);
        }
        try {
            // One huge page more than needed, so that the block can start on a huge page's boundary.
            long length = (size + 2 * HUGE_PAGE - 1) & -HUGE_PAGE;
            long address = (long) MMAP.invokeExact(0L, length, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1L, 0L);
            if (address == -1L) {
                throw new OutOfMemoryError("mmap of " + length + " bytes for weights failed");
            }
            long start = (address + HUGE_PAGE - 1) & -HUGE_PAGE;
            if (hugePages) {
                // Advice only: a kernel without huge pages refuses it and nothing is lost.
                long ignored = (long) MADVISE.invokeExact(
                        start, (size + HUGE_PAGE - 1) & -HUGE_PAGE, MADV_HUGEPAGE, 0L, 0L, 0L);
            }
            return MemorySegment.ofAddress(start).reinterpret(size, arena, segment -> unmap(address, length));
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static void unmap(long address, long length) {
        try {
            long ignored = (long) MUNMAP.invokeExact(address, length, 0L, 0L, 0L, 0L);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
