// The product of column_products.cuh with slices that meet in global memory: the block that comes last for its tile adds them
// by index.
//
// Grid: x = tiles of L lanes' outputs over all matrices, y = slices of the inputs. Wide tiles (L = 32) read long runs; narrow ones
// (L = 4) make enough blocks of a small matrix without slices, whose sums would cost more than its weights.
#include "column_products.cuh"

namespace {

/** [splits][tiles * outputs a tile] partial sums, and a ticket for each tile. */
struct GridSlices {
    __device__ static __forceinline__ Place place(const SparseGemvColsArgs& a, int tileOutputs) {
        return ::place(a, tileOutputs, blockIdx.x, blockIdx.y, gridDim.y);
    }

    __device__ static __forceinline__ void begin() {}

    /** Stores a tile's products: value(i) is this block's i-th sum, output(i) which output it is of. */
    template <int TILE, class Value, class Output>
    __device__ static __forceinline__ void add(
        const SparseGemvColsArgs& a, const Segment& segment, Value value, Output output) {
        __shared__ bool last;
        size_t stride = (size_t) gridDim.x * TILE;
        float* partial = a.partials + (size_t) blockIdx.x * TILE;
        for (int i = threadIdx.x; i < TILE; i += THREADS) {
            float v = value(i);
            if (gridDim.y == 1) {
                int o = output(i);
                if (o < segment.outputs) {
                    store(segment, o, v);
                }
            } else {
                __stcg(partial + blockIdx.y * stride + i, v);
            }
        }
        if (gridDim.y == 1) {
            return;
        }
        // The barrier orders the block's stores before its first thread's fence.
        __syncthreads();
        if (threadIdx.x == 0) {
            __threadfence();
            last = atomicAdd(a.tickets + blockIdx.x, 1u) == gridDim.y - 1;
            __threadfence();
        }
        __syncthreads();
        if (!last) {
            return;
        }
        for (int i = threadIdx.x; i < TILE; i += THREADS) {
            float v = 0.f;
            for (int y = 0; y < (int) gridDim.y; y += 16) {
                float p[16];
#pragma unroll
                for (int u = 0; u < 16; u++) {
                    p[u] = y + u < (int) gridDim.y ? __ldcg(partial + (y + u) * stride + i) : 0.f;
                }
#pragma unroll
                for (int u = 0; u < 16; u++) {
                    v += p[u];
                }
            }
            int o = output(i);
            if (o < segment.outputs) {
                store(segment, o, v);
            }
        }
        if (threadIdx.x == 0) {
            a.tickets[blockIdx.x] = 0;
        }
    }
};

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, blocks(forms::GAMBIT_FORM::quantised, Size::LARGE))
    GAMBIT_KERNEL(sparse_gemv_cols)(const __grid_constant__ SparseGemvColsArgs a) {
    if constexpr (forms::GAMBIT_FORM::tiles) {
        sparseGemvTiles<forms::GAMBIT_FORM, GridSlices>(a);
    } else {
        sparseGemvCols<forms::GAMBIT_FORM, 32, GridSlices, Size::LARGE>(a);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, blocks(forms::GAMBIT_FORM::quantised, Size::SMALL))
    GAMBIT_KERNEL(sparse_gemv_cols_narrow)(const __grid_constant__ SparseGemvColsArgs a) {
    sparseGemvCols<forms::GAMBIT_FORM, 4, GridSlices, Size::SMALL>(a);
}
