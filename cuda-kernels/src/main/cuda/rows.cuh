// Products with rows: a warp multiplies a few outputs' contiguous weights with the input in shared memory.
//
// The input lies permuted, so that a lane's floats for its 16 bytes of weights are read in conflict-free 16-byte pieces:
// element e of lane l in step s (32 lanes of F::chunk elements) is at s * 32 * chunk + e / 4 * 128 + l * 4 + e % 4.
#pragma once
#include "block.cuh"
#include <type_traits>

template <class F>
struct Rows {
    static constexpr int C = F::chunk;
    static constexpr int SPAN = 32 * C;

    __host__ __device__ static int spans(int inputs) { return (inputs + SPAN - 1) / SPAN; }

    /** Floats of shared memory that an input takes: itself, and for forms with a minimum the sums of its chunks. */
    __host__ __device__ static int sharedFloats(int inputs) { return spans(inputs) * (SPAN + (F::hasMin ? 32 : 0)); }

    __device__ static int permuted(int i) {
        int lane = i % SPAN / C;
        int e = i % C;
        return i / SPAN * SPAN + e / 4 * 128 + lane * 4 + e % 4;
    }

    /**
     * Fills shared memory with the input; a masked entry is 0. What it returns remains to be multiplied with each product:
     * without a mask the norm's factor need not be known to start.
     */
    __device__ static float stage(const Input& in, const float* thresholds, int stride, float* xs, float (&scratch)[WARPS]) {
        int n = in.inputs;
        int end = spans(n) * SPAN;
        float factor = 1.f;
        if (thresholds && in.mode == NORMED) {
            factor = rmsFactor(in, scratch);
        }
        float squares = 0.f;
        for (int base = threadIdx.x * 4; base < end; base += AHEAD * THREADS * 4) {
            float4 x[AHEAD];
            float4 w[AHEAD];
#pragma unroll
            for (int u = 0; u < AHEAD; u++) {
                x[u] = load4(in.x, base + u * THREADS * 4, n);
            }
            if (in.mode == NORMED) {
#pragma unroll
                for (int u = 0; u < AHEAD; u++) {
                    w[u] = load4(in.other, base + u * THREADS * 4, n);
                }
            }
#pragma unroll
            for (int u = 0; u < AHEAD; u++) {
                int i = base + u * THREADS * 4;
                float4 v = x[u];
                if (in.mode == NORMED) {
                    squares += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
                    v = make_float4(v.x * w[u].x, v.y * w[u].y, v.z * w[u].z, v.w * w[u].w);
                }
                if (thresholds) {
                    v = make_float4(
                        mask(v.x * factor, i, n, thresholds, stride),
                        mask(v.y * factor, i + 1, n, thresholds, stride),
                        mask(v.z * factor, i + 2, n, thresholds, stride),
                        mask(v.w * factor, i + 3, n, thresholds, stride));
                }
                // Element e of a nibble word comes out times a power of 16.
                v = make_float4(
                    v.x * ::factor<F>(i), v.y * ::factor<F>(i + 1), v.z * ::factor<F>(i + 2), v.w * ::factor<F>(i + 3));
                if (i < end) {
                    *reinterpret_cast<float4*>(xs + permuted(i)) = v;
                }
            }
        }
        if (in.mode == NORMED && !thresholds) {
            factor = 1.f / sqrtf(blockSum(squares, scratch) / n + in.epsilon);
        } else {
            factor = 1.f;
            __syncthreads();
        }
        if (F::hasMin) {
            float* sums = xs + end;
            for (int c = threadIdx.x; c < end / C; c += THREADS) {
                float sum = 0.f;
#pragma unroll
                for (int e = 0; e < C; e++) {
                    sum += xs[permuted(c * C + e)] / ::factor<F>(e);
                }
                sums[c] = sum;
            }
            __syncthreads();
        }
        return factor;
    }

    /**
     * Brings rows into the L2 cache before the kernel in front has ended, while memory is idle. Weights are written by no
     * kernel.
     */
    __device__ static void prefetch(const Matrix& m, int row, int rows, int inputs) {
#if __CUDA_ARCH__ >= 900
        size_t length = padded(inputs);
        const char* from = plane<F>(m.data, row * length);
        const char* to = plane<F>(m.data, (row + rows) * length);
        for (from += threadIdx.x % 32 * 128; from < to; from += 32 * 128) {
            asm volatile("prefetch.global.L2 [%0];" ::"l"(from));
        }
#endif
    }

    /** What a lane has under way of N rows: F::steps spans of each. */
    static constexpr int N = F::rows;
    static constexpr int S = F::steps;
    using ScaleBits = typename std::conditional<F::scale == Scale::HALF, __half, float>::type;

    struct Batch {
        uint4 raw[N][S];
        ScaleBits scale[N][S];
        ScaleBits min[N][S];
    };

