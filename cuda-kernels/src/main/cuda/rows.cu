// What a batch of positions needs between its matrix products; a block works on one row (position).
// ptx sets: compute_80
#include "step.cuh"

namespace {

constexpr int THREADS = 256;

__device__ float blockReduce(float x, bool max) {
    __shared__ float parts[THREADS / 32];
    for (int o = 16; o > 0; o /= 2) {
        float other = __shfl_xor_sync(0xffffffff, x, o);
        x = max ? fmaxf(x, other) : x + other;
    }
    __syncthreads();
    if (threadIdx.x % 32 == 0) {
        parts[threadIdx.x / 32] = x;
    }
    __syncthreads();
    x = parts[0];
    for (int i = 1; i < THREADS / 32; i++) {
        x = max ? fmaxf(x, parts[i]) : x + parts[i];
    }
    return x;
}

__device__ int blockCount(int n) {
    __shared__ int parts[THREADS / 32];
    n = __reduce_add_sync(0xffffffff, n);
    __syncthreads();
    if (threadIdx.x % 32 == 0) {
        parts[threadIdx.x / 32] = n;
    }
    __syncthreads();
    n = 0;
    for (int i = 0; i < THREADS / 32; i++) {
        n += parts[i];
    }
    return n;
}

// The power of two that brings a row's largest magnitude to 2^13 … 2^14: far from the ends of a half float's range.
__device__ float fit(float max) {
    return max > 0 && max < INFINITY ? ldexpf(1.f, 13 - ilogbf(max)) : 1.f;
}

__device__ void split(float x, __half* high, __half* low, int64_t at) {
    __half h = __float2half_rn(x);
    high[at] = h;
    if (low) {
        low[at] = __float2half_rn(x - __half2float(h));
    }
}

__device__ bool kept(float x, const float* thresholds, int step, int i) {
    return !thresholds || fabsf(x) > thresholds[static_cast<int64_t>(i) * step];
}

}  // namespace

// y = x · weight / sqrt(mean(x²) + epsilon), [rows][stride].
extern "C" __global__ void __launch_bounds__(THREADS) norm_rows(
    const float* __restrict__ x, const float* __restrict__ weight, float epsilon, int width, int stride,
    float* __restrict__ y) {
    const float* from = x + static_cast<int64_t>(blockIdx.x) * stride;
    float* to = y + static_cast<int64_t>(blockIdx.x) * stride;
    float sum = 0;
    for (int i = threadIdx.x; i < width; i += THREADS) {
        sum += from[i] * from[i];
    }
    float factor = 1 / sqrtf(blockReduce(sum, false) / width + epsilon);
    for (int i = threadIdx.x; i < width; i += THREADS) {
        to[i] = from[i] * factor * weight[i];
    }
}

// Counts what thresholds keep of a vector under RMS norm. One block.
extern "C" __global__ void __launch_bounds__(THREADS) count_normed(
    const float* __restrict__ x, const float* __restrict__ weight, float epsilon, int width,
    const float* __restrict__ thresholds, int thresholdStep, unsigned* total) {
    float sum = 0;
    for (int i = threadIdx.x; i < width; i += THREADS) {
        sum += x[i] * x[i];
    }
    float factor = 1 / sqrtf(blockReduce(sum, false) / width + epsilon);
    int n = 0;
    for (int i = threadIdx.x; i < width; i += THREADS) {
        n += kept(x[i] * factor * weight[i], thresholds, thresholdStep, i);
    }
    n = blockCount(n);
    if (threadIdx.x == 0) {
        atomicAdd(total, static_cast<unsigned>(n));
    }
}

// Zeroes what is not above its threshold and turns the rest into half floats, [rows][halfStride], padded with zeros.
// rowCounts: what each row kept. total: their sum is added.
extern "C" __global__ void __launch_bounds__(THREADS) split_rows(
    const float* __restrict__ x, int width, int stride, const float* __restrict__ thresholds, int thresholdStep,
    __half* __restrict__ high, __half* __restrict__ low, int halfStride, float* __restrict__ unscale,
    int* __restrict__ rowCounts, unsigned long long* total) {
    int row = blockIdx.x;
    const float* from = x + static_cast<int64_t>(row) * stride;
    int64_t to = static_cast<int64_t>(row) * halfStride;
    float max = 0;
    int n = 0;
    for (int i = threadIdx.x; i < width; i += THREADS) {
        float v = from[i];
        if (kept(v, thresholds, thresholdStep, i)) {
            max = fmaxf(max, fabsf(v));
            n++;
        }
    }
    float scale = fit(blockReduce(max, true));
    n = blockCount(n);
    if (threadIdx.x == 0) {
        unscale[row] = 1 / scale;
        if (rowCounts) {
            rowCounts[row] = n;
        }
        if (total) {
            atomicAdd(total, static_cast<unsigned long long>(n));
        }
    }
    for (int i = threadIdx.x; i < halfStride; i += THREADS) {
        float v = i < width ? from[i] : 0.f;
        split(i < width && kept(v, thresholds, thresholdStep, i) ? v * scale : 0.f, high, low, to + i);
    }
}

