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

namespace {

/** Activations of N neighbouring channels. */
template <class F, int N>
__device__ __forceinline__ void gate(
    const FfnGateUpArgs& a, const float* xs, int begin, int channel, int spans, float factor, float* act) {
    int row[N];
#pragma unroll
    for (int r = 0; r < N; r++) {
        row[r] = begin + channel + r;
    }
    float sum[N];
    Rows<F>::template dot<N>(a.gate, row, a.in.inputs, xs, 0, spans, sum);
#pragma unroll
    for (int r = 0; r < N; r++) {
        if (threadIdx.x % 32 == r) {
            float bias = a.gateBias ? a.gateBias[row[r]] : 0.f;
            act[channel + r] = activate(sum[r] * factor + bias, a.activation);
        }
    }
}

/** Outputs of N channels of the list. */
template <class F, int N>
__device__ __forceinline__ void up(
    const FfnGateUpArgs& a, const float* xs, int begin, const short* list, int spans, float factor, const float* act) {
    int row[N];
#pragma unroll
    for (int r = 0; r < N; r++) {
        row[r] = begin + list[r];
    }
    float sum[N];
    Rows<F>::template dot<N>(a.up, row, a.in.inputs, xs, 0, spans, sum);
#pragma unroll
    for (int r = 0; r < N; r++) {
        if (threadIdx.x % 32 == r) {
            float bias = a.upBias ? a.upBias[row[r]] : 0.f;
            a.out[row[r]] = act[list[r]] * (sum[r] * factor + bias);
        }
    }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS) GAMBIT_KERNEL(ffn_gate_up)(const __grid_constant__ FfnGateUpArgs a) {
    using F = forms::GAMBIT_FORM;
    using R = Rows<F>;
    constexpr int N = F::rows;
    extern __shared__ float4 shared[];
    __shared__ float scratch[WARPS];
    __shared__ float act[SLICE];
    __shared__ short list[SLICE];
    __shared__ int listed;

    float* xs = reinterpret_cast<float*>(shared);
    bool masksUp = a.upInThresholds != nullptr;
    bool apart = a.gate.data && (masksUp || a.gateInThresholds);
    int begin = (int) ((long long) a.channels * blockIdx.x / gridDim.x);
    int count = (int) ((long long) a.channels * (blockIdx.x + 1) / gridDim.x) - begin;
    int warp = threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    int spans = R::spans(a.in.inputs);

    launchDependents();
    int from = count * warp / WARPS;
    int to = count * (warp + 1) / WARPS;
    if (a.gate.data && from < to) {
        R::prefetch(a.gate, begin + from, min(N, to - from), a.in.inputs);
    }
    waitForInputs();
    float factor = 1.f;
    if (a.gate.data) {
        factor = R::stage(a.in, a.gateInThresholds, a.gateInStride, xs, scratch);
        int c = from;
        for (; c + N <= to; c += N) {
            gate<F, N>(a, xs, begin, c, spans, factor, act);
        }
        for (; c < to; c++) {
            gate<F, 1>(a, xs, begin, c, spans, factor, act);
        }
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
        factor = R::stage(a.in, a.upInThresholds, a.upInStride, xs, scratch);
    } else {
        __syncthreads();
    }
    int n = listed;
    int k = n * warp / WARPS;
    int end = n * (warp + 1) / WARPS;
    for (; k + N <= end; k += N) {
        up<F, N>(a, xs, begin, list + k, spans, factor, act);
    }
    for (; k < end; k++) {
        up<F, 1>(a, xs, begin, list + k, spans, factor, act);
    }
}
