// Products with rows of nibbles on the tensor cores: a warp multiplies 16 outputs' weights with the input in shared memory.
//
// mma.m16n8k16 multiplies 16 x 16 halves with 16 x 8. Weights are the left side: a nibble becomes a half float exactly, by its
// bits placed into a mantissa. An input is the right side as the sum of two halves (22 bits of it), scaled by a power of two
// for each chunk. A lane (group g, place t) holds a chunk (16 bytes) of rows g and g + 8; of the right side's 8 columns it is
// given 2t and 2t + 1 for its own chunk, high and low halves, and every other entry is 0. So each lane ends up with the sums of
// its own chunk, which its own scales are for: what is left for the ordinary units is to unpack.
#pragma once
#include "half.cuh"
#include "stage.cuh"
#include <type_traits>

template <class F>
struct Tiles {
    static constexpr int C = F::chunk;
    /** Inputs of a step: a chunk for each of four lanes. */
    static constexpr int SPAN = 4 * C;
    /** Rows of a tile. */
    static constexpr int TILE = 16;
    /** Steps that are under way together, twice. */
    static constexpr int S = 2;
    /** Bytes of a chunk's high or low halves. */
    static constexpr int PIECE = 2 * C;
    using ScaleBits = typename std::conditional<F::scale == Scale::HALF, __half, float>::type;

    __host__ __device__ static int spans(int inputs) { return (inputs + SPAN - 1) / SPAN; }

    // Shared memory: [chunks][2][C] halves, [chunks] scales, [chunks] sums where the form has a minimum, 64 bytes of zeros.
    struct Shared {
        char* halves;
        float* scales;
        float* sums;
        char* zeros;

        __device__ Shared(float* xs, int inputs) {
            int chunks = 4 * spans(inputs);
            halves = reinterpret_cast<char*>(xs);
            scales = xs + chunks * C;
            sums = scales + chunks;
            zeros = reinterpret_cast<char*>(F::hasMin ? sums + chunks : sums);
        }
    };

    /**
     * Fills shared memory with the input; a masked entry is 0. What it returns remains to be multiplied with each product.
     *
     * @param kept incremented by how many of this thread's inputs the mask keeps
     */
    __device__ static float stage(const Input& in, Mask mask, float* xs, float (&scratch)[WARPS], int& kept) {
        Shared sh(xs, in.inputs);
        int end = spans(in.inputs) * SPAN;
        if (threadIdx.x < 16) {
            reinterpret_cast<float*>(sh.zeros)[threadIdx.x] = 0.f;
        }
        return forInputs(in, mask, end, scratch, kept, [&](int i, float4 v) {
            // A chunk's threads are neighbours in a warp.
            float most = fmaxf(fmaxf(fabsf(v.x), fabsf(v.y)), fmaxf(fabsf(v.z), fabsf(v.w)));
            float sum = v.x + v.y + (v.z + v.w);
#pragma unroll
            for (int d = 1; d < C / 4; d <<= 1) {
                most = fmaxf(most, __shfl_xor_sync(0xFFFFFFFFu, most, d));
                if constexpr (F::hasMin) {
                    sum += __shfl_xor_sync(0xFFFFFFFFu, sum, d);
                }
            }
            // The largest entry becomes 2^14 ... 2^15.
            int exponent = max(15, __float_as_int(most) >> 23);
            float up = __int_as_float((268 - exponent) << 23);
            float s[4] = {v.x * up, v.y * up, v.z * up, v.w * up};
            uint32_t high[2];
            uint32_t low[2];
#pragma unroll
            for (int j = 0; j < 2; j++) {
                __half2 h = __floats2half2_rn(s[2 * j], s[2 * j + 1]);
                float2 f = __half22float2(h);
                __half2 l = __floats2half2_rn(s[2 * j] - f.x, s[2 * j + 1] - f.y);
                high[j] = *reinterpret_cast<uint32_t*>(&h);
                low[j] = *reinterpret_cast<uint32_t*>(&l);
            }
            int chunk = i / C;
            int q = i % C / 4;
            char* to = sh.halves + chunk * 2 * PIECE;
            // A word's nibbles j and j + 4 come out as a pair: neighbours exchange what the other one writes.
            bool odd = q % 2;
            uint32_t a = __shfl_xor_sync(0xFFFFFFFFu, odd ? high[0] : low[0], 1);
            uint32_t b = __shfl_xor_sync(0xFFFFFFFFu, odd ? high[1] : low[1], 1);
            uint4 word = odd
                ? make_uint4(
                      __byte_perm(a, low[0], 0x5410), __byte_perm(a, low[0], 0x7632), __byte_perm(b, low[1], 0x5410),
                      __byte_perm(b, low[1], 0x7632))
                : make_uint4(
                      __byte_perm(high[0], a, 0x5410), __byte_perm(high[0], a, 0x7632), __byte_perm(high[1], b, 0x5410),
                      __byte_perm(high[1], b, 0x7632));
            if (i < end) {
                *reinterpret_cast<uint4*>(to + (odd ? PIECE : 0) + q / 2 * 16) = word;
            }
            if (q == 0 && i < end) {
                sh.scales[chunk] = __int_as_float((exponent - 14) << 23);
                if constexpr (F::hasMin) {
                    sh.sums[chunk] = sum;
                }
            }
        });
    }

