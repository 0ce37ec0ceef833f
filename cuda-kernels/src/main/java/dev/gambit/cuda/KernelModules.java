package dev.gambit.cuda;

import dev.gambit.bindings.CudaDevice;
import dev.gambit.bindings.CudaDriver;
import dev.gambit.bindings.CudaFunction;
import dev.gambit.bindings.CudaModule;
import dev.gambit.bindings.CudaModuleException;
import dev.gambit.bindings.DeviceAttribute;
import dev.gambit.bindings.FunctionAttribute;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * The kernels of a context: loads PTX files as they are first needed. The context it is made for must be current wherever
 * it is used. One thread at a time.
 */
public final class KernelModules implements AutoCloseable {

    /** Dynamic shared memory that needs no permission, whatever a kernel has of its own: all in all 48 KiB are free. */
    private static final int DEFAULT_SHARED = 24 * 1024;

    private final CudaDriver driver;
    private final PtxSet set;
    private final int multiprocessors;
    private final Map<String, CudaModule> modules = new HashMap<>();

    /**
     * Kernels of the set that suits a device best.
     *
     * @param driver the driver
     * @param device the current context's device, of compute capability 8.0 or later
     */
    public KernelModules(CudaDriver driver, CudaDevice device) {
        this(driver, device, PtxSet.of(device, driver.supportsLaunchAttributes()));
    }

    /**
     * Kernels of a given set.
     *
     * @param driver the driver
     * @param device the current context's device
     * @param set the set
     */
    public KernelModules(CudaDriver driver, CudaDevice device, PtxSet set) {
        Check.that(set != null, device.name() + ": expected compute capability 8.0 or later, found " + device.major()
                + "." + device.minor());
        this.driver = driver;
        this.set = set;
        multiprocessors = driver.attribute(device, DeviceAttribute.MULTIPROCESSOR_COUNT);
    }

    /** {@return the set} */
    public PtxSet set() {
        return set;
    }

    /** {@return whether kernels of this set may be launched dependent on the one before} */
    public boolean dependentLaunches() {
        return set == PtxSet.SM_90;
    }

    /** Whether kernels whose blocks form clusters are there. */
    boolean clusters() {
        return set == PtxSet.SM_90;
    }

    CudaDriver driver() {
        return driver;
    }

    int multiprocessors() {
        return multiprocessors;
    }

    /**
     * A kernel of a PTX file.
     *
     * @param file the file's name without {@code .ptx}
     * @param entry the kernel's name
     * @param sharedBytes dynamic shared memory it will be launched with
     * @return the kernel
     * @throws CudaModuleException if the driver cannot compile the file
     */
    public CudaFunction function(String file, String entry, int sharedBytes) {
        CudaModule module = modules.get(file);
        if (module == null) {
            // Files that would be the same in both sets are in the first only.
            PtxSet from = has(set, file) ? set : PtxSet.COMPUTE_80;
            module = driver.loadModule(from.folder() + "/" + file, ptx(from, file));
            modules.put(file, module);
        }
        CudaFunction function = driver.function(module, entry);
        if (sharedBytes > DEFAULT_SHARED) {
            driver.setAttribute(function, FunctionAttribute.MAX_DYNAMIC_SHARED_SIZE_BYTES, sharedBytes);
        }
        return function;
    }

    /** A kernel that exists for each weight form. */
    CudaFunction function(String kernel, WeightForm form, int sharedBytes) {
        return function(kernel + "." + form.kernelName(), kernel + "_" + form.kernelName(), sharedBytes);
    }

    private static String name(PtxSet set, String file) {
        return "ptx/" + set.folder() + "/" + file + ".ptx";
    }

    private static boolean has(PtxSet set, String file) {
        return KernelModules.class.getResource(name(set, file)) != null;
    }

    private static String ptx(PtxSet set, String file) {
        String name = name(set, file);
        try (InputStream in = KernelModules.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("gambit-cuda-kernels: expected " + name + " in the jar, found none");
            }
            return new String(in.readAllBytes(), StandardCharsets.US_ASCII);
        } catch (IOException e) {
            throw new IllegalStateException("gambit-cuda-kernels: " + name + " cannot be read", e);
        }
    }

    /** Unloads what was loaded. */
    @Override
    public void close() {
        modules.values().forEach(CudaModule::close);
        modules.clear();
    }
}
