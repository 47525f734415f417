// Leaky ReLU, transposed convolution, bias and residual in one pass, as kalakan/ops/upsample.
//
// A transposed convolution of stride S is S convolutions of stride 1, one for each phase of the output (P. Vaidyanathan,
// "Multirate Systems and Filter Banks", 1993, section 4.3): y[q S + f - padding] = sum over j of x[q - j] w[f + j S]. Each
// is a matrix product over (tap, input channel). Channels lie side by side, in x, in the weights and in y.
#pragma once

#include "mma.cuh"
#include "vectors.cuh"

struct UpsampleParams {
    const void* x;         // [B, T, C_in]
    const void* weight;    // [S, taps, C_out, C_in]: packed by kalakan/ops/upsample/packing.py
    const float* bias;     // [C_out]
    const void* residual;  // [B, length, C_out] or null
    void* out;             // [B, length, C_out]
    int items, frames, c_in, c_out, stride, taps, padding, length;
    float slope;
};

namespace kk {

constexpr int ROWS = 64, COLUMNS = 64, THREADS = 256;  // a block's tile of (q, output channel)

template <class T>
struct alignas(2 * sizeof(T)) Pair {
    T at[2];
};

// What a thread writes at the end: output channels `column`, which is even, and the next of row q.
template <class T>
KK_DEVICE void finish(const UpsampleParams& p, int item, int phase, int q, int column, float low, float high) {
    const int at = q * p.stride + phase - p.padding;
    if (at < 0 || at >= p.length || column >= p.c_out) return;
    const size_t index = (static_cast<size_t>(item) * p.length + at) * p.c_out + column;
    const T* const residual = p.residual == nullptr ? nullptr : static_cast<const T*>(p.residual) + index;
    T* const out = static_cast<T*>(p.out) + index;
    low += p.bias[column];
    if (p.c_out % 2 == 0) {
        high += p.bias[column + 1];
        Pair<T> v;
        if (residual != nullptr) {
            v = *reinterpret_cast<const Pair<T>*>(residual);
            low += to_float(v.at[0]);
            high += to_float(v.at[1]);
        }
        from_float(low, v.at[0]);
        from_float(high, v.at[1]);
        *reinterpret_cast<Pair<T>*>(out) = v;
    } else {
        from_float(residual == nullptr ? low : low + to_float(residual[0]), out[0]);
        if (column + 1 == p.c_out) return;
        high += p.bias[column + 1];
        from_float(residual == nullptr ? high : high + to_float(residual[1]), out[1]);
    }
}

// Single precision: each thread has 4 x 4 of the tile; the tiles in shared memory are transposed, [depth][row].
struct Scalar {
    using Element = float;
    static constexpr int DEPTH = 16, PITCH = ROWS + 4;
    static constexpr int WEIGHTS = DEPTH * PITCH;  // where their tile begins
    float sum[4][4] = {};

    KK_DEVICE int words() { return 2 * DEPTH * PITCH; }
    KK_DEVICE void store(float* tile, int row, int k, const Vector<float>& v) {
#pragma unroll
        for (int i = 0; i < 4; i++) tile[(k + i) * PITCH + row] = v.at[i];
    }
    __device__ __forceinline__ void multiply(const float* a, const float* b) {
        const int row = threadIdx.x / 16 * 4, column = threadIdx.x % 16 * 4;
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            const Vector<float> left = *reinterpret_cast<const Vector<float>*>(a + k * PITCH + row);
            const Vector<float> right = *reinterpret_cast<const Vector<float>*>(b + k * PITCH + column);
#pragma unroll
            for (int i = 0; i < 16; i++) sum[i / 4][i % 4] += left.at[i / 4] * right.at[i % 4];
        }
    }
    template <class Write>
    __device__ __forceinline__ void write(Write out) {
        const int row = threadIdx.x / 16 * 4, column = threadIdx.x % 16 * 4;
#pragma unroll
        for (int i = 0; i < 16; i += 2) out(row + i / 4, column + i % 4, sum[i / 4][i % 4], sum[i / 4][i % 4 + 1]);
    }
};

