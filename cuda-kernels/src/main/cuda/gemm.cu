// Y = X · Wᵀ through the tensor cores (mma.sync m16n8k16, half inputs, float sums). X is [m][stride] and W [n][stride] in
// half floats, both padded with zeros to the stride, a multiple of 32, and readable up to whole tiles of rows. `exact`
// kernels take X and W as sums of two halves, high + low, and add the three products that matter: 22 bits instead of 11.
// Each row of X carries a power of two that the row was multiplied with to fit; the epilogue takes it back.
// ptx sets: compute_80
#include <cuda_fp16.h>
#include <stdint.h>

namespace {

constexpr int BK = 32;  // inputs a stage of the pipeline holds: rows of 64 bytes

__device__ __forceinline__ void copyAsync(uint32_t to, const void* from) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from));
}

__device__ __forceinline__ void loadMatrices(uint32_t at, uint32_t* r) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(at));
}

__device__ __forceinline__ void multiply(float* c, const uint32_t* a, const uint32_t* b) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Where the 16 bytes `chunk` (of 4) of a row lie, so that eight rows' same chunk touch all banks once.
__device__ __forceinline__ uint32_t place(int row, int chunk) {
    return row * 64 + ((chunk ^ (row >> 1 & 3)) << 4);
}

template <int BM, int BN, int WARPS_M, int WARPS_N, int STAGES, bool EXACT>
__device__ __forceinline__ void gemm(
    const __half* __restrict__ xHigh, const __half* __restrict__ xLow, const float* __restrict__ unscale,
    const __half* __restrict__ wHigh, const __half* __restrict__ wLow, const float* __restrict__ bias,
    float* __restrict__ y, int m, int n, int stride, int ldy, int accumulate) {
    constexpr int THREADS = WARPS_M * WARPS_N * 32;
    constexpr int WM = BM / WARPS_M;
    constexpr int WN = BN / WARPS_N;
    constexpr int TM = WM / 16;
    constexpr int TN = WN / 8;
    constexpr int PARTS = EXACT ? 2 : 1;
    constexpr int X_BYTES = BM * 64;
    constexpr int W_BYTES = BN * 64;
    constexpr int STAGE_BYTES = PARTS * (X_BYTES + W_BYTES);
    extern __shared__ __align__(128) uint8_t memory[];
    const uint32_t base = static_cast<uint32_t>(__cvta_generic_to_shared(memory));
    const int t = threadIdx.x;
    const int lane = t % 32;
    const int warp = t / 32;
    const int warpM = warp / WARPS_N * WM;
    const int warpN = warp % WARPS_N * WN;
    const int64_t m0 = static_cast<int64_t>(blockIdx.y) * BM;
    const int64_t n0 = static_cast<int64_t>(blockIdx.x) * BN;
    const int steps = stride / BK;

    auto fetch = [&](int step) {
        if (step < steps) {
            uint32_t to = base + step % STAGES * STAGE_BYTES;
            for (int i = t; i < BM * 4; i += THREADS) {
                int row = i / 4;
                int chunk = i % 4;
                int64_t at = (m0 + row) * stride + step * BK + chunk * 8;
                copyAsync(to + place(row, chunk), xHigh + at);
                if (EXACT) {
                    copyAsync(to + X_BYTES + place(row, chunk), xLow + at);
                }
            }
            for (int i = t; i < BN * 4; i += THREADS) {
                int row = i / 4;
                int chunk = i % 4;
                int64_t at = (n0 + row) * stride + step * BK + chunk * 8;
                copyAsync(to + PARTS * X_BYTES + place(row, chunk), wHigh + at);
                if (EXACT) {
                    copyAsync(to + PARTS * X_BYTES + W_BYTES + place(row, chunk), wLow + at);
                }
            }
        }
        asm volatile("cp.async.commit_group;");
    };

    float c[TM][TN][4];
#pragma unroll
    for (int i = 0; i < TM; i++) {
#pragma unroll
        for (int j = 0; j < TN; j++) {
#pragma unroll
            for (int k = 0; k < 4; k++) {
                c[i][j][k] = 0;
            }
        }
    }
#pragma unroll
    for (int s = 0; s < STAGES - 1; s++) {
        fetch(s);
    }
    const int xRow = lane % 16;
    const int xChunk = lane / 16;
    const int wRow = lane % 8 + lane / 16 * 8;
    const int wChunk = lane / 8 % 2;
    for (int step = 0; step < steps; step++) {
        asm volatile("cp.async.wait_group %0;" ::"n"(STAGES - 2));
        __syncthreads();
        fetch(step + STAGES - 1);
        const uint32_t x = base + step % STAGES * STAGE_BYTES;
        const uint32_t w = x + PARTS * X_BYTES;
#pragma unroll
        for (int k = 0; k < 2; k++) {
            uint32_t a[PARTS][TM][4];
            uint32_t b[PARTS][TN / 2][4];
#pragma unroll
            for (int p = 0; p < PARTS; p++) {
#pragma unroll
                for (int i = 0; i < TM; i++) {
                    loadMatrices(x + p * X_BYTES + place(warpM + i * 16 + xRow, k * 2 + xChunk), a[p][i]);
                }
#pragma unroll
                for (int j = 0; j < TN / 2; j++) {
                    loadMatrices(w + p * W_BYTES + place(warpN + j * 16 + wRow, k * 2 + wChunk), b[p][j]);
                }
            }
#pragma unroll
            for (int i = 0; i < TM; i++) {
#pragma unroll
                for (int j = 0; j < TN; j++) {
                    if (EXACT) {
                        multiply(c[i][j], a[PARTS - 1][i], &b[0][j / 2][j % 2 * 2]);
                        multiply(c[i][j], a[0][i], &b[PARTS - 1][j / 2][j % 2 * 2]);
                    }
                    multiply(c[i][j], a[0][i], &b[0][j / 2][j % 2 * 2]);
                }
            }
        }
    }
    asm volatile("cp.async.wait_all;");
#pragma unroll
    for (int i = 0; i < TM; i++) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            int64_t row = m0 + warpM + i * 16 + h * 8 + lane / 4;
            if (row >= m) {
                continue;
            }
            float factor = unscale[row];
#pragma unroll
            for (int j = 0; j < TN; j++) {
#pragma unroll
                for (int e = 0; e < 2; e++) {
                    int64_t column = n0 + warpN + j * 8 + lane % 4 * 2 + e;
                    if (column < n) {
                        float value = c[i][j][h * 2 + e] * factor + (bias ? bias[column] : 0.f);
                        float* to = y + row * ldy + column;
                        *to = accumulate ? *to + value : value;
                    }
                }
            }
        }
    }
}

}  // namespace

#define GEMM(NAME, BM, BN, WARPS_M, WARPS_N, STAGES, EXACT)                                                             \
    extern "C" __global__ void __launch_bounds__(WARPS_M * WARPS_N * 32) gemm_##NAME(                                   \
        const __half* xHigh, const __half* xLow, const float* unscale, const __half* wHigh, const __half* wLow,         \
        const float* bias, float* y, int m, int n, int stride, int ldy, int accumulate) {                               \
        gemm<BM, BN, WARPS_M, WARPS_N, STAGES, EXACT>(xHigh, xLow, unscale, wHigh, wLow, bias, y, m, n, stride, ldy,     \
                                                      accumulate);                                                      \
    }

// Shared memory: stages × (BM + BN) × 64 bytes, twice that for exact ones: 64, 32, 96 and 48 KiB.
GEMM(large, 128, 128, 2, 4, 4, false)
GEMM(small, 64, 64, 2, 2, 4, false)
GEMM(large_exact, 128, 128, 2, 4, 3, true)
GEMM(small_exact, 64, 64, 2, 2, 3, true)
