// Products with rows, other than of nibbles: a warp multiplies a few outputs' contiguous weights with the input in shared memory.
//
// The input lies permuted, so that a lane's floats for its 16 bytes of weights are read in conflict-free 16-byte pieces:
// element e of lane l in step s (32 lanes of F::chunk elements) is at s * 32 * chunk + e / 4 * 128 + l * 4 + e % 4.
#pragma once
#include "stage.cuh"
#include "tiles.cuh"
#include <type_traits>

template <class F>
struct Rows {
    static constexpr int C = F::chunk;
    static constexpr int SPAN = 32 * C;

    __host__ __device__ static int spans(int inputs) { return (inputs + SPAN - 1) / SPAN; }

    __device__ static int permuted(int i) {
        int lane = i % SPAN / C;
        int e = i % C;
        return i / SPAN * SPAN + e / 4 * 128 + lane * 4 + e % 4;
    }

    /**
     * Fills shared memory with the input; a masked entry is 0. What it returns remains to be multiplied with each product.
     *
     * @param kept incremented by how many of this thread's inputs the mask keeps
     */
    __device__ static float stage(const Input& in, Mask mask, float* xs, float (&scratch)[WARPS], int& kept) {
        int end = spans(in.inputs) * SPAN;
        float factor = forInputs(in, mask, end, scratch, kept, [&](int i, float4 v) {
            if (i < end) {
                *reinterpret_cast<float4*>(xs + permuted(i)) = v;
            }
        });
        if constexpr (F::hasMin) {
            float* sums = xs + end;
            for (int c = threadIdx.x; c < end / C; c += THREADS) {
                float sum = 0.f;
#pragma unroll
                for (int e = 0; e < C; e++) {
                    sum += xs[permuted(c * C + e)];
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
    __device__ static void prefetch(const Matrix& m, int row, int rows, int inputs, int, int) {
#if __CUDA_ARCH__ >= 900
        rows = min(rows, N);
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
#pragma unroll
        for (int u = 0; u < S; u++) {
            if (s + u >= last) {
                break;
            }
            float x[C];
#pragma unroll
            for (int e = 0; e < C; e += 4) {
                *reinterpret_cast<float4*>(x + e) =
                    *reinterpret_cast<const float4*>(xs + (s + u) * SPAN + e / 4 * 128 + lane * 4);
            }
            float part[N] = {};
#pragma unroll
            for (int r = 0; r < N; r++) {
                const uint32_t words[4] = {b.raw[r][u].x, b.raw[r][u].y, b.raw[r][u].z, b.raw[r][u].w};
                float w[C];
                unpack<F>(words, w);
#pragma unroll
                for (int e = 0; e < C; e++) {
                    part[r] += w[e] * x[e];
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
     * @param done (k, sum): takes the k-th product, in one lane
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
                    if (threadIdx.x % 32 == 0 && addK + r < count) {
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

    struct Parts {};

    /**
     * A block's products of count rows, each by one warp.
     *
     * @param done (k, sum): takes the k-th product, in one thread; the block has to be synchronised before others see it
     */
    template <class Locate, class Done>
    __device__ __forceinline__ static void blockProducts(
        int count, int inputs, const float* xs, Parts&, Locate locate, Done done) {
        int warp = threadIdx.x / 32;
        int begin = count * warp / WARPS;
        products(
            count * (warp + 1) / WARPS - begin, inputs, xs, 0, spans(inputs),
            [&](int k, Matrix& m, int& row) { locate(begin + k, m, row); }, [&](int k, float sum) { done(begin + k, sum); });
    }

    /** Brings the block's first rows into the L2 cache, as blockProducts will read them. */
    __device__ static void prefetchBlock(const Matrix& m, int row, int count, int inputs) {
        int warp = threadIdx.x / 32;
        int begin = count * warp / WARPS;
        prefetch(m, row + begin, count * (warp + 1) / WARPS - begin, inputs, 0, spans(inputs));
    }
};

/** The products that suit a form. */
template <class F>
using RowProducts = typename std::conditional<F::tiles, Tiles<F>, Rows<F>>::type;
