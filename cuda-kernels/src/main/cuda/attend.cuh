// What the kernels of decode attention share.
//
// A kernel rotates the query and the new key, appends key and value to the cache, and attends to all positions up to the new
// one. The context is split into spans, a block each (flash-decoding); the block of a key-value head that finishes last joins
// the spans in their order, so the same input gives the same bits.
//
// Grid: key-value heads × spans of the bucket × chunks of query heads. Blocks past the position leave at once, so one
// grid serves every position of a bucket.
#pragma once
#include "step.cuh"

constexpr int MAX_SPAN = 256;   // positions a block covers at most
constexpr int MAX_LENGTH = 256; // entries of a head

__device__ inline void rotate(const float* x, float* out, int length, int pairs, const float* cosine, const float* sine, int thread,
                       int threads) {
#pragma unroll 1
    for (int i = thread; i < length; i += threads) {
        int p = i / 2;
        if (p < pairs) {
            float a = x[2 * p];
            float b = x[2 * p + 1];
            out[i] = i % 2 == 0 ? a * cosine[p] - b * sine[p] : a * sine[p] + b * cosine[p];
        } else {
            out[i] = x[i];
        }
    }
}

// Publishes a span's maxima and sums; the block that comes last joins all spans in their order.
template <int THREADS>
__device__ __forceinline__ void join(
    float* out, float* partial, unsigned* tickets, int* last, float* factors, const float* maximum, const float* total,
    int head0, int n, int spans, int length) {
    const int t = threadIdx.x;
    const int64_t stride = length + 2;
    if (t < n) {
        float* record = partial + (static_cast<int64_t>(head0 + t) * gridDim.y + blockIdx.y) * stride;
        record[0] = maximum[t];
        record[1] = total[t];
    }
    __threadfence();
    __syncthreads();
    if (t == 0) {
        unsigned* ticket = tickets + blockIdx.x * gridDim.z + blockIdx.z;
        *last = atomicAdd(ticket, 1u) == spans - 1;
        if (*last) {
            *ticket = 0; // for the next layer
        }
    }
    __syncthreads();
    if (!*last) {
        return;
    }
    __threadfence();
    // Each span's weight in the whole, a warp a head: its sum's share times what brings its maximum to that of all.
    const int warp = t / 32;
    const int lane = t % 32;
    for (int g = warp; g < n; g += THREADS / 32) {
        const float* records = partial + static_cast<int64_t>(head0 + g) * gridDim.y * stride;
        float max = -INFINITY;
        float sum = 0;
        for (int i = lane; i < spans; i += 32) {
            float m = __ldcg(records + i * stride);
            float s = __ldcg(records + i * stride + 1);
            float top = fmaxf(max, m);
            sum = sum * expf(max - top) + s * expf(m - top);
            max = top;
        }
        float own = max;
        for (int o = 16; o > 0; o /= 2) {
            max = fmaxf(max, __shfl_xor_sync(0xffffffff, max, o));
        }
        sum *= expf(own - max); // 0 in a lane without a span
        for (int o = 16; o > 0; o /= 2) {
            sum += __shfl_xor_sync(0xffffffff, sum, o);
        }
        for (int i = lane; i < spans; i += 32) {
            factors[g * spans + i] = expf(__ldcg(records + i * stride) - max) / sum;
        }
    }
    __syncthreads();
    for (int i = t; i < n * length; i += THREADS) {
        int g = i / length;
        int d = i % length;
        const float* values = partial + static_cast<int64_t>(head0 + g) * gridDim.y * stride + 2 + d;
        float all = 0;
#pragma unroll 8
        for (int k = 0; k < spans; k++) {
            all += factors[g * spans + k] * __ldcg(values + k * stride);
        }
        out[(head0 + g) * length + d] = all;
    }
}
