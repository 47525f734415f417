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

// What a thread writes at the end: output channel `column` of row q.
template <class T>
KK_DEVICE void finish(const UpsampleParams& p, int item, int phase, int q, int column, float sum) {
    const int at = q * p.stride + phase - p.padding;
    if (at < 0 || at >= p.length || column >= p.c_out) return;
    const size_t index = (static_cast<size_t>(item) * p.length + at) * p.c_out + column;
    sum += p.bias[column];
    if (p.residual != nullptr) sum += to_float(static_cast<const T*>(p.residual)[index]);
    from_float(sum, static_cast<T*>(p.out)[index]);
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
        for (int i = 0; i < 16; i++) out(row + i / 4, column + i % 4, sum[i / 4][i % 4]);
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
    KK_DEVICE unsigned word(const T* tile, int row, int k) {
        return *reinterpret_cast<const unsigned*>(tile + row * PITCH + k);
    }
    __device__ __forceinline__ void multiply(const T* a, const T* b) {
        const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
        const int row = warp / 2 * 16, column = warp % 2 * 32;
#pragma unroll
        for (int first = 0; first < DEPTH; first += 16) {
            const int k = first + 2 * t;
            const unsigned left[4] = {word(a, row + g, k), word(a, row + g + 8, k), word(a, row + g, k + 8),
                                      word(a, row + g + 8, k + 8)};
#pragma unroll
            for (int j = 0; j < 4; j++) {
                const unsigned right[2] = {word(b, column + 8 * j + g, k), word(b, column + 8 * j + g, k + 8)};
                multiply_add<T>(sum[j], left, right);
            }
        }
    }
    template <class Write>
    __device__ __forceinline__ void write(Write out) {
        const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
#pragma unroll
        for (int i = 0; i < 16; i++)
            out(warp / 2 * 16 + g + i % 4 / 2 * 8, warp % 2 * 32 + i / 4 * 8 + 2 * t + i % 2, sum[i / 4][i % 4]);
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
    product.write([&](int i, int j, float sum) { finish<T>(p, item, phase, q + i, column + j, sum); });
}

}  // namespace kk
