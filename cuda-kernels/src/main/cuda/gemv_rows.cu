// y = W f(x) + b for up to three matrices of one input, rows layout, dense.
#include "rows.cuh"

struct GemvRowsArgs {
    Input in;
    Segment segments[MAX_SEGMENTS];
    /** Entries of the input that count as 0 where |x_i| is not above; for all matrices. May be null. */
    const float* thresholds;
    unsigned* kept;
    int stride;
    int segmentCount;
    /** 1, 2, 4 or 8 warps share F::rows rows. */
    int warpsPerRow;
};

extern "C" __global__ void __launch_bounds__(THREADS) GAMBIT_KERNEL(gemv_rows)(const __grid_constant__ GemvRowsArgs a) {
    using F = forms::GAMBIT_FORM;
    using R = Rows<F>;
    constexpr int N = F::rows;
    extern __shared__ float4 shared[];
    float* xs = reinterpret_cast<float*>(shared);
    __shared__ float scratch[WARPS];
    __shared__ float parts[WARPS][N];

    launchDependents();
    int ahead = (blockIdx.x * WARPS + threadIdx.x / 32) / a.warpsPerRow * N;
    if (ahead < a.segments[0].outputs) {
        R::prefetch(a.segments[0].matrix, ahead, min(N, a.segments[0].outputs - ahead), a.in.inputs);
    }
    waitForInputs();
    float factor = R::stage(a.in, a.thresholds, a.stride, xs, scratch);

    int warp = threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    if (a.kept && blockIdx.x == 0) {
        int count = 0;
        for (int i = threadIdx.x; i < a.in.inputs; i += THREADS) {
            count += xs[R::permuted(i)] != 0.f;
        }
        count = __reduce_add_sync(0xFFFFFFFFu, count);
        if (lane == 0) {
            atomicAdd(a.kept, (unsigned) count);
        }
    }
    int part = warp % a.warpsPerRow;
    int groups = WARPS / a.warpsPerRow;
    int spans = R::spans(a.in.inputs);
    int first = spans * part / a.warpsPerRow;
    int last = spans * (part + 1) / a.warpsPerRow;
    int units = 0;
    for (int s = 0; s < a.segmentCount; s++) {
        units += (a.segments[s].outputs + N - 1) / N;
    }
    for (int base = blockIdx.x * groups; base < units; base += gridDim.x * groups) {
        int unit = base + warp / a.warpsPerRow;
        bool active = unit < units;
        int s = 0;
        while (active && unit >= (a.segments[s].outputs + N - 1) / N) {
            unit -= (a.segments[s].outputs + N - 1) / N;
            s++;
        }
        const Segment& segment = a.segments[s];
        float sum[N];
        if (active) {
            int row[N];
#pragma unroll
            for (int r = 0; r < N; r++) {
                row[r] = min(unit * N + r, segment.outputs - 1);
            }
            R::template dot<N>(segment.matrix, row, a.in.inputs, xs, first, last, sum);
        }
        if (a.warpsPerRow > 1) {
            if (active && lane == 0) {
#pragma unroll
                for (int r = 0; r < N; r++) {
                    parts[warp][r] = sum[r];
                }
            }
            __syncthreads();
            if (active && part == 0 && lane < N && unit * N + lane < segment.outputs) {
                float v = 0.f;
                for (int p = 0; p < a.warpsPerRow; p++) {
                    v += parts[warp + p][lane];
                }
                store(segment, unit * N + lane, v * factor);
            }
            __syncthreads();
        } else if (active && lane < N && unit * N + lane < segment.outputs) {
            float v = sum[0];
#pragma unroll
            for (int r = 1; r < N; r++) {
                v = lane == r ? sum[r] : v;
            }
            store(segment, unit * N + lane, v * factor);
        }
    }
}
