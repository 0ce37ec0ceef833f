// Begins a decode step: takes the host's next command out of the ring in pinned memory, so that launching a graph is all
// that the host does, and turns the position into the angles of the rotary embedding. One block.
#include "step.cuh"

extern "C" __global__ void step_begin(
    Step* __restrict__ step,
    const Command* commands,             // [slots], pinned host memory
    int slots,
    const double* __restrict__ frequency,  // [pairs]
    int pairs,
    float* __restrict__ cosine,          // [pairs]
    float* __restrict__ sine,            // [pairs]
    int* __restrict__ counters,          // [counterCount], set to zero
    int counterCount) {
    __shared__ Command c;
    letNextStart();
    awaitPrevious();
    const int words = sizeof(Command) / 4;
    uint32_t taken = step->taken;
    if (threadIdx.x < words) {
        const volatile int* from = reinterpret_cast<const volatile int*>(commands + taken % slots);
        reinterpret_cast<int*>(&c)[threadIdx.x] = from[threadIdx.x];
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        if (c.token < 0) {
            c.token = step->picked;
        }
        step->command = c;
        step->taken = taken + 1;
    }
    for (int i = threadIdx.x; i < pairs; i += blockDim.x) {
        // In double, because a position times a frequency needs more digits than a float has.
        double s, k;
        sincos(c.position * frequency[i], &s, &k);
        cosine[i] = static_cast<float>(k);
        sine[i] = static_cast<float>(s);
    }
    for (int i = threadIdx.x; i < counterCount; i += blockDim.x) {
        counters[i] = 0;
    }
}
