// Products with columns of unquantised weights and bytes: the list of a slice's kept inputs, and a lane's sums over a part of it.
#pragma once
#include "block.cuh"

/** Groups of 32 inputs in a slice at most. */
constexpr int GROUPS = 64;
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

/** Compacts the inputs of this warp's groups into a list of its own, so that no warp waits for another; returns how many. */
__device__ __forceinline__ int compactOwn(
    const Input& in, const Segment& s, float factor, int firstGroup, int groups, Kept* list) {
    int warp = threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    float v[GROUPS / WARPS];
    float other[GROUPS / WARPS];
    float t[GROUPS / WARPS];
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
    int n = 0;
#pragma unroll
    for (int j = 0; j < GROUPS / WARPS; j++) {
        if (warp + j * WARPS >= groups) {
            break;
        }
        if (in.mode != PLAIN) {
            v[j] = (in.mode == NORMED ? v[j] * factor : activate(v[j], in.activation)) * other[j];
        }
        bool keep = fabsf(v[j]) > t[j];
        unsigned ballot = __ballot_sync(0xFFFFFFFFu, keep);
        if (keep) {
            list[n + __popc(ballot & ((1u << lane) - 1))] = {(firstGroup + warp + j * WARPS) * 32 + lane, v[j]};
        }
        n += __popc(ballot);
    }
    __syncwarp();
    return n;
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

/** Unquantised weights: entries begin ... end-1 of the list, FLIGHT of them under way. */
template <class F, int FLIGHT>
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

}  // namespace
