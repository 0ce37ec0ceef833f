// Raw GGUF tensors to planes, in rows or columns layout: the integers, scales and minima of the file, no rounding.
// ptx sets: compute_80
// A thread takes 32 inputs of two neighbouring outputs. Block layouts as in ggml-quants.
#include "weights.cuh"

struct RepackArgs {
    /** Rows firstOutput ... firstOutput + count - 1 as in the file. */
    const uint8_t* raw;
    void* data;
    void* scales;
    void* mins;
    int inputs;
    int outputs;
    /** Even. */
    int firstOutput;
    int count;
    /** 0: rows, 1: columns. */
    int columns;
};

namespace {

__device__ __forceinline__ float half(const uint8_t* p) { return __half2float(*reinterpret_cast<const __half*>(p)); }

/** 32 weights of one output: integers and the scale and minimum of each 16. */
struct Block {
    int8_t q[32];
    float scale[2];
    float min[2];
};

struct Q8_0 {
    static constexpr int bytes = 34, span = 32, bits = 8, group = 32;
    static constexpr bool wideScale = false, hasMin = false;
    __device__ static void read(const uint8_t* p, int, Block& b) {
        b.scale[0] = half(p);
        for (int i = 0; i < 32; i++) b.q[i] = (int8_t) p[2 + i];
    }
};

struct Q4_0 {
    static constexpr int bytes = 18, span = 32, bits = 4, group = 32;
    static constexpr bool wideScale = false, hasMin = false;
    __device__ static void read(const uint8_t* p, int, Block& b) {
        b.scale[0] = half(p);
        for (int i = 0; i < 16; i++) {
            b.q[i] = p[2 + i] & 15;
            b.q[i + 16] = p[2 + i] >> 4;
        }
    }
};

struct Q4_1 {
    static constexpr int bytes = 20, span = 32, bits = 4, group = 32;
    static constexpr bool wideScale = false, hasMin = true;
    __device__ static void read(const uint8_t* p, int, Block& b) {
        b.scale[0] = half(p);
        b.min[0] = half(p + 2);
        for (int i = 0; i < 16; i++) {
            b.q[i] = p[4 + i] & 15;
            b.q[i + 16] = p[4 + i] >> 4;
        }
    }
};

/** The fifth bits of Q5_0 and Q5_1: bit i of four bytes. */
__device__ __forceinline__ int fifth(const uint8_t* p, int i) { return (p[i / 8] >> (i % 8) & 1) << 4; }

struct Q5_0 {
    static constexpr int bytes = 22, span = 32, bits = 8, group = 32;
    static constexpr bool wideScale = false, hasMin = false;
    __device__ static void read(const uint8_t* p, int, Block& b) {
        b.scale[0] = half(p);
        for (int i = 0; i < 16; i++) {
            b.q[i] = (p[6 + i] & 15 | fifth(p + 2, i)) - 16;
            b.q[i + 16] = (p[6 + i] >> 4 | fifth(p + 2, i + 16)) - 16;
        }
    }
};

struct Q5_1 {
    static constexpr int bytes = 24, span = 32, bits = 8, group = 32;
    static constexpr bool wideScale = false, hasMin = true;
    __device__ static void read(const uint8_t* p, int, Block& b) {
        b.scale[0] = half(p);
        b.min[0] = half(p + 2);
        for (int i = 0; i < 16; i++) {
            b.q[i] = p[8 + i] & 15 | fifth(p + 4, i);
            b.q[i + 16] = p[8 + i] >> 4 | fifth(p + 4, i + 16);
        }
    }
};

/** The 6-bit scale and minimum of 32 weights in Q4_K and Q5_K, times the super-block's. */
__device__ __forceinline__ void scaleAndMin(const uint8_t* p, int j, Block& b) {
    const uint8_t* s = p + 4;
    int scale = j < 4 ? s[j] & 63 : s[j + 4] & 15 | s[j - 4] >> 6 << 4;
    int min = j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | s[j] >> 6 << 4;
    b.scale[0] = half(p) * scale;
    b.min[0] = -(half(p + 2) * min);
}

struct Q4_K {
    static constexpr int bytes = 144, span = 256, bits = 4, group = 32;
    static constexpr bool wideScale = true, hasMin = true;
    __device__ static void read(const uint8_t* p, int j, Block& b) {
        scaleAndMin(p, j, b);
        for (int i = 0; i < 32; i++) b.q[i] = p[16 + j / 2 * 32 + i] >> (j % 2 * 4) & 15;
    }
};

struct Q5_K {
    static constexpr int bytes = 176, span = 256, bits = 8, group = 32;
    static constexpr bool wideScale = true, hasMin = true;
    __device__ static void read(const uint8_t* p, int j, Block& b) {
        scaleAndMin(p, j, b);
        for (int i = 0; i < 32; i++) {
            b.q[i] = p[48 + j / 2 * 32 + i] >> (j % 2 * 4) & 15 | (p[16 + i] >> j & 1) << 4;
        }
    }
};

struct Q6_K {
    static constexpr int bytes = 210, span = 256, bits = 8, group = 16;
    static constexpr bool wideScale = true, hasMin = false;
    __device__ static void read(const uint8_t* p, int j, Block& b) {
        const uint8_t* low = p + j / 4 * 64 + j % 2 * 32;
        const uint8_t* high = p + 128 + j / 4 * 32;
        for (int i = 0; i < 32; i++) {
            b.q[i] = (low[i] >> (j % 4 / 2 * 4) & 15 | (high[i] >> (j % 4 * 2) & 3) << 4) - 32;
        }
        float d = half(p + 208);
        b.scale[0] = d * (int8_t) p[192 + 2 * j];
        b.scale[1] = d * (int8_t) p[193 + 2 * j];
    }
};

__device__ __forceinline__ void put(void* plane, bool wide, size_t index, float v) {
    if (wide) {
        static_cast<float*>(plane)[index] = v;
    } else {
        static_cast<__half*>(plane)[index] = __float2half_rn(v);
    }
}

/** Outputs, rounded up to whole pairs of the padded plane, and groups: which this thread is to take; false past the end. */
__device__ __forceinline__ bool position(const RepackArgs& a, int& output, int& group) {
    int groups = padded(a.inputs) / 32;
    bool ends = a.firstOutput + a.count == a.outputs;
    int pairs = ((a.columns && ends ? padded(a.outputs) - a.firstOutput : a.count) + 1) / 2;
    size_t t = (size_t) blockIdx.x * blockDim.x + threadIdx.x;
    if (t >= (size_t) pairs * groups) {
        return false;
    }
    output = a.firstOutput + 2 * (int) (a.columns ? t % pairs : t / groups);
    group = (int) (a.columns ? t / pairs : t % groups);
    return true;
}

template <class Q>
__device__ __forceinline__ void repack(const RepackArgs& a) {
    int output;
    int group;
    if (!position(a, output, group)) {
        return;
    }
    size_t width = padded(a.inputs);
    size_t height = padded(a.outputs);
    Block b[2];
    for (int k = 0; k < 2; k++) {
        int o = output + k;
        if (o < a.outputs && group * 32 < a.inputs) {
            size_t block = (size_t) (o - a.firstOutput) * (a.inputs / Q::span) + group * 32 / Q::span;
            Q::read(a.raw + block * Q::bytes, group * 32 % Q::span / 32, b[k]);
        } else {
            for (int i = 0; i < 32; i++) b[k].q[i] = 0;
            b[k].scale[0] = b[k].scale[1] = b[k].min[0] = b[k].min[1] = 0.f;
        }
        if (o >= (a.columns ? (int) height : a.outputs)) {
            continue;
        }
        for (int h = 0; h < 32 / Q::group; h++) {
            size_t g = (size_t) group * (32 / Q::group) + h;
            size_t index = a.columns ? g * height + o : o * (width / Q::group) + g;
            put(a.scales, Q::wideScale, index, b[k].scale[h]);
            if (Q::hasMin) {
                put(a.mins, Q::wideScale, index, b[k].min[h]);
            }
        }
    }
    uint8_t* data = static_cast<uint8_t*>(a.data);
    for (int i = 0; i < 32; i++) {
        size_t input = group * 32 + i;
        if (a.columns) {
            size_t at = input * height + output;
            if (Q::bits == 4) {
                data[at / 2] = (uint8_t) (b[0].q[i] | b[1].q[i] << 4);
            } else {
                *reinterpret_cast<char2*>(data + at) = make_char2(b[0].q[i], b[1].q[i]);
            }
        } else {
            for (int k = 0; k < 2 && output + k < a.outputs; k++) {
                size_t at = (output + k) * width + input;
                if (Q::bits == 8) {
                    data[at] = (uint8_t) b[k].q[i];
                } else if (i % 2 == 0) {
                    data[at / 2] = (uint8_t) (b[k].q[i] | b[k].q[i + 1] << 4);
                }
            }
        }
    }
}

/** Unquantised weights: any number of inputs. */
template <class T>
__device__ __forceinline__ void copy(const RepackArgs& a) {
    int output;
    int group;
    if (!position(a, output, group)) {
        return;
    }
    size_t width = padded(a.inputs);
    size_t height = padded(a.outputs);
    const T* raw = reinterpret_cast<const T*>(a.raw);
    T* data = static_cast<T*>(a.data);
    for (int i = 0; i < 32; i++) {
        size_t input = group * 32 + i;
        for (int k = 0; k < 2; k++) {
            size_t o = output + k;
            T v = o < a.outputs && input < a.inputs ? raw[(o - a.firstOutput) * a.inputs + input] : T(0);
            if (a.columns) {
                data[input * height + o] = v;
            } else if (o < a.outputs) {
                data[o * width + input] = v;
            }
        }
    }
}

}  // namespace

#define GAMBIT_REPACK(name, body) \
    extern "C" __global__ void __launch_bounds__(256) repack_##name(const __grid_constant__ RepackArgs a) { body(a); }

GAMBIT_REPACK(f32, copy<uint32_t>)
GAMBIT_REPACK(f16, copy<uint16_t>)
GAMBIT_REPACK(bf16, copy<uint16_t>)
GAMBIT_REPACK(q8_0, repack<Q8_0>)
GAMBIT_REPACK(q4_0, repack<Q4_0>)
GAMBIT_REPACK(q4_1, repack<Q4_1>)
GAMBIT_REPACK(q5_0, repack<Q5_0>)
GAMBIT_REPACK(q5_1, repack<Q5_1>)
GAMBIT_REPACK(q4_k, repack<Q4_K>)
GAMBIT_REPACK(q5_k, repack<Q5_K>)
GAMBIT_REPACK(q6_k, repack<Q6_K>)
