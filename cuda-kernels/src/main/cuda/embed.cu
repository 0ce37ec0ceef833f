// Looks up tokens' embeddings in a matrix of rows layout, as it lies on the device: a tied lm head serves as it is.
// Grid: one block a token.
// ptx sets: compute_80
#include "planes.cuh"

namespace {

template <int PLANE>
__device__ void embed(const int* tokens, const Planes& m, float* out, int stride) {
    int token = tokens[blockIdx.x];
    float* row = out + static_cast<int64_t>(blockIdx.x) * stride;
    for (int i = threadIdx.x * 4; i < m.inputs; i += blockDim.x * 4) {
        float w[4];
        rowWeights4<PLANE>(m, token, i, w);
#pragma unroll
        for (int j = 0; j < 4; j++) {
            if (i + j < m.inputs) {
                row[i + j] = w[j];
            }
        }
    }
}

}  // namespace

#define EMBED(NAME, PLANE)                                                                                              \
    extern "C" __global__ void embed_##NAME(                                                                            \
        const int* tokens, const uint8_t* data, const uint8_t* scales, const uint8_t* mins,           \
        int scaleType, int zero, int group, int inputs, int outputs, float* out, int stride) {                          \
        embed<PLANE>(tokens, Planes{data, scales, mins, scaleType, zero, group, inputs, outputs}, out, stride);   \
    }

EMBED(f32, PLANE_F32)
EMBED(f16, PLANE_F16)
EMBED(bf16, PLANE_BF16)
EMBED(i8, PLANE_I8)
EMBED(u4, PLANE_U4)
