// Decode attention where keys and values are half floats and heads have 64 or 128 entries, as most models have them.
#include "attend.cuh"

namespace {

// Keys and values of the first 64 positions are on their way before the query is ready.
template <int D>
__device__ __forceinline__ void attendHalf(
    const Step* step, int layer, const float* q, const float* k, const float* v, const float* cosine, const float* sine,
    float* out, float* partial, unsigned* tickets, int heads, int kvHeads, int pairs, int span, float scale) {
    constexpr int TILE = 64;              // positions that two threads each look after
    constexpr int KEYS = D / 16;          // 16-byte pieces of a key in a thread
    constexpr int CHUNKS = D / 8;         // 16-byte pieces of a value
    constexpr int ROWS = THREADS / CHUNKS;
    constexpr int VALUES = TILE / ROWS;   // positions whose values a thread weighs
    __shared__ __align__(16) float queries[HEADS][D];
    __shared__ float scores[HEADS][MAX_SPAN];
    __shared__ __align__(16) float sums[THREADS * 8 * HEADS];
    __shared__ float fresh[D];
    __shared__ float maximum[HEADS];
    __shared__ float total[HEADS];
    __shared__ int last;
    const int t = threadIdx.x;
    const int kvHead = blockIdx.x;
    const int position = step->command.position;
    const int p0 = blockIdx.y * span;
    if (p0 > position) {
        return;
    }
    const int p1 = min(position + 1, p0 + span);
    const int spans = position / span + 1;
    const int group = heads / kvHeads;
    const int head0 = kvHead * group + blockIdx.z * HEADS;
    const int n = min(HEADS, group - static_cast<int>(blockIdx.z) * HEADS);
    const int64_t row = kvHeads * D; // halves, a multiple of 16 bytes
    __half* keys = reinterpret_cast<__half*>(step->command.keys + layer * step->command.layerKeys) + kvHead * D;
    __half* values = reinterpret_cast<__half*>(step->command.values + layer * step->command.layerValues) + kvHead * D;
    const int half = t % 2;
    const int chunk = t % CHUNKS;
    const int r = t / CHUNKS;

    uint4 x[KEYS];
    uint4 y[VALUES];
    auto loadKeys = [&](int p, bool wanted) {
#pragma unroll
        for (int i = 0; i < KEYS; i++) {
            if (wanted) {
                x[i] = *reinterpret_cast<const uint4*>(keys + p * row + (half + 2 * i) * 8);
            }
        }
    };
    auto loadValues = [&](int from, bool fromCache) {
#pragma unroll
        for (int i = 0; i < VALUES; i++) {
            int p = from + r + i * ROWS;
            if (p < p1 && (p < position || fromCache)) {
                y[i] = *reinterpret_cast<const uint4*>(values + p * row + chunk * 8);
            }
        }
    };
    loadKeys(p0 + t / 2, p0 + t / 2 < min(p1, position));
    loadValues(p0, false);

    const bool owner = p1 == position + 1;
    if (owner) {
        // Several chunks of query heads store the same bytes here; each needs them and none waits for another.
        rotate(k + kvHead * D, fresh, D, pairs, cosine, sine, t, THREADS);
        for (int i = t; i < D; i += THREADS) {
            values[position * row + i] = __float2half_rn(v[kvHead * D + i]);
        }
    }
    for (int i = t; i < n * D; i += THREADS) {
        int d = i % D;
        int p = d / 2;
        const float* from = q + head0 * D + (i - d);
        float a = from[2 * p];
        float b = from[2 * p + 1];
        if (p < pairs) {
            float c = cosine[p];
            float s = sine[p];
            queries[i / D][d] = d % 2 == 0 ? a * c - b * s : a * s + b * c;
        } else {
            queries[i / D][d] = d % 2 == 0 ? a : b;
        }
    }
    __syncthreads();
    if (owner) {
        for (int i = t; i < D; i += THREADS) {
            keys[position * row + i] = __float2half_rn(fresh[i]);
        }
        __syncthreads();
        if (p0 + t / 2 == position) {
            loadKeys(position, true);
        }
        if (position < p0 + TILE) {
            loadValues(p0, true);
        }
    }

    for (int tile = p0; tile < p1; tile += TILE) {
        int p = tile + t / 2;
        if (tile > p0) {
            loadKeys(p, p < p1);
        }
        float dot[HEADS];
#pragma unroll
        for (int g = 0; g < HEADS; g++) {
            dot[g] = 0;
        }
#pragma unroll
        for (int i = 0; i < KEYS; i++) {
            float e[8];
            const __half2* h = reinterpret_cast<const __half2*>(&x[i]);
#pragma unroll
            for (int j = 0; j < 4; j++) {
                float2 f = __half22float2(h[j]);
                e[2 * j] = f.x;
                e[2 * j + 1] = f.y;
            }
#pragma unroll
            for (int g = 0; g < HEADS; g++) {
                if (g < n) {
                    const float4* from = reinterpret_cast<const float4*>(&queries[g][(half + 2 * i) * 8]);
                    float4 a = from[0];
                    float4 b = from[1];
                    dot[g] += e[0] * a.x + e[1] * a.y + e[2] * a.z + e[3] * a.w + e[4] * b.x + e[5] * b.y + e[6] * b.z
                        + e[7] * b.w;
                }
            }
        }
#pragma unroll
        for (int g = 0; g < HEADS; g++) {
            if (g < n) {
                float all = dot[g] + __shfl_xor_sync(0xffffffff, dot[g], 1);
                if (half == 0) {
                    scores[g][p - p0] = p < p1 ? all * scale : -INFINITY;
                }
            }
        }
    }
    __syncthreads();

    const int warp = t / 32;
    const int lane = t % 32;
    for (int g = warp; g < n; g += THREADS / 32) {
        float max = -INFINITY;
        for (int i = lane; i < p1 - p0; i += 32) {
            max = fmaxf(max, scores[g][i]);
        }
        for (int o = 16; o > 0; o /= 2) {
            max = fmaxf(max, __shfl_xor_sync(0xffffffff, max, o));
        }
        float sum = 0;
        for (int i = lane; i < p1 - p0; i += 32) {
            float e = expf(scores[g][i] - max);
            scores[g][i] = e;
            sum += e;
        }
        for (int o = 16; o > 0; o /= 2) {
            sum += __shfl_xor_sync(0xffffffff, sum, o);
        }
        if (lane == 0) {
            maximum[g] = max;
            total[g] = sum;
        }
    }
    __syncthreads();

    float sum[HEADS][8];
#pragma unroll
    for (int g = 0; g < HEADS; g++) {
#pragma unroll
        for (int e = 0; e < 8; e++) {
            sum[g][e] = 0;
        }
    }
    for (int tile = p0; tile < p1; tile += TILE) {
        if (tile > p0) {
            loadValues(tile, true);
        }
#pragma unroll
        for (int i = 0; i < VALUES; i++) {
            int p = tile + r + i * ROWS;
            if (p < p1) {
                float e[8];
                const __half2* h = reinterpret_cast<const __half2*>(&y[i]);
#pragma unroll
                for (int j = 0; j < 4; j++) {
                    float2 f = __half22float2(h[j]);
                    e[2 * j] = f.x;
                    e[2 * j + 1] = f.y;
                }
#pragma unroll
                for (int g = 0; g < HEADS; g++) {
                    if (g < n) {
                        float w = scores[g][p - p0];
#pragma unroll
                        for (int j = 0; j < 8; j++) {
                            sum[g][j] += w * e[j];
                        }
                    }
                }
            }
        }
    }
#pragma unroll
    for (int g = 0; g < HEADS; g++) {
        if (g < n) {
            float4* to = reinterpret_cast<float4*>(sums + (g * ROWS + r) * D + chunk * 8);
            to[0] = make_float4(sum[g][0], sum[g][1], sum[g][2], sum[g][3]);
            to[1] = make_float4(sum[g][4], sum[g][5], sum[g][6], sum[g][7]);
        }
    }
    __syncthreads();
    for (int i = t; i < n * D; i += THREADS) {
        int g = i / D;
        int d = i % D;
        float all = 0;
#pragma unroll
        for (int j = 0; j < ROWS; j++) {
            all += sums[(g * ROWS + j) * D + d];
        }
        if (spans == 1) {
            out[(head0 + g) * D + d] = all / total[g];
        } else {
            partial[(static_cast<int64_t>(head0 + g) * gridDim.y + blockIdx.y) * (D + 2) + 2 + d] = all;
        }
    }
    if (spans > 1) {
        // The factors go where the sums are, which the barrier within frees.
        join(out, partial, tickets, &last, sums, maximum, total, head0, n, spans, D);
    }
}

}  // namespace

#define ATTEND_HALF(LENGTH)                                                                                             \
    extern "C" __global__ void __launch_bounds__(THREADS) attend_half_##LENGTH(                                      \
        const Step* step, int layer, const float* q, const float* k,              \
        const float* v, const float* cosine, const float* sine,                   \
        float* out, float* partial, unsigned* tickets, int heads, int kvHeads, int keyLength,               \
        int valueLength, int pairs, int span, float scale, int keyType, int valueType) {                                 \
        letNextStart();                                                                                                  \
        awaitPrevious();                                                                                                 \
        attendHalf<LENGTH>(step, layer, q, k, v, cosine, sine, out, partial, tickets, heads, kvHeads, pairs, span,       \
                           scale);                                                                                       \
    }

ATTEND_HALF(64)
ATTEND_HALF(128)
