// y = W f(x) + b for up to three matrices of one input, columns layout: only the kept inputs' weights are read.
//
// Grid: x = tiles of L lanes' outputs over all matrices, y = slices of the inputs. A block tests its slice against the
// thresholds, compacts what is kept into shared memory, and its teams of L lanes share that list evenly. Slices' partial
// sums meet in global memory; the block that comes last for its tile adds them by index. Wide tiles (L = 32) read long runs;
// narrow ones (L = 4) make enough blocks of a small matrix without slices, whose sums would cost more than its weights.
#include "block.cuh"
#include "column_tiles.cuh"

struct SparseGemvColsArgs {
    Input in;
    Segment segments[MAX_SEGMENTS];
    /** [splits][tiles * outputs a tile] */
    float* partials;
    /** [tiles], all zero between launches */
    unsigned* tickets;
    int segmentCount;
};

/** Groups of 32 inputs in a slice at most. */
constexpr int GROUPS = 64;
/** Unquantised rows of the transposed matrix that a lane has under way. */
[[maybe_unused]] constexpr int FLIGHT = 8;
/** Blocks on a multiprocessor; what the registers have to leave room for. */
#ifndef GAMBIT_BLOCKS
#define GAMBIT_BLOCKS (forms::GAMBIT_FORM::quantised ? 2 : 3)
#endif

struct Kept {
    int input;
    float x;
};

namespace {

/** Compacts inputs 32*firstGroup ... into the list; returns how many, and where each 16 inputs' entries start. */
__device__ int compact(
    const Input& in, const Segment& s, float factor, int firstGroup, int groups, Kept* list, unsigned* ballots, short* starts) {
    int warp = threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    // All loads first: a vote would make each wait for the one before.
    float v[GROUPS / WARPS];
    float other[GROUPS / WARPS];
    float t[GROUPS / WARPS];
    unsigned ballot[GROUPS / WARPS];
#pragma unroll
    for (int j = 0; j < GROUPS / WARPS; j++) {
        int g = warp + j * WARPS;
        int i = (firstGroup + g) * 32 + lane;
        v[j] = 0.f;
        other[j] = 1.f;
        t[j] = __int_as_float(0x7F800000);
        if (g < groups && i < in.inputs) {
            v[j] = in.x[i];
            other[j] = in.mode == PLAIN ? 1.f : in.other[i];
            t[j] = s.thresholds ? s.thresholds[(size_t) i * s.stride] : -1.f;
        }
    }
#pragma unroll
    for (int j = 0; j < GROUPS / WARPS; j++) {
        if (in.mode != PLAIN) {
            v[j] = (in.mode == NORMED ? v[j] * factor : activate(v[j], in.activation)) * other[j];
        }
        ballot[j] = __ballot_sync(0xFFFFFFFFu, fabsf(v[j]) > t[j]);
        if (lane == 0) {
            ballots[warp + j * WARPS] = ballot[j];
        }
    }
    __syncthreads();
    unsigned low = ballots[lane];
    unsigned high = ballots[lane + 32];
    int before = __popc(low) | __popc(high) << 16;
#pragma unroll
    for (int d = 1; d < 32; d <<= 1) {
        int other = __shfl_up_sync(0xFFFFFFFFu, before, d);
        before += lane >= d ? other : 0;
    }
    int half = __shfl_sync(0xFFFFFFFFu, before, 31);
    int total = (half & 0xFFFF) + (half >> 16);
    int startLow = (before & 0xFFFF) - __popc(low);
    int startHigh = (half & 0xFFFF) + (before >> 16) - __popc(high);
    if (warp == 0) {
        starts[2 * lane] = (short) startLow;
        starts[2 * lane + 1] = (short) (startLow + __popc(low & 0xFFFF));
        starts[2 * lane + 64] = (short) startHigh;
        starts[2 * lane + 65] = (short) (startHigh + __popc(high & 0xFFFF));
        if (lane == 0) {
            starts[2 * GROUPS] = (short) total;
        }
    }
#pragma unroll
    for (int j = 0; j < GROUPS / WARPS; j++) {
        int g = warp + j * WARPS;
        int start = __shfl_sync(0xFFFFFFFFu, g < 32 ? startLow : startHigh, g % 32);
        if (ballot[j] >> lane & 1) {
            list[start + __popc(ballot[j] & ((1u << lane) - 1))] = {(firstGroup + g) * 32 + lane, v[j]};
        }
    }
    __syncthreads();
    return total;
}

/** A lane's bytes of up to U kept inputs, and their values; what is past the end counts as 0. */
template <class F, int U>
struct Batch {
    static constexpr int W = F::plane == Plane::U4 ? 2 : 4;
    uint32_t raw[U][W];
    float x[U];

