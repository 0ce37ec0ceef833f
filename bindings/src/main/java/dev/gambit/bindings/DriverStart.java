package dev.gambit.bindings;

import dev.gambit.bindings.CudaUnavailableException.Reason;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** Starts the driver and lists its GPUs, or says why that is not possible. */
final class DriverStart {

    /** 11.8 is the first that compiles PTX of version 7.8. */
    static final int OLDEST = 11080;

    private final DriverCalls calls;
    private final CallCheck check;
    private final int version;
    private final List<CudaDevice> devices;

    DriverStart(DriverCalls calls, CallCheck check) {
        this.calls = calls;
        this.check = check;
        check("cuInit", calls.init());
        int[] out = new int[1];
        check("cuDriverGetVersion", calls.driverGetVersion(out));
        version = out[0];
        if (version < OLDEST) {
            throw new CudaUnavailableException(Reason.DRIVER_TOO_OLD, "NVIDIA driver: expected one for CUDA "
                    + text(OLDEST) + " or newer, found one for CUDA " + text(version) + "; update the driver", null);
        }
        check("cuDeviceGetCount", calls.deviceGetCount(out));
        int count = out[0];
        if (count == 0) {
            throw new CudaUnavailableException(Reason.NO_DEVICE, "NVIDIA driver for CUDA " + text(version)
                    + ": expected a GPU, found none; check nvidia-smi and CUDA_VISIBLE_DEVICES", null);
        }
        List<CudaDevice> found = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            found.add(device(i));
        }
        devices = List.copyOf(found);
    }

    int version() {
        return version;
    }

    List<CudaDevice> devices() {
        return devices;
    }

    /** 12020 is CUDA 12.2. */
    private static String text(int version) {
        return version / 1000 + "." + version % 1000 / 10;
    }

    private CudaDevice device(int ordinal) {
        int[] handle = new int[1];
        String[] name = new String[1];
        byte[] uuid = new byte[16];
        long[] memory = new long[1];
        check("cuDeviceGet", calls.deviceGet(handle, ordinal));
        check("cuDeviceGetName", calls.deviceGetName(name, handle[0]));
        check("cuDeviceGetUuid_v2", calls.deviceGetUuid(uuid, handle[0]));
        check("cuDeviceTotalMem_v2", calls.deviceTotalMem(memory, handle[0]));
        ByteBuffer bytes = ByteBuffer.wrap(uuid);
        return new CudaDevice(ordinal, handle[0], name[0], "GPU-" + new UUID(bytes.getLong(), bytes.getLong()),
                memory[0], attribute(DeviceAttribute.COMPUTE_CAPABILITY_MAJOR, handle[0]),
                attribute(DeviceAttribute.COMPUTE_CAPABILITY_MINOR, handle[0]));
    }

    private int attribute(DeviceAttribute attribute, int device) {
        int[] out = new int[1];
        check("cuDeviceGetAttribute", calls.deviceGetAttribute(out, attribute.code(), device));
        return out[0];
    }

    private void check(String call, int code) {
        if (code != CudaErrors.SUCCESS) {
            CudaException e = check.exception(call, call, code);
            Reason reason = code == CudaErrors.NO_DEVICE ? Reason.NO_DEVICE : Reason.NOT_STARTED;
            throw new CudaUnavailableException(reason, call, code, e.errorName(), e.getMessage());
        }
    }
}
