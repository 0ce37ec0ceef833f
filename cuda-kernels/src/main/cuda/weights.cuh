// Weight forms on the device: what a plane's bytes mean and how 16 (or 8) of them become floats.
//
// A weight is scale * (q - zero) + min. Integers are turned into floats without a conversion instruction, which runs at a
// quarter of the rate: their bits are placed into the mantissa of 2^23, which is then subtracted together with the zero.
// A nibble may lie up to 16 bits high in the mantissa, so it comes out times 16^k; the factor is taken out of the input
// (rows) or of the scale (columns), exactly, because it is a power of two.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <stdint.h>

enum class Plane { F32, F16, BF16, I8, U4 };
enum class Scale { NONE, HALF, FLOAT };

template <Plane PLANE, Scale SCALE, bool MIN, int ZERO, int GROUP_, int ROWS_, int STEPS_>
struct Form {
    static constexpr Plane plane = PLANE;
    static constexpr Scale scale = SCALE;
    static constexpr bool hasMin = MIN;
    static constexpr bool quantised = SCALE != Scale::NONE;
    /** Whether products go through the tensor cores: nibbles take more instructions than their bytes take time; bytes do not. */
    static constexpr bool tiles = PLANE == Plane::U4;
    /** Subtracted from every integer. */
    static constexpr int zero = ZERO;
    /** Inputs that share a scale. */
    static constexpr int group = GROUP_;
    /** Weights in 16 bytes: what a lane reads at a time from a row. */
    static constexpr int chunk = PLANE == Plane::F32 ? 4 : PLANE == Plane::I8 ? 16 : PLANE == Plane::U4 ? 32 : 8;
    /** Outputs a lane reads at a time from a column: 16 bytes, of nibbles 8, so that the sums fit the registers. */
    static constexpr int wide = PLANE == Plane::U4 ? 16 : chunk;
    /** Rows a warp works on at a time, and 16-byte steps it has in flight of each; not of tiles. */
    static constexpr int rows = ROWS_;
    static constexpr int steps = STEPS_;
};

// One form for each translation unit, so that each PTX file holds one: -DGAMBIT_FORM=f16.
#define GAMBIT_CONCAT_(a, b) a##_##b
#define GAMBIT_CONCAT(a, b) GAMBIT_CONCAT_(a, b)
#define GAMBIT_KERNEL(name) GAMBIT_CONCAT(name, GAMBIT_FORM)

namespace forms {
using f32 = Form<Plane::F32, Scale::NONE, false, 0, 32, 1, 8>;
using f16 = Form<Plane::F16, Scale::NONE, false, 0, 32, 1, 8>;
using bf16 = Form<Plane::BF16, Scale::NONE, false, 0, 32, 1, 8>;
using i8 = Form<Plane::I8, Scale::HALF, false, 0, 32, 1, 4>;
using i8_min = Form<Plane::I8, Scale::HALF, true, 0, 32, 1, 4>;
using u4 = Form<Plane::U4, Scale::HALF, false, 8, 32, 0, 0>;
using u4_min = Form<Plane::U4, Scale::HALF, true, 0, 32, 0, 0>;
using u4_f32_min = Form<Plane::U4, Scale::FLOAT, true, 0, 32, 0, 0>;
using i8_f32_min = Form<Plane::I8, Scale::FLOAT, true, 0, 32, 1, 4>;
using i8_f32_16 = Form<Plane::I8, Scale::FLOAT, false, 0, 16, 1, 4>;
}  // namespace forms

__host__ __device__ constexpr int padded(int n) { return (n + 31) / 32 * 32; }

/** The power of 16 with which element j of a word of 8 nibbles comes out. */
__host__ __device__ constexpr int nibblePower(int j) { return j < 5 ? j : j - 3; }

/** 16^p, for a p of either sign. */
__device__ __forceinline__ float power16(int p) { return __int_as_float((127 + 4 * p) << 23); }

/** What an input (rows) or scale (columns) of element j is multiplied with to take a nibble's factor out. */
template <class F>
__device__ __forceinline__ float factor(int j) {
    return F::plane == Plane::U4 ? power16(-nibblePower(j % 8)) : 1.f;
}

/** Sixteen bytes that are read once: not kept in L1. */
__device__ __forceinline__ uint4 loadOnce(const void* p) {
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(p));
    return v;
}

__device__ __forceinline__ uint2 loadOnce8(const void* p) {
    uint2 v;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v2.u32 {%0,%1}, [%2];" : "=r"(v.x), "=r"(v.y) : "l"(p));
    return v;
}

/** Four signed bytes as floats. */
__device__ __forceinline__ void unpackBytes(uint32_t w, float* out) {
    w ^= 0x80808080u;
    constexpr float base = 8388608.f + 128.f;
    out[0] = __uint_as_float(__byte_perm(w, 0x4B000000u, 0x7440)) - base;
    out[1] = __uint_as_float(__byte_perm(w, 0x4B000000u, 0x7441)) - base;
    out[2] = __uint_as_float(__byte_perm(w, 0x4B000000u, 0x7442)) - base;
    out[3] = __uint_as_float(__byte_perm(w, 0x4B000000u, 0x7443)) - base;
}

/** Eight nibbles as floats, element j times 16^nibblePower(j). */
template <int ZERO>
__device__ __forceinline__ void unpackNibbles(uint32_t w, float* out) {
#pragma unroll
    for (int j = 0; j < 8; j++) {
        uint32_t v = j < 5 ? w : w >> 12;
        uint32_t bits = (v & (0xFu << (4 * nibblePower(j)))) | 0x4B000000u;
        out[j] = __uint_as_float(bits) - (8388608.f + ZERO * power16(nibblePower(j)));
    }
}

/** The floats of a lane's bytes; W words. Integers come without scale, minimum and, for nibbles, with their factor. */
template <class F, int W>
__device__ __forceinline__ void unpack(const uint32_t (&raw)[W], float* out) {
#pragma unroll
    for (int i = 0; i < W; i++) {
        if constexpr (F::plane == Plane::F32) {
            out[i] = __uint_as_float(raw[i]);
        } else if constexpr (F::plane == Plane::F16) {
            float2 f = __half22float2(*reinterpret_cast<const __half2*>(&raw[i]));
            out[2 * i] = f.x;
            out[2 * i + 1] = f.y;
        } else if constexpr (F::plane == Plane::BF16) {
            out[2 * i] = __uint_as_float(raw[i] << 16);
            out[2 * i + 1] = __uint_as_float(raw[i] & 0xFFFF0000u);
        } else if constexpr (F::plane == Plane::I8) {
            unpackBytes(raw[i], out + 4 * i);
        } else {
            unpackNibbles<F::zero>(raw[i], out + 8 * i);
        }
    }
}

/** Where an element's bytes start; elements must be at a multiple of 8. */
template <class F>
__device__ __forceinline__ const char* plane(const void* data, size_t element) {
    constexpr int bits = F::plane == Plane::F32 ? 32 : F::plane == Plane::I8 ? 8 : F::plane == Plane::U4 ? 4 : 16;
    return static_cast<const char*>(data) + element * bits / 8;
}

/** One scale or minimum. */
template <class F>
__device__ __forceinline__ float scaleAt(const void* scales, size_t index) {
    if constexpr (F::scale == Scale::HALF) {
        return __half2float(static_cast<const __half*>(scales)[index]);
    } else {
        return static_cast<const float*>(scales)[index];
    }
}
