// h = act(G n) * (U n): a block owns a slice of channels, finds the kept ones by their gate and reads only their rows of up.
#include "rows.cuh"

struct FfnGateUpArgs {
    Input in;
    /** Null data: gate holds the activations already. */
    Matrix gate;
    Matrix up;
    const float* gateBias;
    const float* upBias;
    /** [channels] of act(gate), read where the gate's matrix is null. */
    const float* activations;
    /** FFN_ACT: kept iff |act(gate_i)| > t_i; null keeps all. */
    const float* thresholds;
    /** GATE_IN, UP_IN: masked inputs count as 0; may be null. */
    const float* gateInThresholds;
    const float* upInThresholds;
    /** [channels]; 0 for those that are skipped. */
    float* out;
    unsigned* kept;
    int channels;
    int stride;
    int gateInStride;
    int upInStride;
    int activation;
};

constexpr int SLICE = 1024;

extern "C" __global__ void __launch_bounds__(THREADS, 2) GAMBIT_KERNEL(ffn_gate_up)(const __grid_constant__ FfnGateUpArgs a) {
    using F = forms::GAMBIT_FORM;
    using R = RowProducts<F>;
    extern __shared__ float4 shared[];
    __shared__ float scratch[WARPS];
    __shared__ float act[SLICE];
    __shared__ short list[SLICE];
    __shared__ int listed;
    __shared__ typename R::Parts parts;

    float* xs = reinterpret_cast<float*>(shared);
    bool masksUp = a.upInThresholds != nullptr;
    bool apart = a.gate.data && (masksUp || a.gateInThresholds);
    int begin = (int) ((long long) a.channels * blockIdx.x / gridDim.x);
    int count = (int) ((long long) a.channels * (blockIdx.x + 1) / gridDim.x) - begin;
    int warp = threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    Mask gateMask = {a.gateInThresholds, a.gateInStride};
    Mask upMask = {a.upInThresholds, a.upInStride};
    int masked = 0;

    launchDependents();
    if (a.gate.data) {
        R::prefetchBlock(a.gate, begin, count, a.in.inputs);
    }
    waitForInputs();
    float factor = 1.f;
    if (a.gate.data) {
        factor = R::stage(a.in, gateMask, xs, scratch, masked);
        R::blockProducts(
            count, a.in.inputs, xs, parts,
            [&](int k, Matrix& m, int& row) {
                m = a.gate;
                row = begin + k;
            },
            [&](int k, float sum) {
                float bias = a.gateBias ? a.gateBias[begin + k] : 0.f;
                act[k] = activate(sum * factor + bias, a.activation);
            });
    } else {
        for (int c = threadIdx.x; c < count; c += THREADS) {
            act[c] = a.activations[begin + c];
        }
    }
    __syncthreads();
    if (warp == 0) {
        int n = 0;
        for (int base = 0; base < count; base += 32) {
            int c = base + lane;
            bool keep = c < count
                && (!a.thresholds || fabsf(act[c]) > a.thresholds[(size_t) (begin + c) * a.stride]);
            unsigned ballot = __ballot_sync(0xFFFFFFFFu, keep);
            if (keep) {
                list[n + __popc(ballot & ((1u << lane) - 1))] = (short) c;
            } else if (c < count) {
                a.out[begin + c] = 0.f;
            }
            n += __popc(ballot);
        }
        if (lane == 0) {
            listed = n;
            if (a.kept) {
                atomicAdd(a.kept, (unsigned) n);
            }
        }
    }
    if (apart || !a.gate.data) {
        factor = R::stage(a.in, upMask, xs, scratch, masked);
    } else {
        __syncthreads();
    }
    R::blockProducts(
        listed, a.in.inputs, xs, parts,
        [&](int k, Matrix& m, int& row) {
            m = a.up;
            row = begin + list[k];
        },
        [&](int k, float sum) {
            int row = begin + list[k];
            float bias = a.upBias ? a.upBias[row] : 0.f;
            a.out[row] = act[list[k]] * (sum * factor + bias);
        });
}
