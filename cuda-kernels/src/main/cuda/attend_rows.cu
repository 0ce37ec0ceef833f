// Attention of a batch: a block takes 64 positions' queries of one head and walks over the cached keys and values, 32
// positions at a time, with a running maximum and sum (as in FlashAttention). Float products and sums.
//
// Grid: blocks of 64 rows (the last, longest first) × heads. Shared memory: sharedBytes(length).
// ptx sets: compute_80
#include "step.cuh"

namespace {

constexpr int ROWS = 64;
constexpr int SPAN = 32;
constexpr int THREADS = 256;

// Loads up to 32 positions' entries of one head, rows of `ld` floats, with zeros past the last.
__device__ void loadSpan(int type, const uint8_t* cache, int64_t rowBytes, int width, int at, int length, int p0, int p1,
                         float* to, int ld) {
    if (length % 8 == 0) {
        int chunks = length / 8;
        for (int i = threadIdx.x; i < SPAN * chunks; i += THREADS) {
            int p = i / chunks;
            int d = i % chunks * 8;
            float x[8] = {0, 0, 0, 0, 0, 0, 0, 0};
            if (p0 + p < p1) {
                cacheLoad8(type, cache + (p0 + p) * rowBytes, width, at + d, x);
            }
            *reinterpret_cast<float4*>(to + p * ld + d) = make_float4(x[0], x[1], x[2], x[3]);
            *reinterpret_cast<float4*>(to + p * ld + d + 4) = make_float4(x[4], x[5], x[6], x[7]);
        }
        return;
    }
    for (int i = threadIdx.x; i < SPAN * length; i += THREADS) {
        int p = i / length;
        int d = i % length;
        to[p * ld + d] = p0 + p < p1 ? cacheLoad1(type, cache + (p0 + p) * rowBytes, width, at + d) : 0.f;
    }
}

// LENGTH: entries of a head, rounded up to a multiple of 32 of which there is a kernel.
template <int LENGTH>
__device__ void attend(
    const float* q, const uint8_t* keys, int keyType, const uint8_t* values, int valueType, float* out, int start,
    int rows, int heads, int kvHeads, int keyLength, int valueLength, float scale) {
    constexpr int LD = LENGTH + 4;
    constexpr int QUADS = LENGTH / 32;
    extern __shared__ __align__(16) float shared[];
    float* qs = shared;               // [64][LD]
    float* span = qs + ROWS * LD;     // [32][LD]: keys, then values
    float* weights = span + SPAN * LD;  // [64][33]
    __shared__ float rescale[ROWS];
    const int t = threadIdx.x;
    const int head = blockIdx.y;
    const int kvHead = head / (heads / kvHeads);
    const int r0 = (gridDim.x - 1 - blockIdx.x) * ROWS;
    const int r1 = min(rows, r0 + ROWS);
    const int positions = start + r1;
    const int keyWidth = kvHeads * keyLength;
    const int valueWidth = kvHeads * valueLength;
    const int64_t keyRow = cacheRowBytes(keyType, keyWidth);
    const int64_t valueRow = cacheRowBytes(valueType, valueWidth);
    for (int i = t; i < ROWS * LD; i += THREADS) {
        int r = i / LD;
        int d = i % LD;
        qs[i] = r0 + r < r1 && d < keyLength
                    ? q[(static_cast<int64_t>(r0 + r) * heads + head) * keyLength + d] * scale
                    : 0.f;
    }
    for (int i = t; i < SPAN * LD; i += THREADS) {
        span[i] = 0; // entries past the head's length stay zero
    }
    // A thread owns two rows and every eighth position or quad of entries.
    const int ty = t / 8;
    const int tx = t % 8;
    float max[2] = {-INFINITY, -INFINITY};
    float sum[2] = {0, 0};
    float acc[2][QUADS][4];
#pragma unroll
    for (int r = 0; r < 2; r++) {
#pragma unroll
        for (int j = 0; j < QUADS; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
                acc[r][j][e] = 0;
            }
        }
    }
    for (int p0 = 0; p0 < positions; p0 += SPAN) {
        __syncthreads();
        // What the values left behind the keys' length meets zeros of the queries.
        loadSpan(keyType, keys, keyRow, keyWidth, kvHead * keyLength, keyLength, p0, positions, span, LD);
        __syncthreads();
        float s[2][4];
#pragma unroll
        for (int r = 0; r < 2; r++) {
#pragma unroll
            for (int j = 0; j < 4; j++) {
                s[r][j] = 0;
            }
        }
#pragma unroll 4
        for (int d = 0; d < LENGTH; d += 4) {
            float4 a[2];
            float4 b[4];
#pragma unroll
            for (int r = 0; r < 2; r++) {
                a[r] = *reinterpret_cast<const float4*>(qs + (ty * 2 + r) * LD + d);
            }
#pragma unroll
            for (int j = 0; j < 4; j++) {
                b[j] = *reinterpret_cast<const float4*>(span + (tx + 8 * j) * LD + d);
            }
#pragma unroll
            for (int r = 0; r < 2; r++) {
#pragma unroll
                for (int j = 0; j < 4; j++) {
                    s[r][j] += a[r].x * b[j].x + a[r].y * b[j].y + a[r].z * b[j].z + a[r].w * b[j].w;
                }
            }
        }
#pragma unroll
        for (int r = 0; r < 2; r++) {
            int last = start + r0 + ty * 2 + r; // the row's own position, the last that it sees
            float top = max[r];
#pragma unroll
            for (int j = 0; j < 4; j++) {
                int p = p0 + tx + 8 * j;
                s[r][j] = p <= last && p < positions ? s[r][j] : -INFINITY;
                top = fmaxf(top, s[r][j]);
            }
            for (int o = 4; o > 0; o /= 2) {
                top = fmaxf(top, __shfl_xor_sync(0xffffffff, top, o));
            }
            // A row always sees position 0, in the first span, so `top` is a number.
            float factor = expf(max[r] - top);
            float part = 0;
#pragma unroll
            for (int j = 0; j < 4; j++) {
                float e = expf(s[r][j] - top);
                weights[(ty * 2 + r) * 33 + tx + 8 * j] = e;
                part += e;
            }
            for (int o = 4; o > 0; o /= 2) {
                part += __shfl_xor_sync(0xffffffff, part, o);
            }
            max[r] = top;
            sum[r] = sum[r] * factor + part;
            if (tx == 0) {
                rescale[ty * 2 + r] = factor;
            }
        }
        __syncthreads();
        loadSpan(valueType, values, valueRow, valueWidth, kvHead * valueLength, valueLength, p0, positions, span, LD);
        __syncthreads();
#pragma unroll
        for (int r = 0; r < 2; r++) {
            float factor = rescale[ty * 2 + r];
#pragma unroll
            for (int j = 0; j < QUADS; j++) {
#pragma unroll
                for (int e = 0; e < 4; e++) {
                    acc[r][j][e] *= factor;
                }
            }
        }
#pragma unroll 4
        for (int p = 0; p < SPAN; p++) {
            float w0 = weights[ty * 2 * 33 + p];
            float w1 = weights[(ty * 2 + 1) * 33 + p];
#pragma unroll
            for (int j = 0; j < QUADS; j++) {
                float4 x = *reinterpret_cast<const float4*>(span + p * LD + tx * 4 + j * 32);
                acc[0][j][0] += w0 * x.x, acc[0][j][1] += w0 * x.y, acc[0][j][2] += w0 * x.z, acc[0][j][3] += w0 * x.w;
                acc[1][j][0] += w1 * x.x, acc[1][j][1] += w1 * x.y, acc[1][j][2] += w1 * x.z, acc[1][j][3] += w1 * x.w;
            }
        }
    }
#pragma unroll
    for (int r = 0; r < 2; r++) {
        int row = r0 + ty * 2 + r;
        if (row < r1) {
            float* to = out + (static_cast<int64_t>(row) * heads + head) * valueLength;
#pragma unroll
            for (int j = 0; j < QUADS; j++) {
#pragma unroll
                for (int e = 0; e < 4; e++) {
                    int d = tx * 4 + j * 32 + e;
                    if (d < valueLength) {
                        to[d] = acc[r][j][e] / sum[r];
                    }
                }
            }
        }
    }
}

}  // namespace

#define ATTEND(LENGTH)                                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS) attend_rows_##LENGTH(                                         \
        const float* q, const uint8_t* keys, int keyType, const uint8_t* values, int valueType, float* out, int start,  \
        int rows, int heads, int kvHeads, int keyLength, int valueLength, float scale) {                                \
        attend<LENGTH>(q, keys, keyType, values, valueType, out, start, rows, heads, kvHeads, keyLength, valueLength,   \
                       scale);                                                                                          \
    }

ATTEND(32)
ATTEND(64)
ATTEND(128)
ATTEND(256)