    /** Brings the first tile of a team's rows, as far as it is this warp's, into the L2 cache while memory is idle. */
    __device__ static void prefetch(const Matrix& m, int row, int rows, int inputs, int first, int last) {
#if __CUDA_ARCH__ >= 900
        size_t length = padded(inputs);
        const char* from = plane<F>(m.data, row * length + first * SPAN);
        int bytes = (int) (plane<F>(nullptr, min(last * SPAN, (int) length)) - plane<F>(nullptr, first * SPAN));
        // No more than a part of the cache.
        int lines = min((bytes + 127) / 128, 4);
        size_t rowBytes = plane<F>(nullptr, length) - static_cast<const char*>(nullptr);
        rows = min(rows, TILE);
        for (int i = threadIdx.x % 32; i < rows * lines; i += 32) {
            asm volatile("prefetch.global.L2 [%0];" ::"l"(from + i / lines * rowBytes + i % lines * 128));
        }
#endif
    }

    /** What a lane has under way: its chunks of rows g and g + 8. */
    struct Batch {
        uint4 raw[2][S];
        ScaleBits scale[2][S];
        ScaleBits min[2][S];
    };

    /** Where a row starts; null data for no row. */
    struct Row {
        const char* data;
        const ScaleBits* scales;
        const ScaleBits* mins;
    };

    __device__ __forceinline__ static void load(Batch& b, const Row (&row)[2], int length, int s, int last) {
        int t = threadIdx.x % 4;
#pragma unroll
        for (int u = 0; u < S; u++) {
            int at = (s + u) * SPAN + t * C;
            bool inside = s + u < last && at < length;
#pragma unroll
            for (int r = 0; r < 2; r++) {
                b.raw[r][u] = make_uint4(0, 0, 0, 0);
                b.scale[r][u] = ScaleBits(0.f);
                b.min[r][u] = ScaleBits(0.f);
                if (inside && row[r].data) {
                    b.raw[r][u] = loadOnce(plane<F>(row[r].data, at));
                    b.scale[r][u] = row[r].scales[at / F::group];
                    if constexpr (F::hasMin) {
                        b.min[r][u] = row[r].mins[at / F::group];
                    }
                }
            }
        }
    }

    __device__ __forceinline__ static void add(
        const Batch& b, const Shared& sh, const char* mine, int stride, int s, int last, float (&sum)[2]) {
        int t = threadIdx.x % 4;
#pragma unroll
        for (int u = 0; u < S; u++) {
            if (s + u >= last) {
                break;
            }
            float c[2][4] = {};
            const uint32_t first[4] = {b.raw[0][u].x, b.raw[0][u].y, b.raw[0][u].z, b.raw[0][u].w};
            const uint32_t second[4] = {b.raw[1][u].x, b.raw[1][u].y, b.raw[1][u].z, b.raw[1][u].w};
            const char* x = mine + (s + u) * stride;
#pragma unroll
            for (int p = 0; p < PIECE / 16; p++) {
                uint4 right = *reinterpret_cast<const uint4*>(x + 16 * p);
                uint32_t a[4];
                uint32_t d[4];
                Half::fromNibbles<F::zero>(first[p], a);
                Half::fromNibbles<F::zero>(second[p], d);
                Half::multiply(c[0], a[0], d[0], a[1], d[1], right.x, right.y);
                Half::multiply(c[1], a[2], d[2], a[3], d[3], right.z, right.w);
            }
            int chunk = (s + u) * 4 + t;
            float factor = sh.scales[chunk];
#pragma unroll
            for (int r = 0; r < 2; r++) {
                float part = c[0][2 * r] + c[1][2 * r] + (c[0][2 * r + 1] + c[1][2 * r + 1]);
                sum[r] += float(b.scale[r][u]) * (factor * part);
                if constexpr (F::hasMin) {
                    sum[r] += float(b.min[r][u]) * sh.sums[chunk];
                }
            }
        }
    }

