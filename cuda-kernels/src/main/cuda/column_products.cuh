// y = W f(x) + b for up to three matrices of one input, columns layout: only the kept inputs' weights are read.
//
// A block has a tile of outputs and a slice of the inputs: it tests its slice against the thresholds, compacts what is kept into
// shared memory, and its teams of L lanes share that list evenly. Kernels differ in how the slices' sums meet.
#pragma once
#include "column_tiles.cuh"
#include "columns.cuh"

struct SparseGemvColsArgs {
    Input in;
    Segment segments[MAX_SEGMENTS];
    /** [splits][tiles * outputs a tile] */
    float* partials;
    /** [tiles], all zero between launches */
    unsigned* tickets;
    int segmentCount;
};

namespace {

/** Which tile of which matrix a block has, and which of the input's groups of 32. */
struct Place {
    int segment;
    int tile;
    int firstGroup;
    int groups;
};

__device__ __forceinline__ Place place(const SparseGemvColsArgs& a, int tileOutputs, int tile, int slice, int slices) {
    Place p = {0, tile, 0, 0};
    while (p.tile >= (a.segments[p.segment].outputs + tileOutputs - 1) / tileOutputs) {
        p.tile -= (a.segments[p.segment].outputs + tileOutputs - 1) / tileOutputs;
        p.segment++;
    }
    int all = (a.in.inputs + 31) / 32;
    p.firstGroup = (int) ((long long) all * slice / slices);
    p.groups = (int) ((long long) all * (slice + 1) / slices) - p.firstGroup;
    return p;
}

/** How a block with few unquantised weights works, and one with many. */
enum class Size { SMALL, LARGE };

/** Blocks on a multiprocessor; what the registers have to leave room for. */
constexpr int blocks(bool quantised, Size size) {
    return quantised || size == Size::SMALL ? 2 : 3;
}

/**
 * A tile of L lanes' outputs for a slice of the inputs. `Slices` says which block has which and adds up what they make. In small
 * slices, waiting for a common list takes longer than an uneven share: each warp has its own there, and more under way.
 */
template <class F, int L, class Slices, Size SIZE>
__device__ __forceinline__ void sparseGemvCols(const SparseGemvColsArgs& a) {
    constexpr int TILE = L * F::wide;
    constexpr bool OWN = SIZE == Size::SMALL && !F::quantised;
    __shared__ Kept list[GROUPS * 32];
    __shared__ alignas(16) float sums[WARPS][TILE];
    __shared__ unsigned ballots[GROUPS];
    __shared__ short starts[2 * GROUPS + 1];
    __shared__ float scratch[WARPS];

    int warp = threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    Place p = Slices::place(a, TILE);
    int tile = p.tile;
    int firstGroup = p.firstGroup;
    const Segment& segment = a.segments[p.segment];

    Slices::begin();
    launchDependents();
    waitForInputs();
    float factor = a.in.mode == NORMED ? rmsFactor(a.in, scratch) : 1.f;
    Kept* entries = list + (OWN ? warp * (GROUPS / WARPS * 32) : 0);
    int kept = OWN ? compactOwn(a.in, segment, factor, firstGroup, p.groups, entries)
                   : compact(a.in, segment, factor, firstGroup, p.groups, list, ballots, starts);
    if (segment.kept && tile == 0 && (OWN ? lane : threadIdx.x) == 0) {
        atomicAdd(segment.kept, (unsigned) kept);
    }

    int width = padded(segment.outputs);
    int output = tile * TILE + lane % L * F::wide;
    float acc[F::wide] = {};
    if (output < width) {
        const char* data = plane<F>(segment.matrix.data, output);
        size_t rowBytes = plane<F>(nullptr, width) - static_cast<const char*>(nullptr);
        constexpr int TEAMS = (OWN ? 32 : THREADS) / L;
        int team = (OWN ? lane : threadIdx.x) / L;
        int begin = kept * team / TEAMS;
        int end = kept * (team + 1) / TEAMS;
        if constexpr (F::quantised) {
            addGroups<F>(
                segment.matrix, data, rowBytes, width, output, list, starts, firstGroup * 32, begin, end, acc);
        } else {
            addRows<F, SIZE == Size::SMALL ? 12 : 8>(data, rowBytes, entries, begin, end, acc);
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
    Slices::template add<TILE>(
        a, segment,
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
template <class F, class Slices>
__device__ __forceinline__ void sparseGemvTiles(const SparseGemvColsArgs& a) {
    using T = ColumnTiles<F>;
    __shared__ typename T::Lists lists;
    __shared__ float4 sums[WARPS][T::TILE / 4];
    __shared__ float scratch[WARPS];
    __shared__ unsigned count;

    if (threadIdx.x == 0) {
        count = 0;
    }
    Place p = Slices::place(a, T::TILE);
    const Segment& segment = a.segments[p.segment];
    int warp = threadIdx.x / 32;
    int lane = threadIdx.x % 32;

    Slices::begin();
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
    Slices::template add<T::TILE>(
        a, segment,
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
