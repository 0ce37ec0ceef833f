// Products with columns of nibbles on the tensor cores: a warp multiplies the kept ones of four groups of inputs, of 128 outputs.
//
// As in tiles.cuh: mma.m16n8k16 with weights as the left side, which become half floats exactly, and an input as the right side,
// the sum of two halves, scaled by a power of two for each group. A lane (g, t) holds 16 outputs' weights of four kept inputs of
// the t-th group; of the right side's 8 columns it is given 2t and 2t + 1, so it ends up with the sums of its own inputs, which
// its own group's scales are for.
#pragma once
#include "block.cuh"
#include "half.cuh"

template <class F>
struct ColumnTiles {
    /** Outputs of a lane, and of a warp and block. */
    static constexpr int LANE = 16;
    static constexpr int TILE = 8 * LANE;
    /** Words of a lane's outputs of one input. */
    static constexpr int W = 2;
    /** Inputs of a group. */
    static constexpr int G = 32;
    /** Inputs of a slice at most. */
    static constexpr int SLICE = 2048;

    /** A slice's kept inputs: those of a group lie from its first slot on, four at a time; what is missing has no input. */
    struct alignas(16) Lists {
        /** From the slice's first input; -1 for none. */
        short input[SLICE];
        /** High and low halves. */
        __half part[2][SLICE];
        /** [groups]: what halves are multiplied with, the sum of the kept inputs, how many there are. */
        float scale[SLICE / G];
        float sum[SLICE / G];
        unsigned char kept[SLICE / G];
    };

