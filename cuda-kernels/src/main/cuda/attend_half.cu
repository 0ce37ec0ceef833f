// Decode attention where keys and values are half floats and heads have 64 or 128 entries, as most models have them. A block
// takes 256 positions, two threads each, so that all its keys and values are on their way before the query is ready, and
// a sequence of up to 256 tokens needs no joining.
// ptx sets: compute_80
#include "attend.cuh"

namespace {

constexpr int WIDE = 512;
constexpr int WARPS = WIDE / 32;

__device__ __forceinline__ void unpackHalves(const uint4& from, float* to) {
    const __half2* h = reinterpret_cast<const __half2*>(&from);
#pragma unroll
    for (int j = 0; j < 4; j++) {
        float2 f = __half22float2(h[j]);
        to[2 * j] = f.x;
        to[2 * j + 1] = f.y;
    }
}

// N: query heads a block serves.
template <int D, int N>
__device__ __forceinline__ void attendHalf(
    const Step* step, int layer, const float* q, const float* k, const float* v, const float* cosine, const float* sine,
    float* out, float* partial, unsigned* tickets, int heads, int kvHeads, int pairs, float scale) {
    constexpr int KEYS = D / 16;            // 16-byte pieces of a key in a thread
    constexpr int CHUNKS = D / 8;           // 16-byte pieces of a value
    constexpr int ROWS = WIDE / CHUNKS;
    constexpr int VALUES = MAX_SPAN / ROWS; // positions whose values a thread weighs
    __shared__ __align__(16) float queries[N][D];
    __shared__ float scores[N][MAX_SPAN];
    __shared__ __align__(16) float sums[N][WARPS][D];
    __shared__ __align__(16) __half freshKey[D];
    __shared__ __align__(16) __half freshValue[D];
    __shared__ float maximum[N];
    __shared__ float total[N];
    __shared__ int last;
    const int t = threadIdx.x;
    const int kvHead = blockIdx.x;
    const int position = step->command.position;
    const int p0 = blockIdx.y * MAX_SPAN;
    if (p0 > position) {
        return;
    }
    const int p1 = min(position + 1, p0 + MAX_SPAN);
    const int spans = position / MAX_SPAN + 1;
    const int group = heads / kvHeads;
    const int head0 = kvHead * group + blockIdx.z * N;
    const int n = min(N, group - static_cast<int>(blockIdx.z) * N);
    const int64_t row = kvHeads * D; // halves, a multiple of 16 bytes
    __half* keys = reinterpret_cast<__half*>(step->command.keys + layer * step->command.layerKeys) + kvHead * D;
    __half* values = reinterpret_cast<__half*>(step->command.values + layer * step->command.layerValues) + kvHead * D;
    const int half = t % 2;
    const int chunk = t % CHUNKS;
    const int r = t / CHUNKS;
    const int mine = p0 + t / 2;

    uint4 x[KEYS];
    uint4 y[VALUES];
#pragma unroll
    for (int i = 0; i < KEYS; i++) {
        if (mine < p1 && mine < position) {
            x[i] = *reinterpret_cast<const uint4*>(keys + mine * row + (half + 2 * i) * 8);
        }
    }
#pragma unroll
    for (int i = 0; i < VALUES; i++) {
        int p = p0 + r + i * ROWS;
        if (p < p1 && p < position) {
            y[i] = *reinterpret_cast<const uint4*>(values + p * row + chunk * 8);
        }
    }

    // The new key and value go to the cache, and from shared memory into the sums. Several chunks of query heads store the
    // same bytes; none waits for another.
    if (p1 == position + 1 && t < D) {
        int p = t / 2;
        const float* from = k + kvHead * D + 2 * p;
        float f = from[t % 2];
        if (p < pairs) {
            float c = cosine[p];
            float s = sine[p];
            f = t % 2 == 0 ? from[0] * c - from[1] * s : from[0] * s + from[1] * c;
        }
        freshKey[t] = __float2half_rn(f);
        freshValue[t] = __float2half_rn(v[kvHead * D + t]);
        keys[position * row + t] = freshKey[t];
        values[position * row + t] = freshValue[t];
    }
    for (int i = t; i < n * D; i += WIDE) {
        int d = i % D;
        int p = d / 2;
        const float* from = q + head0 * D + (i - d) + 2 * p;
        float f = from[d % 2];
        if (p < pairs) {
            float c = cosine[p];
            float s = sine[p];
            f = d % 2 == 0 ? from[0] * c - from[1] * s : from[0] * s + from[1] * c;
        }
        queries[i / D][d] = f;
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < KEYS; i++) {
        if (mine == position) {
            x[i] = *reinterpret_cast<const uint4*>(freshKey + (half + 2 * i) * 8);
        }
    }
#pragma unroll
    for (int i = 0; i < VALUES; i++) {
        if (p0 + r + i * ROWS == position) {
            y[i] = *reinterpret_cast<const uint4*>(freshValue + chunk * 8);
        }
    }

    float dot[N];
#pragma unroll
    for (int g = 0; g < N; g++) {
        dot[g] = 0;
    }
    if (mine < p1) {
#pragma unroll
        for (int i = 0; i < KEYS; i++) {
            float e[8];
            unpackHalves(x[i], e);
#pragma unroll
            for (int g = 0; g < N; g++) {
                if (g < n) {
                    const float4* from = reinterpret_cast<const float4*>(&queries[g][(half + 2 * i) * 8]);
                    float4 a = from[0];
                    float4 b = from[1];
                    dot[g] += e[0] * a.x + e[1] * a.y + e[2] * a.z + e[3] * a.w + e[4] * b.x + e[5] * b.y + e[6] * b.z
                        + e[7] * b.w;
                }
            }
        }
    }
#pragma unroll
    for (int g = 0; g < N; g++) {
        if (g < n) {
            float all = dot[g] + __shfl_xor_sync(0xffffffff, dot[g], 1);
            if (half == 0) {
                scores[g][t / 2] = mine < p1 ? all * scale : -INFINITY;
            }
        }
    }
    __syncthreads();

    const int warp = t / 32;
    const int lane = t % 32;
    if (warp < n) {
        float s[MAX_SPAN / 32];
        float max = -INFINITY;
#pragma unroll
        for (int i = 0; i < MAX_SPAN / 32; i++) {
            s[i] = scores[warp][lane + 32 * i];
            max = fmaxf(max, s[i]);
        }
        for (int o = 16; o > 0; o /= 2) {
            max = fmaxf(max, __shfl_xor_sync(0xffffffff, max, o));
        }
        float sum = 0;
#pragma unroll
        for (int i = 0; i < MAX_SPAN / 32; i++) {
            float e = expf(s[i] - max);
            scores[warp][lane + 32 * i] = e;
            sum += e;
        }
        for (int o = 16; o > 0; o /= 2) {
            sum += __shfl_xor_sync(0xffffffff, sum, o);
        }
        if (lane == 0) {
            maximum[warp] = max;
            total[warp] = sum;
        }
    }
    __syncthreads();

    float sum[N][8];
#pragma unroll
    for (int g = 0; g < N; g++) {
#pragma unroll
        for (int e = 0; e < 8; e++) {
            sum[g][e] = 0;
        }
    }
#pragma unroll
    for (int i = 0; i < VALUES; i++) {
        int p = r + i * ROWS;
        if (p0 + p < p1) {
            float e[8];
            unpackHalves(y[i], e);
#pragma unroll
            for (int g = 0; g < N; g++) {
                if (g < n) {
                    float w = scores[g][p];
#pragma unroll
                    for (int j = 0; j < 8; j++) {
                        sum[g][j] += w * e[j];
                    }
                }
            }
        }
    }
    // Lanes of a warp that hold the same entries add up, then the warps do.
#pragma unroll
    for (int g = 0; g < N; g++) {
        if (g < n) {
#pragma unroll
            for (int j = 0; j < 8; j++) {
#pragma unroll
                for (int o = CHUNKS; o < 32; o *= 2) {
                    sum[g][j] += __shfl_xor_sync(0xffffffff, sum[g][j], o);
                }
            }
            if (lane < CHUNKS) {
                float4* to = reinterpret_cast<float4*>(&sums[g][warp][chunk * 8]);
                to[0] = make_float4(sum[g][0], sum[g][1], sum[g][2], sum[g][3]);
                to[1] = make_float4(sum[g][4], sum[g][5], sum[g][6], sum[g][7]);
            }
        }
    }
    __syncthreads();
    for (int i = t; i < n * D; i += WIDE) {
        int g = i / D;
        int d = i % D;
        float all = 0;
#pragma unroll
        for (int w = 0; w < WARPS; w++) {
            all += sums[g][w][d];
        }
        if (spans == 1) {
            out[(head0 + g) * D + d] = all / total[g];
        } else {
            partial[(static_cast<int64_t>(head0 + g) * gridDim.y + blockIdx.y) * (D + 2) + 2 + d] = all;
        }
    }
    if (spans > 1) {
        // The factors go where the sums are, which the barrier within frees.
        join<WIDE>(out, partial, tickets, &last, &sums[0][0][0], maximum, total, head0, n, spans, D);
    }
}

}  // namespace

#define ATTEND_HALF(LENGTH, N)                                                                                          \
    extern "C" __global__ void __launch_bounds__(WIDE) attend_half_##LENGTH(                                            \
        const Step* step, int layer, const float* q, const float* k, const float* v, const float* cosine,               \
        const float* sine, float* out, float* partial, unsigned* tickets, int heads, int kvHeads, int keyLength,        \
        int valueLength, int pairs, int span, float scale, int keyType, int valueType) {                                \
        attendHalf<LENGTH, N>(step, layer, q, k, v, cosine, sine, out, partial, tickets, heads, kvHeads, pairs, scale);  \
    }

ATTEND_HALF(64, 8)
ATTEND_HALF(128, 4)