    __device__ __forceinline__ void load(const char* data, size_t rowBytes, const Kept* list, int count) {
#pragma unroll
        for (int u = 0; u < U; u++) {
            x[u] = 0.f;
#pragma unroll
            for (int i = 0; i < W; i++) {
                raw[u][i] = 0;
            }
            if (u < count) {
                Kept k = list[u];
                x[u] = k.x;
                const char* from = data + k.input * rowBytes;
                if constexpr (W == 4) {
                    uint4 v = loadOnce(from);
                    raw[u][0] = v.x;
                    raw[u][1] = v.y;
                    raw[u][2] = v.z;
                    raw[u][3] = v.w;
                } else {
                    uint2 v = loadOnce8(from);
                    raw[u][0] = v.x;
                    raw[u][1] = v.y;
                }
            }
        }
    }

    /** Adds x * w; integers come without scale. */
    __device__ __forceinline__ void add(float (&acc)[F::wide]) const {
#pragma unroll
        for (int u = 0; u < U; u++) {
            float w[F::wide];
            unpack<F>(raw[u], w);
#pragma unroll
            for (int e = 0; e < F::wide; e++) {
                acc[e] += x[u] * w[e];
            }
        }
    }
};

/** Unquantised weights: entries begin ... end-1 of the list. */
template <class F>
__device__ __forceinline__ void addRows(
    const char* data, size_t rowBytes, const Kept* list, int begin, int end, float (&acc)[F::wide]) {
    Batch<F, FLIGHT> batch;
    int p = begin;
#pragma unroll 1
    for (; p + FLIGHT <= end; p += FLIGHT) {
        batch.load(data, rowBytes, list + p, FLIGHT);
        batch.add(acc);
    }
    if (p < end) {
        batch.load(data, rowBytes, list + p, end - p);
        batch.add(acc);
    }
}

/** A lane's scales or minima of a group, as they are. */
template <class F>
struct Scales {
    static constexpr int BYTES = F::scale == Scale::HALF ? 2 : 4;
    static constexpr int WORDS = F::wide * BYTES / 16;
    uint4 raw[WORDS > 0 ? WORDS : 1];

    /** Cached, because batches of one group follow each other. */
    __device__ __forceinline__ void load(const void* scales, size_t index) {
        const uint4* from = reinterpret_cast<const uint4*>(static_cast<const char*>(scales) + index * BYTES);
#pragma unroll
        for (int i = 0; i < WORDS; i++) {
            raw[i] = __ldg(from + i);
        }
    }

    __device__ __forceinline__ float at(int e) const {
        uint4 v = raw[e * BYTES / 16];
        int word = e * BYTES / 4 % 4;
        uint32_t bits = word == 0 ? v.x : word == 1 ? v.y : word == 2 ? v.z : v.w;
        if constexpr (F::scale == Scale::HALF) {
            return __half2float(__ushort_as_half((unsigned short) (e % 2 ? bits >> 16 : bits)));
        } else {
            return __uint_as_float(bits);
        }
    }
};

/** Entries of one group with the group's scales. */
template <class F, int U>
struct GroupBatch {
    Batch<F, U> rows;
    Scales<F> scale;
    Scales<F> low;

