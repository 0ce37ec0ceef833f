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

/** Rows of a team of several warps at most. */
constexpr int ROWS = 32;

extern "C" __global__ void __launch_bounds__(THREADS, 2) GAMBIT_KERNEL(gemv_rows)(const __grid_constant__ GemvRowsArgs a) {
    using F = forms::GAMBIT_FORM;
    using R = Rows<F>;
    extern __shared__ float4 shared[];
    float* xs = reinterpret_cast<float*>(shared);
    __shared__ float scratch[WARPS];
    __shared__ float parts[WARPS][ROWS];

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
    if (part == 0 && begin < a.segments[0].outputs) {
        R::prefetch(a.segments[0].matrix, begin, min(F::rows, a.segments[0].outputs - begin), a.in.inputs);
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
    auto segmentOf = [&](int& row) {
        int s = 0;
        while (row >= a.segments[s].outputs) {
            row -= a.segments[s].outputs;
            s++;
        }
        return s;
    };
    auto locate = [&](int k, Matrix& m, int& row) {
        row = begin + k;
        m = a.segments[segmentOf(row)].matrix;
    };
    auto done = [&](int k, float sum) {
        if (lane == 0) {
            if (a.warpsPerRow > 1) {
                parts[warp][k] = sum;
            } else {
                int row = begin + k;
                int s = segmentOf(row);
                store(a.segments[s], row, sum * factor);
            }
        }
    };
    R::products(end - begin, a.in.inputs, xs, first, last, locate, done);
    if (a.warpsPerRow > 1) {
        __syncthreads();
        if (part == 0 && lane < end - begin) {
            float sum = 0.f;
            for (int p = 0; p < a.warpsPerRow; p++) {
                sum += parts[warp + p][lane];
            }
            int row = begin + lane;
            int s = segmentOf(row);
            store(a.segments[s], row, sum * factor);
        }
    }
}
