// y = W f(x) + b for up to three matrices of one input, rows layout: masked inputs count as 0, and their weights are read.
#include "rows.cuh"

struct GemvRowsArgs {
    Input in;
    Segment segments[MAX_SEGMENTS];
    /** Entries of the input that count as 0 where |x_i| is not above; for all matrices. May be null. */
    const float* thresholds;
    unsigned* kept;
    int stride;
    int segmentCount;
    /** 1, 2, 4 or 8 warps share rows. */
    int warpsPerRow;
    /** Whether each matrix has blocks of its own, because it has a mask of its own; and the first of them. */
    int apart;
    int firstBlock[MAX_SEGMENTS];
};

/** Rows of a team of several warps at most. */
constexpr int ROWS = 64;

extern "C" __global__ void __launch_bounds__(THREADS, 2) GAMBIT_KERNEL(gemv_rows)(const __grid_constant__ GemvRowsArgs a) {
    using F = forms::GAMBIT_FORM;
    using R = RowProducts<F>;
    extern __shared__ float4 shared[];
    float* xs = reinterpret_cast<float*>(shared);
    __shared__ float scratch[WARPS];
    __shared__ float parts[WARPS][ROWS];

    launchDependents();
    int warp = threadIdx.x / 32;
    int lane = threadIdx.x % 32;
    int part = warp % a.warpsPerRow;
    int teams = WARPS / a.warpsPerRow;
    int block = blockIdx.x;
    int blocks = gridDim.x;
    int base = 0;
    int rows = 0;
    int s = 0;
    Mask mask = {a.thresholds, a.stride};
    unsigned* kept = a.kept;
    if (a.apart) {
        while (s + 1 < a.segmentCount && block >= a.firstBlock[s + 1]) {
            base += a.segments[s].outputs;
            s++;
        }
        blocks = (s + 1 < a.segmentCount ? a.firstBlock[s + 1] : blocks) - a.firstBlock[s];
        block -= a.firstBlock[s];
        rows = a.segments[s].outputs;
        mask = {a.segments[s].thresholds, a.segments[s].stride};
        kept = a.segments[s].kept;
    } else {
        for (int i = 0; i < a.segmentCount; i++) {
            rows += a.segments[i].outputs;
        }
    }
    // A team's rows are neighbours; all teams have as many, or one more.
    int team = block * teams + warp / a.warpsPerRow;
    int begin = base + (int) ((long long) rows * team / (blocks * teams));
    int end = base + (int) ((long long) rows * (team + 1) / (blocks * teams));
    int spans = R::spans(a.in.inputs);
    int first = spans * part / a.warpsPerRow;
    int last = spans * (part + 1) / a.warpsPerRow;
    int inFirst = min(end, base + a.segments[s].outputs) - begin;
    if (inFirst > 0) {
        R::prefetch(a.segments[s].matrix, begin - base, inFirst, a.in.inputs, first, last);
    }
    waitForInputs();
    int count = 0;
    float factor = R::stage(a.in, mask, xs, scratch, count);

    if (kept && block == 0) {
        count = __reduce_add_sync(0xFFFFFFFFu, count);
        if (lane == 0) {
            atomicAdd(kept, (unsigned) count);
        }
    }
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
        if (a.warpsPerRow > 1) {
            parts[warp][k] = sum;
        } else {
            int row = begin + k;
            int s = segmentOf(row);
            store(a.segments[s], row, sum * factor);
        }
    };
    R::products(end - begin, a.in.inputs, xs, first, last, locate, done);
    if (a.warpsPerRow > 1) {
        __syncthreads();
        if (part == 0) {
            for (int k = lane; k < end - begin; k += 32) {
                float sum = 0.f;
                for (int p = 0; p < a.warpsPerRow; p++) {
                    sum += parts[warp + p][k];
                }
                int row = begin + k;
                int s = segmentOf(row);
                store(a.segments[s], row, sum * factor);
            }
        }
    }
}