    __device__ __forceinline__ void add(float (&acc)[F::wide]) const {
        float part[F::wide] = {};
        rows.add(part);
        float sum = 0.f;
        if constexpr (F::hasMin) {
#pragma unroll
            for (int u = 0; u < U; u++) {
                sum += rows.x[u];
            }
        }
#pragma unroll
        for (int e = 0; e < F::wide; e++) {
            acc[e] += scale.at(e) * factor<F>(e) * part[e];
            if constexpr (F::hasMin) {
                acc[e] += low.at(e) * sum;
            }
        }
    }
};

/** Quantised weights: adds scale * sum(x * q) + min * sum(x), some inputs of a group at a time, the next ones under way. */
template <class F>
__device__ __forceinline__ void addGroups(
    const Matrix& m,
    const char* data,
    size_t rowBytes,
    size_t width,
    int output,
    const Kept* list,
    const short* starts,
    int firstInput,
    int begin,
    int end,
    float (&acc)[F::wide]) {
    constexpr int HALVES = F::group / 16;
    constexpr int U = F::plane == Plane::U4 && F::scale == Scale::HALF ? 8 : 4;
    auto loadNext = [&](GroupBatch<F, U>& to) {
        int g = list[begin].input / F::group;
        int stop = min(end, (int) starts[(g - firstInput / F::group + 1) * HALVES]);
        int count = min(U, stop - begin);
        to.scale.load(m.scales, g * width + output);
        if constexpr (F::hasMin) {
            to.low.load(m.mins, g * width + output);
        }
        to.rows.load(data, rowBytes, list + begin, count);
        begin += count;
    };
    if (begin >= end) {
        return;
    }
    GroupBatch<F, U> a;
    if constexpr (F::scale == Scale::FLOAT) {
        // Their scales leave no registers for a second batch.
        while (begin < end) {
            loadNext(a);
            a.add(acc);
        }
    } else {
        GroupBatch<F, U> b;
        loadNext(a);
        while (true) {
            if (begin >= end) {
                a.add(acc);
                break;
            }
            loadNext(b);
            a.add(acc);
            if (begin >= end) {
                b.add(acc);
                break;
            }
            loadNext(a);
            b.add(acc);
        }
    }
}

/** Which tile of which matrix a block has, and which of the input's groups of 32. */
struct Place {
    int segment;
    int tile;
    int firstGroup;
    int groups;
};

__device__ __forceinline__ Place place(const SparseGemvColsArgs& a, int tileOutputs) {
    Place p = {0, (int) blockIdx.x, 0, 0};
    while (p.tile >= (a.segments[p.segment].outputs + tileOutputs - 1) / tileOutputs) {
        p.tile -= (a.segments[p.segment].outputs + tileOutputs - 1) / tileOutputs;
        p.segment++;
    }
    int all = (a.in.inputs + 31) / 32;
    p.firstGroup = (int) ((long long) all * blockIdx.y / gridDim.y);
    p.groups = (int) ((long long) all * (blockIdx.y + 1) / gridDim.y) - p.firstGroup;
    return p;
}

/**
 * Stores a tile's products: value(i) is this block's i-th sum, output(i) which output it is of. Where inputs are sliced, the
 * block that comes last for its tile adds up all slices' sums.
 */
template <int TILE, class Value, class Output>
__device__ __forceinline__ void addSlices(
    const SparseGemvColsArgs& a, const Segment& segment, bool& last, Value value, Output output) {
    size_t stride = (size_t) gridDim.x * TILE;
    float* partial = a.partials + (size_t) blockIdx.x * TILE;
    for (int i = threadIdx.x; i < TILE; i += THREADS) {
        float v = value(i);
        if (gridDim.y == 1) {
            int o = output(i);
            if (o < segment.outputs) {
                store(segment, o, v);
            }
        } else {
            __stcg(partial + blockIdx.y * stride + i, v);
        }
    }
    if (gridDim.y == 1) {
        return;
    }
    // The barrier orders the block's stores before its first thread's fence.
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence();
        last = atomicAdd(a.tickets + blockIdx.x, 1u) == gridDim.y - 1;
        __threadfence();
    }
    __syncthreads();
    if (!last) {
        return;
    }
    for (int i = threadIdx.x; i < TILE; i += THREADS) {
        float v = 0.f;
        for (int y = 0; y < (int) gridDim.y; y += 16) {
            float p[16];
#pragma unroll
            for (int u = 0; u < 16; u++) {
                p[u] = y + u < (int) gridDim.y ? __ldcg(partial + (y + u) * stride + i) : 0.f;
            }
#pragma unroll
            for (int u = 0; u < 16; u++) {
                v += p[u];
            }
        }
        int o = output(i);
        if (o < segment.outputs) {
            store(segment, o, v);
        }
    }
    if (threadIdx.x == 0) {
        a.tickets[blockIdx.x] = 0;
    }
}