// 16 bits: eight warps, each with 16 x 32 of the tile in tensor-core fragments.
template <class T>
struct Tensor {
    using Element = T;
    static constexpr int DEPTH = 32, PITCH = DEPTH + 8;  // in elements: 80 bytes a row keep a fragment's loads apart
    static constexpr int WEIGHTS = ROWS * PITCH;
    float sum[4][4] = {};

    KK_DEVICE int words() { return (ROWS + COLUMNS) * PITCH / 2; }
    KK_DEVICE void store(T* tile, int row, int k, const Vector<T>& v) {
        *reinterpret_cast<Vector<T>*>(tile + row * PITCH + k) = v;
    }
    __device__ __forceinline__ void multiply(const T* a, const T* b) {
        const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
        const SharedAddress rows = shared_address(a + (warp / 2 * 16 + lane % 16) * PITCH + lane / 16 * 8);
        // The same for weights: two times eight output channels, first and second half of the depth.
        const SharedAddress columns =
            shared_address(b + (warp % 2 * 32 + lane / 16 * 8 + lane % 8) * PITCH + lane / 8 % 2 * 8);
#pragma unroll
        for (int k = 0; k < DEPTH; k += 16) {
            unsigned left[4], right[4];
            load_matrices(left, rows + k * sizeof(T));
#pragma unroll
            for (int j = 0; j < 4; j += 2) {
                load_matrices(right, columns + (8 * j * PITCH + k) * sizeof(T));
                multiply_add<T>(sum[j], left, right);
                multiply_add<T>(sum[j + 1], left, right + 2);
            }
        }
    }
    template <class Write>
    __device__ __forceinline__ void write(Write out) {
        const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
#pragma unroll
        for (int i = 0; i < 16; i += 2)
            out(warp / 2 * 16 + g + i % 4 / 2 * 8, warp % 2 * 32 + i / 4 * 8 + 2 * t, sum[i / 4][i % 4], sum[i / 4][i % 4 + 1]);
    }
};

// Grid: (tiles of q, tiles of output channels, items * S). Two tiles of each operand in shared memory, in turn.
template <class Product>
KK_DEVICE void upsample(const UpsampleParams& p) {
    using T = typename Product::Element;
    const int item = blockIdx.z / p.stride, phase = blockIdx.z - item * p.stride;
    const int row = threadIdx.x / 4, part = threadIdx.x % 4 * Vector<T>::SIZE;  // this thread's share of a tile
    const int q = blockIdx.x * ROWS, column = blockIdx.y * COLUMNS;
    const int chunks = (p.c_in + Product::DEPTH - 1) / Product::DEPTH, steps = p.taps * chunks;
    const T* const x = static_cast<const T*>(p.x) + static_cast<size_t>(item) * p.frames * p.c_in;
    const T* const weight = static_cast<const T*>(p.weight) + static_cast<size_t>(phase) * p.taps * p.c_out * p.c_in;
    float* const shared = reinterpret_cast<float*>(shared_memory());
    const auto fetch = [&](int step, Vector<T>& a, Vector<T>& b) {
        const int tap = step / chunks, channel = (step - tap * chunks) * Product::DEPTH + part, t = q + row - tap;
        a = t >= 0 && t < p.frames ? load(x + static_cast<size_t>(t) * p.c_in, channel, p.c_in) : zeros<T>();
#pragma unroll
        for (int i = 0; i < Vector<T>::SIZE; i++) a.at[i] = leaky(a.at[i], p.slope);
        const size_t at = static_cast<size_t>(tap) * p.c_out + column + row;
        b = column + row < p.c_out ? load(weight + at * p.c_in, channel, p.c_in) : zeros<T>();
    };
    Product product;
    Vector<T> a, b;
    fetch(0, a, b);
    for (int step = 0; step < steps; step++) {
        T* const tile = reinterpret_cast<T*>(shared + step % 2 * Product::words());
        Product::store(tile, row, part, a);
        Product::store(tile + Product::WEIGHTS, row, part, b);
        __syncthreads();
        if (step + 1 < steps) fetch(step + 1, a, b);
        product.multiply(tile, tile + Product::WEIGHTS);
    }
    product.write([&](int i, int j, float low, float high) { finish<T>(p, item, phase, q + i, column + j, low, high); });
}

}  // namespace kk
