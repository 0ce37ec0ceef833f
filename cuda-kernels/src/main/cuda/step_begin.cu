// Begins a decode step: takes the host's next command out of the ring in pinned memory, so that launching a graph is all
// that the host does, turns the position into the angles of the rotary embedding and looks up the token's embedding. One
// block.
// ptx sets: compute_80
#include "planes.cuh"
#include "step.cuh"

namespace {

constexpr int THREADS = 512;

template <int PLANE>
__device__ __forceinline__ void begin(
    Step* step, const Command* commands, int slots, const double* frequency, int pairs, float* cosine, float* sine,
    int* counters, int counterCount, const Planes& m, float* hidden) {
    __shared__ Command c;
    const int words = sizeof(Command) / 4;
    uint32_t taken = step->taken;
    if (threadIdx.x < words) {
        const volatile int* from = reinterpret_cast<const volatile int*>(commands + taken % slots);
        reinterpret_cast<int*>(&c)[threadIdx.x] = from[threadIdx.x];
    }
    for (int i = threadIdx.x; i < counterCount; i += THREADS) {
        counters[i] = 0;
    }
    __syncthreads();
    int token = c.token < 0 ? step->picked : c.token;
    __syncthreads();
    if (threadIdx.x == 0) {
        c.token = token;
        step->command = c;
        step->taken = taken + 1;
    }
    for (int i = threadIdx.x; i < pairs; i += THREADS) {
        // In double, because a position times a frequency needs more digits than a float has.
        double s, k;
        sincos(c.position * frequency[i], &s, &k);
        cosine[i] = static_cast<float>(k);
        sine[i] = static_cast<float>(s);
    }
    for (int i = threadIdx.x * 4; i < m.inputs; i += THREADS * 4) {
        float w[4];
        rowWeights4<PLANE>(m, token, i, w);
#pragma unroll
        for (int j = 0; j < 4; j++) {
            if (i + j < m.inputs) {
                hidden[i + j] = w[j];
            }
        }
    }
}

}  // namespace

// frequency [pairs]; cosine, sine [pairs] receive the angles; counters [counterCount] are set to zero; hidden [inputs].
#define BEGIN(NAME, PLANE)                                                                                              \
    extern "C" __global__ void __launch_bounds__(THREADS) step_begin_##NAME(                                            \
        Step* step, const Command* commands, int slots, const double* frequency, int pairs, float* cosine, float* sine, \
        int* counters, int counterCount, const uint8_t* data, const uint8_t* scales, const uint8_t* mins,               \
        int scaleType, int zero, int group, int inputs, int outputs, float* hidden) {                                   \
        begin<PLANE>(step, commands, slots, frequency, pairs, cosine, sine, counters, counterCount,                     \
                     Planes{data, scales, mins, scaleType, zero, group, inputs, outputs}, hidden);                      \
    }

BEGIN(f32, PLANE_F32)
BEGIN(f16, PLANE_F16)
BEGIN(bf16, PLANE_BF16)
BEGIN(i8, PLANE_I8)
BEGIN(u4, PLANE_U4)