template <class F, int L>
__device__ __forceinline__ void sparseGemvCols(const SparseGemvColsArgs& a) {
    constexpr int TILE = L * F::wide;
    constexpr int TEAMS = THREADS / L;
    __shared__ Kept list[GROUPS * 32];
    __shared__ float sums[WARPS][TILE];
    __shared__ unsigned ballots[GROUPS];
    __shared__ short starts[2 * GROUPS + 1];
    __shared__ float scratch[WARPS];
    __shared__ bool last;

    int warp = threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    Place p = place(a, TILE);
    int tile = p.tile;
    int firstGroup = p.firstGroup;
    const Segment& segment = a.segments[p.segment];

    launchDependents();
    waitForInputs();
    float factor = a.in.mode == NORMED ? rmsFactor(a.in, scratch) : 1.f;
    int kept = compact(a.in, segment, factor, firstGroup, p.groups, list, ballots, starts);
    if (segment.kept && tile == 0 && threadIdx.x == 0) {
        atomicAdd(segment.kept, (unsigned) kept);
    }

    int width = padded(segment.outputs);
    int output = tile * TILE + lane % L * F::wide;
    float acc[F::wide] = {};
    if (output < width) {
        const char* data = plane<F>(segment.matrix.data, output);
        size_t rowBytes = plane<F>(nullptr, width) - static_cast<const char*>(nullptr);
        int team = threadIdx.x / L;
        int begin = kept * team / TEAMS;
        int end = kept * (team + 1) / TEAMS;
        if constexpr (F::quantised) {
            addGroups<F>(
                segment.matrix, data, rowBytes, width, output, list, starts, firstGroup * 32, begin, end, acc);
        } else {
            addRows<F>(data, rowBytes, list, begin, end, acc);
        }
    }
    __syncwarp();
#pragma unroll
    for (int d = 16; d >= L; d >>= 1) {
#pragma unroll
        for (int e = 0; e < F::wide; e++) {
            acc[e] += __shfl_xor_sync(0xFFFFFFFFu, acc[e], d);
        }
    }
    // Permuted as in rows.cuh, for the banks' sake.
    if (lane < L) {
#pragma unroll
        for (int e = 0; e < F::wide; e += 4) {
            *reinterpret_cast<float4*>(&sums[warp][e * L + lane * 4]) =
                make_float4(acc[e], acc[e + 1], acc[e + 2], acc[e + 3]);
        }
    }
    __syncthreads();
    addSlices<TILE>(
        a, segment, last,
        [&](int i) {
            float v = 0.f;
#pragma unroll
            for (int w = 0; w < WARPS; w++) {
                v += sums[w][i];
            }
            return v;
        },
        [&](int i) { return tile * TILE + i / 4 % L * F::wide + i / (4 * L) * 4 + i % 4; });
}

/** The same of nibbles with many inputs, on the tensor cores. */
template <class F>
__device__ __forceinline__ void sparseGemvTiles(const SparseGemvColsArgs& a) {
    using T = ColumnTiles<F>;
    __shared__ typename T::Lists lists;
    __shared__ float4 sums[WARPS][T::TILE / 4];
    __shared__ float scratch[WARPS];
    __shared__ unsigned count;
    __shared__ bool last;

    if (threadIdx.x == 0) {
        count = 0;
    }
    Place p = place(a, T::TILE);
    const Segment& segment = a.segments[p.segment];
    int warp = threadIdx.x / 32;
    int lane = threadIdx.x % 32;

    launchDependents();
    waitForInputs();
    __syncthreads();
    float factor = a.in.mode == NORMED ? rmsFactor(a.in, scratch) : 1.f;
    int kept = T::compact(a.in, segment, factor, p.firstGroup, p.groups, lists);
    if (lane == 0 && p.tile == 0) {
        atomicAdd(&count, (unsigned) kept);
    }
    __syncthreads();
    if (segment.kept && p.tile == 0 && threadIdx.x == 0) {
        atomicAdd(segment.kept, count);
    }
    int width = padded(segment.outputs);
    // Lanes past the end repeat the last outputs.
    int output = min(p.tile * T::TILE + lane / 4 * T::LANE, width - T::LANE);
    size_t rowBytes = plane<F>(nullptr, width) - static_cast<const char*>(nullptr);
    float acc[T::LANE] = {};
    T::add(
        segment.matrix, plane<F>(segment.matrix.data, output) + p.firstGroup * 32 * rowBytes, rowBytes,
        (size_t) p.firstGroup * width + output, width, p.groups, lists, acc);
    sums[warp][lane] = T::overPlaces(acc);
    __syncthreads();
    addSlices<T::TILE>(
        a, segment, last,
        [&](int i) {
            float v = 0.f;
#pragma unroll
            for (int w = 0; w < WARPS; w++) {
                v += reinterpret_cast<const float*>(sums[w])[i];
            }
            return v;
        },
        [&](int i) { return p.tile * T::TILE + i; });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, GAMBIT_BLOCKS)
    GAMBIT_KERNEL(sparse_gemv_cols)(const __grid_constant__ SparseGemvColsArgs a) {
    if constexpr (forms::GAMBIT_FORM::tiles) {
        sparseGemvTiles<forms::GAMBIT_FORM>(a);
    } else {
        sparseGemvCols<forms::GAMBIT_FORM, 32>(a);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 2)
    GAMBIT_KERNEL(sparse_gemv_cols_narrow)(const __grid_constant__ SparseGemvColsArgs a) {
    sparseGemvCols<forms::GAMBIT_FORM, 4>(a);
}