    __device__ __forceinline__ static void load(
        Batch& b, const Matrix (&m)[N], const int (&row)[N], int length, int s, int last) {
        int lane = threadIdx.x % 32;
#pragma unroll
        for (int u = 0; u < S; u++) {
            int at = (s + u) * SPAN + lane * C;
            bool inside = s + u < last && at < length;
#pragma unroll
            for (int r = 0; r < N; r++) {
                b.raw[r][u] = make_uint4(0, 0, 0, 0);
                b.scale[r][u] = ScaleBits(0.f);
                b.min[r][u] = ScaleBits(0.f);
                if (inside) {
                    b.raw[r][u] = loadOnce(plane<F>(m[r].data, (size_t) row[r] * length + at));
                    if constexpr (F::quantised) {
                        size_t g = (size_t) row[r] * (length / F::group) + at / F::group;
                        b.scale[r][u] = static_cast<const ScaleBits*>(m[r].scales)[g];
                        if constexpr (F::hasMin) {
                            b.min[r][u] = static_cast<const ScaleBits*>(m[r].mins)[g];
                        }
                    }
                }
            }
        }
    }

    __device__ __forceinline__ static void add(
        const Batch& b, const float* xs, const float* sums, int s, int last, float (&sum)[N]) {
        int lane = threadIdx.x % 32;
        // Half a chunk of nibbles at a time keeps the registers at bay.
        constexpr int PART = C > 16 ? 16 : C;
#pragma unroll
        for (int u = 0; u < S; u++) {
            if (s + u >= last) {
                break;
            }
            float part[N] = {};
#pragma unroll
            for (int p = 0; p < C / PART; p++) {
                float x[PART];
#pragma unroll
                for (int e = 0; e < PART; e += 4) {
                    *reinterpret_cast<float4*>(x + e) = *reinterpret_cast<const float4*>(
                        xs + (s + u) * SPAN + (p * PART + e) / 4 * 128 + lane * 4);
                }
#pragma unroll
                for (int r = 0; r < N; r++) {
                    const uint32_t all[4] = {b.raw[r][u].x, b.raw[r][u].y, b.raw[r][u].z, b.raw[r][u].w};
                    uint32_t words[4 * PART / C];
#pragma unroll
                    for (int i = 0; i < 4 * PART / C; i++) {
                        words[i] = all[p * 4 * PART / C + i];
                    }
                    float w[PART];
                    unpack<F>(words, w);
#pragma unroll
                    for (int e = 0; e < PART; e++) {
                        part[r] += w[e] * x[e];
                    }
                }
            }
#pragma unroll
            for (int r = 0; r < N; r++) {
                if constexpr (F::quantised) {
                    sum[r] += float(b.scale[r][u]) * part[r];
                    if constexpr (F::hasMin) {
                        sum[r] += float(b.min[r][u]) * sums[(s + u) * 32 + lane];
                    }
                } else {
                    sum[r] += part[r];
                }
            }
        }
    }

    /**
     * A warp's products of count rows, over spans first ... last-1. The next batch is under way while one is added up, also
     * from one row to the next.
     *
     * @param locate (k, matrix, row): where the k-th row lies
     * @param done (k, sum): takes the k-th product, in every lane
     */
    template <class Locate, class Done>
    __device__ __forceinline__ static void products(
        int count, int inputs, const float* xs, int first, int last, Locate locate, Done done) {
        if (count <= 0) {
            return;
        }
        const float* sums = xs + spans(inputs) * SPAN;
        int length = padded(inputs);
        Matrix m[N];
        int row[N];
        auto find = [&](int k) {
#pragma unroll
            for (int r = 0; r < N; r++) {
                // Past the end the last row again: its bytes are on their way already.
                locate(min(k + r, count - 1), m[r], row[r]);
            }
        };
        Batch a;
        Batch b;
        float sum[N] = {};
        // What is loaded next, and what is added next.
        int loadK = 0;
        int loadS = first;
        int addK = 0;
        int addS = first;
        auto loadNext = [&](Batch& to) {
            if (loadK >= count) {
                return;
            }
            load(to, m, row, length, loadS, last);
            loadS += S;
            if (loadS >= last) {
                loadS = first;
                loadK += N;
                if (loadK < count) {
                    find(loadK);
                }
            }
        };
        auto addNext = [&](const Batch& from) {
            add(from, xs, sums, addS, last, sum);
            addS += S;
            if (addS >= last) {
                addS = first;
#pragma unroll
                for (int r = 0; r < N; r++) {
                    float v = warpSum(sum[r]);
                    sum[r] = 0.f;
                    if (addK + r < count) {
                        done(addK + r, v);
                    }
                }
                addK += N;
            }
        };
        find(0);
        loadNext(a);
        while (true) {
            loadNext(b);
            addNext(a);
            if (addK >= count) {
                break;
            }
            loadNext(a);
            addNext(b);
            if (addK >= count) {
                break;
            }
        }
    }

private:
    __device__ static float mask(float v, int i, int n, const float* thresholds, int stride) {
        return i < n && fabsf(v) > thresholds[(size_t) i * stride] ? v : 0.f;
    }
};
