// Reads four neighbouring weights of a plane as floats; README.md says how weights lie.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <stdint.h>

enum PlaneType { PLANE_F32 = 0, PLANE_F16 = 1, PLANE_BF16 = 2, PLANE_I8 = 3, PLANE_U4 = 4 };

// A matrix's planes. scaleType: 0 none, 1 half, 2 float; mins are of the same type, or null.
struct Planes {
    const uint8_t* data;
    const uint8_t* scales;
    const uint8_t* mins;
    int scaleType;
    int zero;
    int group;  // inputs that share a scale
    int inputs;
    int outputs;
};

__host__ __device__ inline int64_t padded32(int n) { return (n + 31) / 32 * 32LL; }

// Entries `at … at + 3` in the contiguous direction, before any scale; at is a multiple of 4.
template <int PLANE>
__device__ __forceinline__ void planeLoad4(const uint8_t* data, int64_t at, float* out) {
    if (PLANE == PLANE_F32) {
        float4 f = *reinterpret_cast<const float4*>(data + at * 4);
        out[0] = f.x, out[1] = f.y, out[2] = f.z, out[3] = f.w;
    } else if (PLANE == PLANE_F16) {
        uint2 u = *reinterpret_cast<const uint2*>(data + at * 2);
        const __half* h = reinterpret_cast<const __half*>(&u);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            out[i] = __half2float(h[i]);
        }
    } else if (PLANE == PLANE_BF16) {
        uint2 u = *reinterpret_cast<const uint2*>(data + at * 2);
        out[0] = __uint_as_float(u.x << 16);
        out[1] = __uint_as_float(u.x & 0xffff0000u);
        out[2] = __uint_as_float(u.y << 16);
        out[3] = __uint_as_float(u.y & 0xffff0000u);
    } else if (PLANE == PLANE_I8) {
        uint32_t u = *reinterpret_cast<const uint32_t*>(data + at);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            out[i] = static_cast<float>(static_cast<int8_t>(u >> (8 * i)));
        }
    } else {
        uint32_t u = *reinterpret_cast<const uint16_t*>(data + at / 2);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            out[i] = static_cast<float>(u >> (4 * i) & 15u);
        }
    }
}

__device__ __forceinline__ float planeScale(const uint8_t* scales, int type, int64_t at) {
    return type == 1 ? __half2float(reinterpret_cast<const __half*>(scales)[at])
                     : reinterpret_cast<const float*>(scales)[at];
}

// Four neighbouring inputs of an output, rows layout.
template <int PLANE>
__device__ __forceinline__ void rowWeights4(const Planes& m, int output, int input, float* out) {
    int64_t width = padded32(m.inputs);
    planeLoad4<PLANE>(m.data, output * width + input, out);
    if (m.scaleType != 0) {
        int64_t g = output * (width / m.group) + input / m.group;
        float scale = planeScale(m.scales, m.scaleType, g);
        float min = m.mins ? planeScale(m.mins, m.scaleType, g) : 0.f;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            out[i] = scale * (out[i] - m.zero) + min;
        }
    }
}

// One input of four neighbouring outputs, columns layout.
template <int PLANE>
__device__ __forceinline__ void columnWeights4(const Planes& m, int input, int output, float* out) {
    int64_t width = padded32(m.outputs);
    planeLoad4<PLANE>(m.data, input * width + output, out);
    if (m.scaleType != 0) {
        int64_t g = input / m.group * width + output;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            float min = m.mins ? planeScale(m.mins, m.scaleType, g + i) : 0.f;
            out[i] = planeScale(m.scales, m.scaleType, g + i) * (out[i] - m.zero) + min;
        }
    }
}
