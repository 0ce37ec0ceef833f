// Turns a run of a matrix's outputs into half floats [outputs][stride] for the tensor cores, inputs padded with zeros up to
// the stride. Where `low` is given, it receives what rounding to half left over, so that high + low has 22 bits.
// ptx sets: compute_80
#include "planes.cuh"

namespace {

__device__ __forceinline__ void store4(const float* w, __half* high, __half* low, int64_t at) {
    __half h[4];
    __half l[4];
#pragma unroll
    for (int j = 0; j < 4; j++) {
        h[j] = __float2half_rn(w[j]);
        l[j] = __float2half_rn(w[j] - __half2float(h[j]));
    }
    *reinterpret_cast<uint2*>(high + at) = *reinterpret_cast<uint2*>(h);
    if (low) {
        *reinterpret_cast<uint2*>(low + at) = *reinterpret_cast<uint2*>(l);
    }
}

// Grid: any number of blocks.
template <int PLANE>
__device__ void unpackRows(const Planes& m, int first, int count, int stride, __half* high, __half* low) {
    int quads = stride / 4;
    int64_t all = static_cast<int64_t>(count) * quads;
    for (int64_t k = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x; k < all;
         k += static_cast<int64_t>(gridDim.x) * blockDim.x) {
        int o = static_cast<int>(k / quads);
        int i = static_cast<int>(k % quads) * 4;
        float w[4] = {0, 0, 0, 0};
        if (i < m.inputs) {
            rowWeights4<PLANE>(m, first + o, i, w);
#pragma unroll
            for (int j = 0; j < 4; j++) {
                w[j] = i + j < m.inputs ? w[j] : 0.f;
            }
        }
        store4(w, high, low, o * static_cast<int64_t>(stride) + i);
    }
}

// Grid: x = tiles of 64 outputs from `first`, a multiple of 4; y = tiles of 64 inputs. 256 threads; the tile is turned in shared memory.
template <int PLANE>
__device__ void unpackColumns(const Planes& m, int first, int count, int stride, __half* high, __half* low) {
    __shared__ float tile[64][65];
    int o0 = blockIdx.x * 64;
    int i0 = blockIdx.y * 64;
    int width = static_cast<int>(padded32(m.outputs));
    for (int r = threadIdx.x / 16; r < 64; r += 16) {
        int o = threadIdx.x % 16 * 4;
        float w[4] = {0, 0, 0, 0};
        if (i0 + r < m.inputs && first + o0 + o < width) {
            columnWeights4<PLANE>(m, i0 + r, first + o0 + o, w);
        }
#pragma unroll
        for (int j = 0; j < 4; j++) {
            tile[o + j][r] = w[j];
        }
    }
    __syncthreads();
    for (int r = threadIdx.x / 16; r < 64; r += 16) {
        int i = threadIdx.x % 16 * 4;
        if (o0 + r < count && i0 + i < stride) {
            float w[4] = {tile[r][i], tile[r][i + 1], tile[r][i + 2], tile[r][i + 3]};
            store4(w, high, low, (o0 + r) * static_cast<int64_t>(stride) + i0 + i);
        }
    }
}

}  // namespace

#define UNPACK(NAME, PLANE)                                                                                             \
    extern "C" __global__ void __launch_bounds__(256) unpack_rows_##NAME(                                               \
        const uint8_t* data, const uint8_t* scales, const uint8_t* mins, int scaleType, int zero, int group,            \
        int inputs, int outputs, int first, int count, int stride, __half* high, __half* low) {                         \
        unpackRows<PLANE>(Planes{data, scales, mins, scaleType, zero, group, inputs, outputs}, first, count, stride,    \
                          high, low);                                                                                   \
    }                                                                                                                   \
    extern "C" __global__ void __launch_bounds__(256) unpack_columns_##NAME(                                            \
        const uint8_t* data, const uint8_t* scales, const uint8_t* mins, int scaleType, int zero, int group,            \
        int inputs, int outputs, int first, int count, int stride, __half* high, __half* low) {                         \
        unpackColumns<PLANE>(Planes{data, scales, mins, scaleType, zero, group, inputs, outputs}, first, count,         \
                             stride, high, low);                                                                        \
    }

UNPACK(f32, PLANE_F32)
UNPACK(f16, PLANE_F16)
UNPACK(bf16, PLANE_BF16)
UNPACK(i8, PLANE_I8)
UNPACK(u4, PLANE_U4)
