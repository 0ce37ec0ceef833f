// How the row kernels read their input: all of it, normed, masked and counted, by each block.
#pragma once
#include "block.cuh"

/** What is kept of an input: |x_i| > thresholds[i * stride]; null keeps all. */
struct Mask {
    const float* thresholds;
    int stride;
};

/** Four floats from i on, each so many apart; what lies past the end is given. */
template <bool ALIGNED>
__device__ __forceinline__ float4 four(const float* x, int stride, int i, int n, float past) {
    if (ALIGNED) {
        return i < n ? *reinterpret_cast<const float4*>(x + i) : make_float4(past, past, past, past);
    }
    auto at = [&](int e) { return i + e < n ? x[(size_t) (i + e) * stride] : past; };
    return make_float4(at(0), at(1), at(2), at(3));
}

/** See below; where ALIGNED, the number of inputs is a multiple of 4 and thresholds, one each, are aligned to 16 bytes. */
template <bool ALIGNED, class Emit>
__device__ __forceinline__ float forInputs(
    const Input& in, Mask mask, int end, float (&scratch)[WARPS], int& kept, Emit emit) {
    constexpr int STEP = THREADS * 4;
    constexpr int ROUND = AHEAD * STEP;
    int n = in.inputs;
    bool normed = in.mode == NORMED;
    bool masked = mask.thresholds != nullptr;
    float factor = 1.f;
    if (masked && normed && end > ROUND) {
        factor = rmsFactor(in, scratch);
        __syncthreads();
    }
    float squares = 0.f;
    for (int start = 0; start < end; start += ROUND) {
        int base = start + threadIdx.x * 4;
        float4 x[AHEAD];
        float4 w[AHEAD];
        float4 t[AHEAD];
        // All loads first.
#pragma unroll
        for (int u = 0; u < AHEAD; u++) {
            x[u] = make_float4(0.f, 0.f, 0.f, 0.f);
            w[u] = x[u];
            if (start + u * STEP < end) {
                x[u] = four<ALIGNED>(in.x, 1, base + u * STEP, n, 0.f);
                if (normed) {
                    w[u] = four<ALIGNED>(in.other, 1, base + u * STEP, n, 0.f);
                }
                if (masked) {
                    t[u] = four<ALIGNED>(mask.thresholds, mask.stride, base + u * STEP, n, __int_as_float(0x7F800000));
                }
            }
        }
        if (normed) {
#pragma unroll
            for (int u = 0; u < AHEAD; u++) {
                squares += x[u].x * x[u].x + x[u].y * x[u].y + x[u].z * x[u].z + x[u].w * x[u].w;
                x[u] = make_float4(x[u].x * w[u].x, x[u].y * w[u].y, x[u].z * w[u].z, x[u].w * w[u].w);
            }
            if (masked && end <= ROUND) {
                // All of the input is here.
                factor = 1.f / sqrtf(blockSum(squares, scratch) / n + in.epsilon);
            }
        }
#pragma unroll
        for (int u = 0; u < AHEAD; u++) {
            if (start + u * STEP >= end) {
                break;
            }
            float4 v = x[u];
            if (masked) {
                auto keep = [&](float& e, float threshold) {
                    bool above = fabsf(e * factor) > threshold;
                    kept += above;
                    e = above ? e : 0.f;
                };
                keep(v.x, t[u].x);
                keep(v.y, t[u].y);
                keep(v.z, t[u].z);
                keep(v.w, t[u].w);
            }
            emit(base + u * STEP, v);
        }
    }
    if (normed && !masked) {
        return 1.f / sqrtf(blockSum(squares, scratch) / n + in.epsilon);
    }
    __syncthreads();
    return factor;
}

/**
 * Gives each four neighbouring inputs to emit(i, float4), which all threads of a warp call together, for i up to end (0 past the
 * inputs); masked ones are 0. Normed inputs lack the norm's factor, which is returned: it remains to be multiplied with each
 * product, so that without a mask it need not be known to start. The block is synchronised at the end.
 *
 * @param kept incremented by how many of this thread's inputs the mask keeps
 */
template <class Emit>
__device__ __forceinline__ float forInputs(
    const Input& in, Mask mask, int end, float (&scratch)[WARPS], int& kept, Emit emit) {
    bool aligned = in.inputs % 4 == 0
        && (!mask.thresholds || (mask.stride == 1 && reinterpret_cast<size_t>(mask.thresholds) % 16 == 0));
    return aligned ? forInputs<true>(in, mask, end, scratch, kept, emit)
                   : forInputs<false>(in, mask, end, scratch, kept, emit);
}
