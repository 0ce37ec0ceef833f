package dev.gambit.bindings.internal;

import dev.gambit.bindings.LaunchConfig;
import dev.gambit.bindings.cuda.CUlaunchAttributeValue_union;
import dev.gambit.bindings.cuda.CUlaunchAttribute_st;
import dev.gambit.bindings.cuda.CUlaunchConfig_st;
import dev.gambit.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A {@code CUlaunchConfig} with room for two attributes. */
final class LaunchBlock {

    private final MemorySegment config = CUlaunchConfig_st.allocate(Arena.ofAuto());
    private final MemorySegment attributes = CUlaunchAttribute_st.allocateArray(2, Arena.ofAuto());

    MemorySegment filled(LaunchConfig c, MemorySegment stream) {
        CUlaunchConfig_st.gridDimX(config, c.gridX());
        CUlaunchConfig_st.gridDimY(config, c.gridY());
        CUlaunchConfig_st.gridDimZ(config, c.gridZ());
        CUlaunchConfig_st.blockDimX(config, c.blockX());
        CUlaunchConfig_st.blockDimY(config, c.blockY());
        CUlaunchConfig_st.blockDimZ(config, c.blockZ());
        CUlaunchConfig_st.sharedMemBytes(config, c.sharedBytes());
        CUlaunchConfig_st.hStream(config, stream);
        CUlaunchConfig_st.attrs(config, attributes);
        int count = 0;
        if (c.dependent()) {
            CUlaunchAttributeValue_union.programmaticStreamSerializationAllowed(
                    next(count++, Cuda.CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION()), 1);
        }
        if (c.clusterX() > 1) {
            MemorySegment size = CUlaunchAttributeValue_union
                    .clusterDim(next(count++, Cuda.CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION()));
            CUlaunchAttributeValue_union.clusterDim.x(size, c.clusterX());
            CUlaunchAttributeValue_union.clusterDim.y(size, 1);
            CUlaunchAttributeValue_union.clusterDim.z(size, 1);
        }
        CUlaunchConfig_st.numAttrs(config, count);
        return config;
    }

    private MemorySegment next(int index, int id) {
        MemorySegment attribute = CUlaunchAttribute_st.asSlice(attributes, index).fill((byte) 0);
        CUlaunchAttribute_st.id(attribute, id);
        return CUlaunchAttribute_st.value(attribute);
    }
}
