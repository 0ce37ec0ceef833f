// Decode attention for caches of any types and heads of any lengths.
// ptx sets: compute_80
#include "attend.cuh"

namespace {

constexpr int THREADS = 128;
constexpr int HEADS = 8; // query heads a block serves

struct Shared {
    union {
        float q[HEADS][MAX_LENGTH];
        float sums[THREADS * 8 * HEADS];
    };
    float scores[HEADS][MAX_SPAN];
    float maximum[HEADS];
    float total[HEADS];
    int last;
};

__device__ __forceinline__ void attend(
    int keyType, int valueType, const Step* step, int layer, const float* q, const float* k, const float* v, const float* cosine, const float* sine,
    float* out, float* partial, unsigned* tickets, int heads, int kvHeads, int keyLength, int valueLength, int pairs,
    int span, float scale) {
    __shared__ Shared s;
    __shared__ float fresh[MAX_LENGTH];
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
    const int keyWidth = kvHeads * keyLength;
    const int valueWidth = kvHeads * valueLength;
    const int64_t keyRow = cacheRowBytes(keyType, keyWidth);
    const int64_t valueRow = cacheRowBytes(valueType, valueWidth);
    uint8_t* keys = reinterpret_cast<uint8_t*>(step->command.keys + layer * step->command.layerKeys);
    uint8_t* values = reinterpret_cast<uint8_t*>(step->command.values + layer * step->command.layerValues);

    if (p1 == position + 1) {
        // Several chunks of query heads store the same bytes here; each needs them and none waits for another.
        rotate(k + kvHead * keyLength, fresh, keyLength, pairs, cosine, sine, t, THREADS);
        __syncthreads();
        cacheStore(keyType, keys + position * keyRow, keyWidth, kvHead * keyLength, keyLength, fresh, t, THREADS);
        cacheStore(valueType, values + position * valueRow, valueWidth, kvHead * valueLength, valueLength,
                   v + kvHead * valueLength, t, THREADS);
    }
#pragma unroll 1
    for (int g = 0; g < n; g++) {
        rotate(q + (head0 + g) * keyLength, s.q[g], keyLength, pairs, cosine, sine, t, THREADS);
    }
    __syncthreads();

    // Two neighbouring threads share a position and take every other eight entries of its key.
    const int half = t % 2;
    for (int p = p0 + t / 2; p < p0 + span; p += THREADS / 2) {
        float dot[HEADS];
#pragma unroll
        for (int g = 0; g < HEADS; g++) {
            dot[g] = 0;
        }
        if (p < p1) {
            const uint8_t* row = keys + p * keyRow;
            if (keyLength % 8 == 0) {
#pragma unroll 2
                for (int d = half * 8; d < keyLength; d += 16) {
                    float x[8];
                    cacheLoad8(keyType, row, keyWidth, kvHead * keyLength + d, x);
#pragma unroll
                    for (int g = 0; g < HEADS; g++) {
                        if (g < n) {
#pragma unroll
                            for (int i = 0; i < 8; i++) {
                                dot[g] += x[i] * s.q[g][d + i];
                            }
                        }
                    }
                }
            } else {
#pragma unroll 1
                for (int d = half; d < keyLength; d += 2) {
                    float x = cacheLoad1(keyType, row, keyWidth, kvHead * keyLength + d);
#pragma unroll
                    for (int g = 0; g < HEADS; g++) {
                        if (g < n) {
                            dot[g] += x * s.q[g][d];
                        }
                    }
                }
            }
        }
#pragma unroll
        for (int g = 0; g < HEADS; g++) {
            float all = dot[g] + __shfl_xor_sync(0xffffffff, dot[g], 1);
            if (half == 0 && g < n) {
                s.scores[g][p - p0] = p < p1 ? all * scale : -INFINITY;
            }
        }
    }
    __syncthreads();

    const int warp = t / 32;
    const int lane = t % 32;
    for (int g = warp; g < n; g += THREADS / 32) {
        float max = -INFINITY;
        for (int i = lane; i < p1 - p0; i += 32) {
            max = fmaxf(max, s.scores[g][i]);
        }
        for (int o = 16; o > 0; o /= 2) {
            max = fmaxf(max, __shfl_xor_sync(0xffffffff, max, o));
        }
        float sum = 0;
        for (int i = lane; i < p1 - p0; i += 32) {
            float e = expf(s.scores[g][i] - max);
            s.scores[g][i] = e;
            sum += e;
        }
        for (int o = 16; o > 0; o /= 2) {
            sum += __shfl_xor_sync(0xffffffff, sum, o);
        }
        if (lane == 0) {
            s.maximum[g] = max;
            s.total[g] = sum;
        }
    }
    __syncthreads();

    // A thread sums eight entries of the values over every `rows`-th position.
    const int chunks = (valueLength + 7) / 8;
    const int rows = THREADS / chunks;
    const int chunk = t % chunks;
    const int r = t / chunks;
    float sum[HEADS][8];
#pragma unroll
    for (int g = 0; g < HEADS; g++) {
#pragma unroll
        for (int i = 0; i < 8; i++) {
            sum[g][i] = 0;
        }
    }
    if (r < rows) {
#pragma unroll 2
        for (int p = p0 + r; p < p1; p += rows) {
            const uint8_t* row = values + p * valueRow;
            float x[8];
            if (valueLength % 8 == 0) {
                cacheLoad8(valueType, row, valueWidth, kvHead * valueLength + chunk * 8, x);
            } else {
#pragma unroll
                for (int i = 0; i < 8; i++) {
                    int d = chunk * 8 + i;
                    x[i] = d < valueLength ? cacheLoad1(valueType, row, valueWidth, kvHead * valueLength + d) : 0.f;
                }
            }
#pragma unroll
            for (int g = 0; g < HEADS; g++) {
                if (g < n) {
                    float w = s.scores[g][p - p0];
#pragma unroll
                    for (int i = 0; i < 8; i++) {
                        sum[g][i] += w * x[i];
                    }
                }
            }
        }
#pragma unroll
        for (int g = 0; g < HEADS; g++) {
            if (g < n) {
#pragma unroll
                for (int i = 0; i < 8; i++) {
                    s.sums[((g * rows + r) * chunks + chunk) * 8 + i] = sum[g][i];
                }
            }
        }
    }
    __syncthreads();
    for (int i = t; i < n * valueLength; i += THREADS) {
        int g = i / valueLength;
        int d = i % valueLength;
        float all = 0;
#pragma unroll 4
        for (int k0 = 0; k0 < rows; k0++) {
            all += s.sums[(g * rows + k0) * chunks * 8 + d];
        }
        if (spans == 1) {
            out[(head0 + g) * valueLength + d] = all / s.total[g];
        } else {
            partial[(static_cast<int64_t>(head0 + g) * gridDim.y + blockIdx.y) * (valueLength + 2) + 2 + d] = all;
        }
    }
    if (spans > 1) {
        join<THREADS>(out, partial, tickets, &s.last, s.sums, s.maximum, s.total, head0, n, spans, valueLength);
    }
}

}  // namespace

#define ATTEND(NAME, KEY_TYPE, VALUE_TYPE)                                                                               \
    extern "C" __global__ void __launch_bounds__(THREADS) attend_step_##NAME(                                            \
        const Step* step, int layer, const float* q, const float* k,              \
        const float* v, const float* cosine, const float* sine,                   \
        float* out, float* partial, unsigned* tickets, int heads, int kvHeads, int keyLength,               \
        int valueLength, int pairs, int span, float scale, int keyType, int valueType) {                                 \
        attend(KEY_TYPE, VALUE_TYPE, step, layer, q, k, v, cosine, sine, out, partial, tickets, heads, kvHeads,          \
               keyLength, valueLength, pairs, span, scale);                                                              \
    }

ATTEND(f32, CACHE_F32, CACHE_F32)
ATTEND(f16, CACHE_F16, CACHE_F16)
ATTEND(q8_0, CACHE_Q8_0, CACHE_Q8_0)
ATTEND(mixed, keyType, valueType)
