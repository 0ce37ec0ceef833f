// Finds the likeliest tokens. Each block keeps the best of its slice of the logits; the block that comes last takes the best
// of all slices in order, hands the first to the next step and reports to the host. Equal logits rank by
// their token, the lowest first, as on the CPU; NaN and negative infinity do not take part.
// ptx sets: compute_80
#include "step.cuh"

namespace {

constexpr int THREADS = 256;
constexpr int MAX_SLICE = 1024;

// Greater keys rank first: the float's order in the upper half, the inverted token in the lower. 0 is no candidate.
__device__ uint64_t rankKey(float value, int token) {
    if (!(value > -INFINITY)) {
        return 0;
    }
    uint32_t bits = __float_as_uint(value == 0 ? 0.f : value);
    bits = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return static_cast<uint64_t>(bits) << 32 | static_cast<uint32_t>(~token);
}

__device__ float keyValue(uint64_t key) {
    uint32_t bits = static_cast<uint32_t>(key >> 32);
    return __uint_as_float(bits & 0x80000000u ? bits & 0x7fffffffu : ~bits);
}

__device__ uint64_t warpMax(uint64_t k) {
    for (int o = 16; o > 0; o /= 2) {
        uint64_t other = __shfl_xor_sync(0xffffffff, k, o);
        k = other > k ? other : k;
    }
    return k;
}

// What the host reads: written with the sequence number last.
struct Report {
    uint32_t sequence;  // the number of the step, from 1
    int count;          // candidates that follow
    int token;          // the likeliest; -1 where no logit is a number
    int pad;
};

// One warp. reports: [slots] of reportBytes each in pinned memory: Report, candidates' tokens, their logits, counters.
__device__ void reportBest(
    Step* step, const unsigned long long* best, int parts, int capacity, unsigned char* reports, int reportBytes,
    const int* counters, int counterCount) {
    constexpr int PER_LANE = 32;  // parts a lane looks after: 1024 in all
    const int lane = threadIdx.x;
    unsigned char* to = reports + static_cast<int64_t>(step->command.slot) * reportBytes;
    volatile Report* report = reinterpret_cast<volatile Report*>(to);
    volatile int* tokens = reinterpret_cast<volatile int*>(to + sizeof(Report));
    volatile float* values = reinterpret_cast<volatile float*>(tokens + capacity);
    volatile int* counts = reinterpret_cast<volatile int*>(values + capacity);
    const int wanted = min(step->command.candidates, capacity);
    for (int i = lane; i < counterCount; i += 32) {
        counts[i] = counters[i];
    }
    uint64_t head = 0;
    int headPart = -1;
    uint8_t next[PER_LANE];
#pragma unroll
    for (int j = 0; j < PER_LANE; j++) {
        next[j] = 0;
        int part = lane + 32 * j;
        uint64_t k = part < parts ? __ldcg(best + static_cast<int64_t>(part) * capacity) : 0;
        if (k > head) {
            head = k;
            headPart = j;
        }
    }
    int found = 0;
    int first = -1;
    for (int i = 0; i < wanted; i++) {
        uint64_t k = warpMax(head);
        if (k == 0) {
            break;
        }
        int token = static_cast<int>(~static_cast<uint32_t>(k));
        if (i == 0) {
            first = token;
        }
        if (lane == 0) {
            tokens[i] = token;
            values[i] = keyValue(k);
        }
        found++;
        if (head == k && i + 1 < wanted) {
            // This lane's best is taken: look for its next.
            head = 0;
            int taken = headPart;
#pragma unroll
            for (int j = 0; j < PER_LANE; j++) {
                if (j == taken) {
                    next[j]++;
                }
                int part = lane + 32 * j;
                uint64_t other = part < parts && next[j] < wanted
                                     ? __ldcg(best + static_cast<int64_t>(part) * capacity + next[j])
                                     : 0;
                if (other > head) {
                    head = other;
                    headPart = j;
                }
            }
        }
    }
    if (lane == 0) {
        step->picked = first < 0 ? 0 : first;
        report->count = found;
        report->token = first;
    }
    __threadfence_system();
    __syncwarp();
    if (lane == 0) {
        report->sequence = step->taken;
    }
}

}  // namespace

// Grid: ceil(vocabulary / slice) blocks, 1024 at most; slice is at most 1024. best: [blocks][capacity], each block's sorted
// candidates. ticket: 0 before and after.
extern "C" __global__ void __launch_bounds__(THREADS) pick(
    Step* step, const float* logits, int vocabulary, int slice, unsigned long long* best, int capacity,
    unsigned* ticket, unsigned char* reports, int reportBytes, const int* counters, int counterCount) {
    __shared__ uint64_t keys[MAX_SLICE];
    __shared__ uint64_t warps[THREADS / 32];
    __shared__ bool last;
    const int t = threadIdx.x;
    const int from = blockIdx.x * slice;
    const int wanted = min(step->command.candidates, capacity);
    if (wanted <= 1) {
        uint64_t k = 0;
        for (int i = t; i < slice && from + i < vocabulary; i += THREADS) {
            uint64_t other = rankKey(logits[from + i], from + i);
            k = other > k ? other : k;
        }
        k = warpMax(k);
        if (t % 32 == 0) {
            warps[t / 32] = k;
        }
        __syncthreads();
        if (t == 0) {
            for (int w = 1; w < THREADS / 32; w++) {
                k = warps[w] > k ? warps[w] : k;
            }
            best[static_cast<int64_t>(blockIdx.x) * capacity] = k;
        }
    } else {
        for (int i = t; i < MAX_SLICE; i += THREADS) {
            keys[i] = i < slice && from + i < vocabulary ? rankKey(logits[from + i], from + i) : 0;
        }
        // Bitonic sort, greatest first.
        for (int size = 2; size <= MAX_SLICE; size *= 2) {
            for (int step2 = size / 2; step2 > 0; step2 /= 2) {
                __syncthreads();
                for (int i = t; i < MAX_SLICE / 2; i += THREADS) {
                    int a = i / step2 * 2 * step2 + i % step2;
                    int b = a + step2;
                    bool descending = (a & size) == 0;
                    uint64_t x = keys[a];
                    uint64_t y = keys[b];
                    if ((x < y) == descending) {
                        keys[a] = y;
                        keys[b] = x;
                    }
                }
            }
        }
        __syncthreads();
        for (int i = t; i < wanted; i += THREADS) {
            best[static_cast<int64_t>(blockIdx.x) * capacity + i] = keys[i];
        }
    }
    __threadfence();
    __syncthreads();
    if (t == 0) {
        last = atomicAdd(ticket, 1u) == gridDim.x - 1;
        if (last) {
            *ticket = 0;
        }
    }
    __syncthreads();
    if (last && t < 32) {
        __threadfence();
        reportBest(step, best, gridDim.x, capacity, reports, reportBytes, counters, counterCount);
    }
}