    /** Lists what is kept of inputs 32 * firstGroup ...; a group of 32 at a time for each warp. Returns this warp's count. */
    __device__ static int compact(const Input& in, const Segment& s, float factor, int firstGroup, int groups, Lists& lists) {
        constexpr int MOST = SLICE / 32 / WARPS;
        int warp = threadIdx.x / 32;
        int lane = threadIdx.x % 32;
        // All loads first: a vote would make each wait for the one before.
        float v[MOST];
        float other[MOST];
        float t[MOST];
#pragma unroll
        for (int j = 0; j < MOST; j++) {
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
        int all = 0;
#pragma unroll
        for (int j = 0; j < MOST; j++) {
            int g = warp + j * WARPS;
            if (g >= groups) {
                break;
            }
            if (in.mode != PLAIN) {
                v[j] = (in.mode == NORMED ? v[j] * factor : activate(v[j], in.activation)) * other[j];
            }
            bool keep = fabsf(v[j]) > t[j];
            unsigned ballot = __ballot_sync(0xFFFFFFFFu, keep);
            all += __popc(ballot);
            unsigned most = keep ? __float_as_uint(fabsf(v[j])) : 0;
            float sum = keep ? v[j] : 0.f;
#pragma unroll
            for (int d = 1; d < G; d <<= 1) {
                most = max(most, __shfl_xor_sync(0xFFFFFFFFu, most, d));
                if constexpr (F::hasMin) {
                    sum += __shfl_xor_sync(0xFFFFFFFFu, sum, d);
                }
            }
            // The largest entry becomes 2^14 ... 2^15.
            int exponent = max(15, (int) (most >> 23));
            float scaled = v[j] * __int_as_float((268 - exponent) << 23);
            __half high = __float2half_rn(scaled);
            __half low = __float2half_rn(scaled - __half2float(high));
            int first = g * G;
            int n = __popc(ballot);
            if (keep) {
                int at = first + __popc(ballot & ((1u << lane) - 1));
                lists.input[at] = (short) (g * 32 + lane);
                lists.part[0][at] = high;
                lists.part[1][at] = low;
            }
            if (lane >= n && lane < (n + 3) / 4 * 4) {
                lists.input[first + lane] = -1;
                lists.part[0][first + lane] = __ushort_as_half(0);
                lists.part[1][first + lane] = __ushort_as_half(0);
            }
            if (lane == 0) {
                lists.kept[g] = (unsigned char) n;
                lists.scale[g] = __int_as_float((exponent - 14) << 23);
                lists.sum[g] = sum;
            }
        }
        return all;
    }

    /** Four kept inputs' weights, and the right side. */
    struct Step {
        uint32_t raw[4][W];
        uint2 right;
    };

    /** A lane's scales or minima of a group, as they are. */
    struct Scales {
        static constexpr int BYTES = F::scale == Scale::HALF ? 2 : 4;
        static constexpr int WORDS = LANE * BYTES / 16;
        uint4 raw[WORDS];

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

    __device__ __forceinline__ static void multiply(const Step& s, float (&c)[LANE / 2][4]) {
#pragma unroll
        for (int w = 0; w < W; w++) {
#pragma unroll
            for (int i = 0; i < 2; i++) {
                // Outputs 8w + 4i ... 8w + 4i + 3, of two inputs each.
                int which = i == 0 ? 0x5410 : 0x7632;
                uint32_t first[4];
                uint32_t second[4];
                Half::fromNibbles<F::zero>(__byte_perm(s.raw[0][w], s.raw[1][w], which), first);
                Half::fromNibbles<F::zero>(__byte_perm(s.raw[2][w], s.raw[3][w], which), second);
#pragma unroll
                for (int e = 0; e < 4; e += 2) {
                    Half::multiply(
                        c[4 * w + 2 * i + e / 2], first[e], first[e + 1], second[e], second[e + 1], s.right.x, s.right.y);
                }
            }
        }
    }

    /**
     * Adds the products of the listed inputs: a warp takes four groups at a time, or a part of their inputs where there are fewer
     * of those than warps.
     *
     * @param data the slice's first input, this lane's outputs
     * @param scales index of the first group's scale of these outputs
     */
    __device__ __forceinline__ static void add(
        const Matrix& m, const char* data, size_t rowBytes, size_t scales, int width, int groups, const Lists& lists,
        float (&acc)[LANE]) {
        int warp = threadIdx.x / 32;
        int lane = threadIdx.x % 32;
        int g = lane / 4;
        int t = lane % 4;
        bool has = g / 2 == t;
        int rounds = (groups + 3) / 4;
        // Warps that share four groups' inputs, four inputs in turn.
        int shift = rounds * 4 <= WARPS ? 2 : rounds * 2 <= WARPS ? 1 : 0;
        int share = 1 << shift;
        int units = rounds << shift;
        const __half* part = lists.part[g % 2];

        // A unit's group of this lane and its steps, and the most steps of the warp's lanes.
        auto steps = [&](int unit, int& group) {
            group = unit / share * 4 + t;
            int quads = group < groups ? (lists.kept[group] + 3) / 4 : 0;
            return max(0, (quads - unit % share + share - 1) >> shift);
        };
        auto next = [&](int unit, int& group, int& mine) {
            int most = 0;
            while (unit < units) {
                mine = steps(unit, group);
                most = max(mine, __shfl_xor_sync(0xFFFFFFFFu, mine, 1));
                most = max(most, __shfl_xor_sync(0xFFFFFFFFu, most, 2));
                if (most > 0) {
                    break;
                }
                unit += WARPS;
            }
            return make_int2(unit, most);
        };
        int loadGroup = 0;
        int loadMine = 0;
        int2 load = next(warp, loadGroup, loadMine);
        int loadStep = 0;
        int addGroup = loadGroup;
        int addMine = loadMine;
        int2 adding = load;
        int addStep = 0;

        auto loadNext = [&](Step& s) {
            if (load.x >= units) {
                return;
            }
            bool inside = loadStep < loadMine;
            int slot = loadGroup * G + ((loadStep << shift) + load.x % share) * 4;
            s.right = make_uint2(0, 0);
            short4 input = make_short4(-1, -1, -1, -1);
            if (inside) {
                input = *reinterpret_cast<const short4*>(lists.input + slot);
                if (has) {
                    s.right = *reinterpret_cast<const uint2*>(part + slot);
                }
            }
            const int inputs[4] = {input.x, input.y, input.z, input.w};
#pragma unroll
            for (int k = 0; k < 4; k++) {
#pragma unroll
                for (int w = 0; w < W; w++) {
                    s.raw[k][w] = 0;
                }
                if (inputs[k] >= 0) {
                    const char* from = data + inputs[k] * rowBytes;
                    uint2 v = loadOnce8(from);
                    s.raw[k][0] = v.x;
                    s.raw[k][1] = v.y;
                }
            }
            if (++loadStep >= load.y) {
                loadStep = 0;
                load = next(load.x + WARPS, loadGroup, loadMine);
            }
        };
        float c[LANE / 2][4] = {};
        auto addNext = [&](const Step& s) {
            multiply(s, c);
            if (++addStep < adding.y) {
                return;
            }
            addStep = 0;
            float factor = addMine > 0 ? lists.scale[addGroup] : 0.f;
            int group = min(addGroup, groups - 1);
            Scales scale;
            scale.load(m.scales, scales + (size_t) group * width);
#pragma unroll
            for (int e = 0; e < LANE; e++) {
                acc[e] += scale.at(e) * (factor * (c[e / 2][e % 2 * 2] + c[e / 2][e % 2 * 2 + 1]));
                c[e / 2][e % 2 * 2] = 0.f;
                c[e / 2][e % 2 * 2 + 1] = 0.f;
            }
            if constexpr (F::hasMin) {
                // The sum belongs to the first of the warps that share a group.
                float sum = addMine > 0 && adding.x % share == 0 ? lists.sum[addGroup] : 0.f;
                scale.load(m.mins, scales + (size_t) group * width);
#pragma unroll
                for (int e = 0; e < LANE; e++) {
                    acc[e] += scale.at(e) * sum;
                }
            }
            adding = next(adding.x + WARPS, addGroup, addMine);
        };
        Step a;
        Step b;
        loadNext(a);
        while (adding.x < units) {
            loadNext(b);
            addNext(a);
            if (adding.x >= units) {
                break;
            }
            loadNext(a);
            addNext(b);
        }
    }

    /** Adds up over the warp's four places; lane (g, t) is left with outputs 4t ... 4t + 3 of its 16. */
    __device__ __forceinline__ static float4 overPlaces(float (&acc)[LANE]) {
        int t = threadIdx.x % 4;
        float half[LANE / 2];
#pragma unroll
        for (int e = 0; e < LANE / 2; e++) {
            bool upper = t & 2;
            float sent = upper ? acc[e] : acc[e + LANE / 2];
            half[e] = (upper ? acc[e + LANE / 2] : acc[e]) + __shfl_xor_sync(0xFFFFFFFFu, sent, 2);
        }
        float out[LANE / 4];
#pragma unroll
        for (int e = 0; e < LANE / 4; e++) {
            bool upper = t & 1;
            float sent = upper ? half[e] : half[e + LANE / 4];
            out[e] = (upper ? half[e + LANE / 4] : half[e]) + __shfl_xor_sync(0xFFFFFFFFu, sent, 1);
        }
        return make_float4(out[0], out[1], out[2], out[3]);
    }
};
