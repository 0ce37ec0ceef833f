// Nibbles as half floats and their products on the tensor cores.
#pragma once
#include "weights.cuh"

struct Half {
    /** Some nibbles of a word in the mantissas of two times 1024. */
    template <uint32_t WHICH>
    __device__ __forceinline__ static uint32_t nibbles(uint32_t w) {
        // One instruction, which has room for one constant: the other one must be kept from the compiler.
        uint32_t thousand;
        asm("mov.b32 %0, 0x64006400;" : "=r"(thousand));
        uint32_t out;
        asm("lop3.b32 %0, %1, %2, %3, 0xEA;" : "=r"(out) : "r"(w), "n"(WHICH), "r"(thousand));
        return out;
    }

    /** A word's nibbles less a zero, exactly: 0 and 4, 1 and 5, 2 and 6, 3 and 7. */
    template <int ZERO>
    __device__ __forceinline__ static void fromNibbles(uint32_t w, uint32_t* out) {
        uint32_t v = w >> 8;
        out[0] = low<ZERO>(nibbles<0x000F000Fu>(w));
        out[1] = high<ZERO>(nibbles<0x00F000F0u>(w));
        out[2] = low<ZERO>(nibbles<0x000F000Fu>(v));
        out[3] = high<ZERO>(nibbles<0x00F000F0u>(v));
    }

    /** c += a * b: 16 x 16 by 16 x 8. */
    __device__ __forceinline__ static void multiply(
        float (&c)[4], uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t b0, uint32_t b1) {
        asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
            : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
            : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
    }

private:
    /** 1024 + n less a zero. */
    template <int ZERO>
    __device__ __forceinline__ static uint32_t low(uint32_t v) {
        __half2 h = __hsub2(*reinterpret_cast<__half2*>(&v), __float2half2_rn(1024.f + ZERO));
        return *reinterpret_cast<uint32_t*>(&h);
    }

    /** 1024 + 16 n less a zero. */
    template <int ZERO>
    __device__ __forceinline__ static uint32_t high(uint32_t v) {
        __half2 h = __hfma2(*reinterpret_cast<__half2*>(&v), __float2half2_rn(1.f / 16), __float2half2_rn(-64.f - ZERO));
        return *reinterpret_cast<uint32_t*>(&h);
    }
};
