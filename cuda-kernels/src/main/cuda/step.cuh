// What the kernels of a decode step share: the record of the sequence that takes the step, and how keys and values are
// stored. A record lies in device memory, so that a captured graph serves any session without an update.
#pragma once
#include <cuda_fp16.h>
#include <stdint.h>

// One step's orders, written by the host into pinned memory before it launches the step.
struct Command {
    int token;          // the token to evaluate; negative: the one that the step before picked
    int position;       // its position
    int candidates;     // how many of the likeliest tokens to report, 1 at least
    int slot;           // where in the ring of results to report
    uint64_t keys;      // layer 0's keys
    uint64_t values;    // layer 0's values
    int64_t layerKeys;  // bytes from a layer's keys to the next layer's
    int64_t layerValues;
};

// The step in flight. `taken` counts the steps; it is the index of the next command in the ring.
struct Step {
    Command command;
    uint32_t taken;
    int picked;
    int pad[2];
};

enum CacheType { CACHE_F32 = 0, CACHE_F16 = 1, CACHE_Q8_0 = 2 };

// Bytes of one position's keys or values of all heads; rows start at multiples of 16. Q8_0: the integers of all heads,
// then a half float for every 32 of them.
__host__ __device__ inline int64_t cacheRowBytes(int type, int width) {
    int64_t n = type == CACHE_F32 ? 4LL * width : type == CACHE_F16 ? 2LL * width : width + width / 32 * 2LL;
    return (n + 15) / 16 * 16;
}

// Reads entries `at … at + 7` of a row; `at` and the heads' length are multiples of 8.
__device__ __forceinline__ void cacheLoad8(int type, const uint8_t* row, int width, int at, float* out) {
    if (type == CACHE_F32) {
        float4 a = *reinterpret_cast<const float4*>(row + 4 * at);
        float4 b = *reinterpret_cast<const float4*>(row + 4 * at + 16);
        out[0] = a.x, out[1] = a.y, out[2] = a.z, out[3] = a.w;
        out[4] = b.x, out[5] = b.y, out[6] = b.z, out[7] = b.w;
    } else if (type == CACHE_F16) {
        uint4 u = *reinterpret_cast<const uint4*>(row + 2 * at);
        const __half2* h = reinterpret_cast<const __half2*>(&u);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            float2 f = __half22float2(h[i]);
            out[2 * i] = f.x;
            out[2 * i + 1] = f.y;
        }
    } else {
        uint2 u = *reinterpret_cast<const uint2*>(row + at);
        const int8_t* q = reinterpret_cast<const int8_t*>(&u);
        float scale = __half2float(*reinterpret_cast<const __half*>(row + width + at / 32 * 2));
#pragma unroll
        for (int i = 0; i < 8; i++) {
            out[i] = q[i] * scale;
        }
    }
}

// Reads one entry, whatever the heads' length.
__device__ __forceinline__ float cacheLoad1(int type, const uint8_t* row, int width, int at) {
    if (type == CACHE_F32) {
        return reinterpret_cast<const float*>(row)[at];
    }
    if (type == CACHE_F16) {
        return __half2float(reinterpret_cast<const __half*>(row)[at]);
    }
    float scale = __half2float(*reinterpret_cast<const __half*>(row + width + at / 32 * 2));
    return reinterpret_cast<const int8_t*>(row)[at] * scale;
}

// Stores entries `from … from + n - 1` of a row, which threads `thread` of `threads` share. Q8_0 works by blocks of 32, so
// there `from` and `n` are multiples of 32; its scale is the largest magnitude / 127, rounded to half after use as on the CPU.
__device__ inline void cacheStore(
    int type, uint8_t* row, int width, int from, int n, const float* x, int thread, int threads) {
    if (type == CACHE_Q8_0) {
        for (int b = thread; b < n / 32; b += threads) {
            const float* block = x + b * 32;
            float max = 0;
#pragma unroll 4
            for (int i = 0; i < 32; i++) {
                max = fmaxf(max, fabsf(block[i]));
            }
            float scale = max / 127;
            int at = from + b * 32;
            *reinterpret_cast<__half*>(row + width + at / 32 * 2) = __float2half_rn(scale);
#pragma unroll 4
            for (int i = 0; i < 32; i++) {
                reinterpret_cast<int8_t*>(row)[at + i] =
                    scale == 0 ? 0 : static_cast<int8_t>(floorf(block[i] / scale + 0.5f));
            }
        }
        return;
    }
#pragma unroll 1
    for (int i = thread; i < n; i += threads) {
        if (type == CACHE_F32) {
            reinterpret_cast<float*>(row)[from + i] = x[i];
        } else {
            reinterpret_cast<__half*>(row)[from + i] = __float2half_rn(x[i]);
        }
    }
}
