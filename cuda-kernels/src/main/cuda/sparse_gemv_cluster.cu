// The product of column_products.cuh with slices that meet in a cluster: each block sends its sums to the blocks that own the
// outputs, through their shared memory, so that nothing goes through global memory and nobody takes a ticket.
//
// Grid: x = tiles of L lanes' outputs over all matrices, times the slices of the inputs, which are a cluster. A cluster's blocks are
// few, so narrow matrices take narrow tiles. On the tensor cores a tile has its width whatever L.
// ptx sets: sm_90
#include "column_products.cuh"

namespace {

struct ClusterSlices {
    /** Slices at most: what every device allows for a cluster. */
    static constexpr int MOST = 8;

    __device__ static __forceinline__ int slices() {
        int n;
        asm("mov.u32 %0, %%cluster_nctaid.x;" : "=r"(n));
        return n;
    }

    __device__ static __forceinline__ int slice() {
        int rank;
        asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
        return rank;
    }

    __device__ static __forceinline__ Place place(const SparseGemvColsArgs& a, int tileOutputs) {
        return ::place(a, tileOutputs, blockIdx.x / slices(), slice(), slices());
    }

    /** The others' shared memory exists once they have come here. */
    __device__ static __forceinline__ void begin() {
        asm volatile("barrier.cluster.arrive.relaxed.aligned;");
    }

    /** Stores a tile's products: value(i) is this block's i-th sum, output(i) which output it is of. */
    template <int TILE, class Value, class Output>
    __device__ static __forceinline__ void add(
        const SparseGemvColsArgs&, const Segment& segment, Value value, Output output) {
        __shared__ float received[TILE + MOST];
        int n = slices();
        int rank = slice();
        // Outputs of a block; a sender's sums lie together.
        int own = (TILE + n - 1) / n;
        asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
        for (int i = threadIdx.x; i < TILE; i += THREADS) {
            int owner = i / own;
            uint32_t here = (uint32_t) __cvta_generic_to_shared(received + rank * own + i - owner * own);
            uint32_t there;
            asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(here), "r"(owner));
            asm volatile("st.shared::cluster.f32 [%0], %1;" ::"r"(there), "f"(value(i)) : "memory");
        }
        asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
        asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
        for (int i = threadIdx.x; i < own && rank * own + i < TILE; i += THREADS) {
            float v = 0.f;
            for (int r = 0; r < n; r++) {
                v += received[r * own + i];
            }
            int o = output(rank * own + i);
            if (o < segment.outputs) {
                store(segment, o, v);
            }
        }
    }
};

template <class F, int L>
__device__ __forceinline__ void sparseGemvCluster(const SparseGemvColsArgs& a) {
    if constexpr (F::tiles) {
        sparseGemvTiles<F, ClusterSlices>(a);
    } else {
        sparseGemvCols<F, L, ClusterSlices, Size::SMALL>(a);
    }
}

}  // namespace

#define CLUSTER_KERNEL(L)                                                                                               \
    extern "C" __global__ void __launch_bounds__(THREADS, blocks(forms::GAMBIT_FORM::quantised, Size::SMALL))           \
        GAMBIT_KERNEL(sparse_gemv_cluster_##L)(const __grid_constant__ SparseGemvColsArgs a) {                          \
        sparseGemvCluster<forms::GAMBIT_FORM, L>(a);                                                                    \
    }

CLUSTER_KERNEL(4)
CLUSTER_KERNEL(8)
CLUSTER_KERNEL(16)
