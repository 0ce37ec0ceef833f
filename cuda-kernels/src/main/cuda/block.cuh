// What the products share: their parameters, sums over a block, the wait for the kernel before.
#pragma once
#include "weights.cuh"

constexpr int WARPS = 8;
constexpr int THREADS = 32 * WARPS;
constexpr int MAX_SEGMENTS = 3;

enum InputMode { PLAIN = 0, NORMED = 1, ACTIVATED = 2 };
enum Activation { NONE = 0, SILU = 1, RELU = 2, GELU = 3 };

/** A weight matrix: see the README for the layouts. */
struct Matrix {
    const void* data;
    const void* scales;
    const void* mins;
};

/** The vector that matrices are multiplied with. */
struct Input {
    /** [inputs]; the gate's products for ACTIVATED. */
    const float* x;
    /** [inputs]: the norm's weights for NORMED, up's products for ACTIVATED. */
    const float* other;
    int mode;
    /** Added to the mean square by NORMED. */
    float epsilon;
    int activation;
    int inputs;
};

/** One matrix of a launch, and what happens to its product. */
struct Segment {
    Matrix matrix;
    /** A channel i is kept iff |x_i| > thresholds[i * stride]; null keeps all. */
    const float* thresholds;
    const float* bias;
    float* out;
    /** Incremented by the number of kept channels; may be null. */
    unsigned* kept;
    int outputs;
    int stride;
    /** Whether the product is added to out. */
    int accumulate;
    int activation;
};

/** Lets the next kernel of the stream be launched before this one ends, where both sides ask for it. */
__device__ __forceinline__ void launchDependents() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

/** Waits for the end of the kernel before. Nothing that kernels write may be read or written earlier. */
__device__ __forceinline__ void waitForInputs() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

__device__ __forceinline__ float activate(float v, int activation) {
    switch (activation) {
        case SILU:
            return v / (1.f + expf(-v));
        case RELU:
            return fmaxf(v, 0.f);
        case GELU:
            return 0.5f * v * (1.f + tanhf(0.7978845608f * (v + 0.044715f * v * v * v)));
        default:
            return v;
    }
}

__device__ __forceinline__ float warpSum(float v) {
#pragma unroll
    for (int d = 16; d > 0; d >>= 1) {
        v += __shfl_xor_sync(0xFFFFFFFFu, v, d);
    }
    return v;
}

/** The sum over the block, the same bits in every thread. */
__device__ __forceinline__ float blockSum(float v, float (&scratch)[WARPS]) {
    v = warpSum(v);
    if (threadIdx.x % 32 == 0) {
        scratch[threadIdx.x / 32] = v;
    }
    __syncthreads();
    float sum = 0.f;
#pragma unroll
    for (int w = 0; w < WARPS; w++) {
        sum += scratch[w];
    }
    return sum;
}

/** Four inputs from i on; 0 past the end. The vector must be aligned to 16 bytes and i a multiple of 4. */
__device__ __forceinline__ float4 load4(const float* x, int i, int n) {
    if (n % 4 == 0) {
        return i < n ? *reinterpret_cast<const float4*>(x + i) : make_float4(0.f, 0.f, 0.f, 0.f);
    }
    return make_float4(
        i < n ? x[i] : 0.f, i + 1 < n ? x[i + 1] : 0.f, i + 2 < n ? x[i + 2] : 0.f, i + 3 < n ? x[i + 3] : 0.f);
}

/** Loads of a thread that are under way together, where a block reads a vector. */
constexpr int AHEAD = 4;

/** The factor of the RMS norm, the same bits in every thread and block. */
__device__ __forceinline__ float rmsFactor(const Input& in, float (&scratch)[WARPS]) {
    float squares = 0.f;
    for (int base = threadIdx.x * 4; base < in.inputs; base += AHEAD * THREADS * 4) {
        float4 v[AHEAD];
#pragma unroll
        for (int u = 0; u < AHEAD; u++) {
            v[u] = load4(in.x, base + u * THREADS * 4, in.inputs);
        }
#pragma unroll
        for (int u = 0; u < AHEAD; u++) {
            squares += v[u].x * v[u].x + v[u].y * v[u].y + v[u].z * v[u].z + v[u].w * v[u].w;
        }
    }
    return 1.f / sqrtf(blockSum(squares, scratch) / in.inputs + in.epsilon);
}

/** Stores a product. */
__device__ __forceinline__ void store(const Segment& s, int output, float v) {
    if (s.bias) {
        v += s.bias[output];
    }
    v = activate(v, s.activation);
    s.out[output] = s.accumulate ? s.out[output] + v : v;
}
