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
    int warp = threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    int part = warp % a.warpsPerRow;
    int teams = WARPS / a.warpsPerRow;
    int rows = 0;
    for (int s = 0; s < a.segmentCount; s++) {
        rows += a.segments[s].outputs;
    }
    // A team's rows are neighbours; all teams have as many, or one more.
    int team = blockIdx.x * teams + warp / a.warpsPerRow;
    int begin = (int) ((long long) rows * team / (gridDim.x * teams));
    int end = (int) ((long long) rows * (team + 1) / (gridDim.x * teams));
    int rounds = ((rows + gridDim.x * teams - 1) / (gridDim.x * teams) + N - 1) / N;
    if (part == 0 && begin < a.segments[0].outputs) {
        R::prefetch(a.segments[0].matrix, begin, min(N, a.segments[0].outputs - begin), a.in.inputs);
    }
    waitForInputs();
    float factor = R::stage(a.in, a.thresholds, a.stride, xs, scratch);

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
    int spans = R::spans(a.in.inputs);
    int first = spans * part / a.warpsPerRow;
    int last = spans * (part + 1) / a.warpsPerRow;
    for (int round = 0; round < rounds; round++) {
        int row = begin + round * N;
        int count = 0;
        int s = 0;
        float sum[N] = {};
        if (row < end) {
            while (row >= a.segments[s].outputs) {
                row -= a.segments[s].outputs;
                s++;
            }
            // Pairs end with their matrix.
            count = min(N, end - begin - round * N);
            if (row + N <= a.segments[s].outputs && count == N) {
                int pair[N];
#pragma unroll
                for (int r = 0; r < N; r++) {
                    pair[r] = row + r;
                }
                R::template dot<N>(a.segments[s].matrix, pair, a.in.inputs, xs, first, last, sum);
            } else {
                for (int r = 0; r < count; r++) {
                    int t = s;
                    int single[1] = {row + r};
                    while (single[0] >= a.segments[t].outputs) {
                        single[0] -= a.segments[t].outputs;
                        t++;
                    }
                    float one[1];
                    R::template dot<1>(a.segments[t].matrix, single, a.in.inputs, xs, first, last, one);
#pragma unroll
                    for (int k = 0; k < N; k++) {
                        sum[k] = k == r ? one[0] : sum[k];
                    }
                }
            }
        }
        float v = sum[0];
#pragma unroll
        for (int r = 1; r < N; r++) {
            v = lane == r ? sum[r] : v;
        }
        if (a.warpsPerRow > 1) {
            if (lane < N) {
                parts[warp][lane] = v;
            }
            __syncthreads();
            if (part == 0 && lane < N) {
                v = 0.f;
                for (int p = 0; p < a.warpsPerRow; p++) {
                    v += parts[warp + p][lane];
                }
            }
            __syncthreads();
        }
        if (part == 0 && lane < count) {
            int o = row + lane;
            while (o >= a.segments[s].outputs) {
                o -= a.segments[s].outputs;
                s++;
            }
            store(a.segments[s], o, v * factor);
        }
    }
}