    /**
     * A warp's products of count rows, over spans first ... last-1. The next batch is under way while one is added up, also
     * from one tile to the next.
     *
     * @param locate (k, matrix, row): where the k-th row lies
     * @param done (k, sum): takes the k-th product, in one lane
     */
    template <class Locate, class Done>
    __device__ __forceinline__ static void products(
        int count, int inputs, float* xs, int first, int last, Locate locate, Done done) {
        if (count <= 0) {
            return;
        }
        int length = padded(inputs);
        int lane = threadIdx.x % 32;
        int g = lane / 4;
        int t = lane % 4;
        Shared sh(xs, inputs);
        bool has = g / 2 == t;
        const char* mine = has ? sh.halves + t * 2 * PIECE + g % 2 * PIECE : sh.zeros;
        int stride = has ? 4 * 2 * PIECE : 0;
        if (first >= last) {
            for (int k = t * 8 + g; t < 2 && k < count; k += TILE) {
                done(k, 0.f);
            }
            return;
        }
        Row row[2];
        auto find = [&](int k) {
#pragma unroll
            for (int r = 0; r < 2; r++) {
                int n = k + g + 8 * r;
                row[r] = {nullptr, nullptr, nullptr};
                if (n < count) {
                    Matrix m;
                    int at;
                    locate(n, m, at);
                    size_t scale = (size_t) at * (length / F::group);
                    row[r].data = plane<F>(m.data, (size_t) at * length);
                    row[r].scales = static_cast<const ScaleBits*>(m.scales) + scale;
                    if constexpr (F::hasMin) {
                        row[r].mins = static_cast<const ScaleBits*>(m.mins) + scale;
                    }
                }
            }
        };
        Batch a;
        Batch b;
        float sum[2] = {};
        // What is loaded next, and what is added next.
        int loadK = 0;
        int loadS = first;
        int addK = 0;
        int addS = first;
        auto loadNext = [&](Batch& to) {
            if (loadK >= count) {
                return;
            }
            load(to, row, length, loadS, last);
            loadS += S;
            if (loadS >= last) {
                loadS = first;
                loadK += TILE;
                if (loadK < count) {
                    find(loadK);
                }
            }
        };
        auto addNext = [&](const Batch& from) {
            add(from, sh, mine, stride, addS, last, sum);
            addS += S;
            if (addS >= last) {
                addS = first;
#pragma unroll
                for (int r = 0; r < 2; r++) {
                    float v = sum[r];
                    sum[r] = 0.f;
                    v += __shfl_xor_sync(0xFFFFFFFFu, v, 1);
                    v += __shfl_xor_sync(0xFFFFFFFFu, v, 2);
                    int k = addK + g + 8 * r;
                    if (t == 0 && k < count) {
                        done(k, v);
                    }
                }
                addK += TILE;
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

    /** Rows whose sums of all warps fit into a block's shared memory. */
    static constexpr int SHARED_ROWS = 64;
    /** Rows of a block from which on each warp has tiles of its own. */
    static constexpr int APART_ROWS = 256;
    struct Parts {
        float of[WARPS][SHARED_ROWS];
    };

    /**
     * A block's products of count rows. Few rows: its warps share their inputs; many: each has rows of its own.
     *
     * @param done (k, sum): takes the k-th product, in one thread; the block has to be synchronised before others see it
     */
    template <class Locate, class Done>
    __device__ __forceinline__ static void blockProducts(
        int count, int inputs, float* xs, Parts& parts, Locate locate, Done done) {
        int warp = threadIdx.x / 32;
        bool apart = count >= APART_ROWS;
        int step = apart ? count : SHARED_ROWS;
        int n = spans(inputs);
        for (int from = 0; from < count; from += step) {
            int rows = min(step, count - from);
            int begin = apart ? rows * warp / WARPS : 0;
            int end = apart ? rows * (warp + 1) / WARPS : rows;
            products(
                end - begin, inputs, xs, apart ? 0 : n * warp / WARPS, apart ? n : n * (warp + 1) / WARPS,
                [&](int k, Matrix& m, int& row) { locate(from + begin + k, m, row); },
                [&](int k, float sum) {
                    if (apart) {
                        done(begin + k, sum);
                    } else {
                        parts.of[warp][k] = sum;
                    }
                });
            if (!apart) {
                __syncthreads();
                if (threadIdx.x < rows) {
                    float sum = 0.f;
#pragma unroll
                    for (int w = 0; w < WARPS; w++) {
                        sum += parts.of[w][threadIdx.x];
                    }
                    done(from + threadIdx.x, sum);
                }
                if (from + step < count) {
                    __syncthreads();
                }
            }
        }
    }

    /** Brings the block's first rows into the L2 cache, as blockProducts will read them. */
    __device__ static void prefetchBlock(const Matrix& m, int row, int count, int inputs) {
        int warp = threadIdx.x / 32;
        int n = spans(inputs);
        if (count >= APART_ROWS) {
            int begin = count * warp / WARPS;
            prefetch(m, row + begin, count * (warp + 1) / WARPS - begin, inputs, 0, n);
        } else {
            prefetch(m, row, count, inputs, n * warp / WARPS, n * (warp + 1) / WARPS);
        }
    }
};