// The FFN's product: activation of the gate, masked, times up, masked again, as half floats. `activation`: 0 none, 1 SiLU,
// 2 ReLU, 3 GELU. With `activate` set it only applies the activation in place, for a listener to see.
// Totals: [0] kept activations, [1] kept products, [2] sum over the rows of kept activations × upCounts[row].
extern "C" __global__ void __launch_bounds__(THREADS) ffn_rows(
    float* __restrict__ gate, const float* __restrict__ up, int width, int stride, int activation, int activate,
    const float* __restrict__ actThresholds, int actStep, const float* __restrict__ downThresholds, int downStep,
    __half* __restrict__ high, __half* __restrict__ low, int halfStride, float* __restrict__ unscale,
    const int* __restrict__ upCounts, unsigned long long* keptActs, unsigned long long* keptDowns,
    unsigned long long* upUsed) {
    int row = blockIdx.x;
    float* g = gate + static_cast<int64_t>(row) * stride;
    const float* u = up + static_cast<int64_t>(row) * stride;
    int64_t to = static_cast<int64_t>(row) * halfStride;
    float max = 0;
    int acts = 0;
    int downs = 0;
    for (int i = threadIdx.x; i < width; i += THREADS) {
        float x = g[i];
        float a = activation == 1   ? x / (1 + expf(-x))
                  : activation == 2 ? fmaxf(x, 0.f)
                  : activation == 3 ? 0.5f * x * (1 + tanhf(0.7978845608f * (x + 0.044715f * x * x * x)))
                                    : x;
        if (activate) {
            g[i] = a;
            continue;
        }
        bool keep = kept(a, actThresholds, actStep, i);
        acts += keep;
        float h = keep ? a * u[i] : 0.f;
        keep = keep && kept(h, downThresholds, downStep, i);
        downs += keep;
        g[i] = keep ? h : 0.f;
        max = fmaxf(max, keep ? fabsf(h) : 0.f);
    }
    if (activate) {
        return;
    }
    float scale = fit(blockReduce(max, true));
    acts = blockCount(acts);
    downs = blockCount(downs);
    if (threadIdx.x == 0) {
        unscale[row] = 1 / scale;
        if (keptActs) {
            atomicAdd(keptActs, static_cast<unsigned long long>(acts));
            atomicAdd(keptDowns, static_cast<unsigned long long>(downs));
            atomicAdd(upUsed, static_cast<unsigned long long>(acts) * static_cast<unsigned long long>(upCounts[row]));
        }
    }
    for (int i = threadIdx.x; i < halfStride; i += THREADS) {
        split(i < width ? g[i] * scale : 0.f, high, low, to + i);
    }
}

// Cosines and sines of the rotary embedding, [rows][pairs].
extern "C" __global__ void __launch_bounds__(THREADS) angles_rows(
    int start, int rows, const double* __restrict__ frequency, int pairs, float* __restrict__ cosine,
    float* __restrict__ sine) {
    int i = blockIdx.x * THREADS + threadIdx.x;
    if (i < rows * pairs) {
        double s, c;
        sincos((start + i / pairs) * frequency[i % pairs], &s, &c);
        cosine[i] = static_cast<float>(c);
        sine[i] = static_cast<float>(s);
    }
}

// Rotates queries and keys in place and appends keys and values to the cache. A thread of its own for each pair of a row.
extern "C" __global__ void __launch_bounds__(THREADS) rope_rows(
    float* __restrict__ q, float* __restrict__ k, const float* __restrict__ v, const float* __restrict__ cosine,
    const float* __restrict__ sine, int start, int heads, int kvHeads, int keyLength, int valueLength, int pairs,
    int keyType, uint8_t* keys, int valueType, uint8_t* values) {
    int row = blockIdx.x;
    float* qs = q + static_cast<int64_t>(row) * heads * keyLength;
    float* ks = k + static_cast<int64_t>(row) * kvHeads * keyLength;
    const float* vs = v + static_cast<int64_t>(row) * kvHeads * valueLength;
    for (int i = threadIdx.x; i < (heads + kvHeads) * pairs; i += THREADS) {
        int head = i / pairs;
        int p = i % pairs;
        float* x = (head < heads ? qs + head * keyLength : ks + (head - heads) * keyLength) + 2 * p;
        float c = cosine[row * pairs + p];
        float s = sine[row * pairs + p];
        float a = x[0];
        float b = x[1];
        x[0] = a * c - b * s;
        x[1] = a * s + b * c;
    }
    __syncthreads();
    int keyWidth = kvHeads * keyLength;
    int valueWidth = kvHeads * valueLength;
    int64_t position = start + row;
    cacheStore(keyType, keys + position * cacheRowBytes(keyType, keyWidth), keyWidth, 0, keyWidth, ks, threadIdx.x, THREADS);
    cacheStore(valueType, values + position * cacheRowBytes(valueType, valueWidth), valueWidth, 0, valueWidth, vs, threadIdx.x,
               THREADS);
}
