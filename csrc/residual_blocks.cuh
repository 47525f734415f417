// Residual blocks of HiFi-GAN's narrow stages, as kalakan/ops/residual_blocks: convolutions of at most 64 channels that
// follow each other on the chip, with the mean over parallel blocks in the last one's output.
//
// A block owns `rows` neighbouring samples of one item and loads them with a halo as wide as its convolutions reach. Two
// tiles in shared memory, [row][channel], take turns as a convolution's input and output, each time narrower. They hold
// leaky ReLUs of activations, which is what a convolution reads; a leaky ReLU has an inverse, so the way around a layer
// needs no third tile. Rows outside the signal are zeros in both tiles from the start and never written: the padding of
// every convolution. A sum's order does not depend on the tile, so results are the same however the signal is cut.
//
// The weights are read from global memory in the order of the fragments: no barrier but those between convolutions.
#pragma once

#include "mma.cuh"
#include "vectors.cuh"

struct ResidualBlocksParams {
    const void* x;       // [B, T, C]
    const void* weight;  // of this launch's convolutions: packed by kalakan/ops/residual_blocks/packing.py
    const float* bias;   // [convolutions, width]
    void* out;           // [B, T, C]
    int frames, channels, tiles, rows, halo;  // tiles: an item's; rows: a tile's, without its halo on each side
    int taps, convolutions, layer;            // layer: convolutions that one way goes around, 1 or 2
    int is_activated, output;                 // is_activated: x is leaky ReLUs already; output: see `Output`
    float slope, inverse, scale;              // inverse: one over the slope; scale: of this block in the mean
    int dilations[16];
};

namespace kk {

// Leaky ReLUs for another launch; the first block's share of the mean; a share added to what is there.
enum Output { LEAKY = 0, FIRST = 1, ADDED = 2 };

constexpr int RESIDUAL_THREADS = 256, SLACK = 16;  // slack: rows that a fragment may read past the last one

// What the threads of a block compute together: rows [from, to) of `out`.
template <class T>
struct Convolution {
    const T* in;
    T* out;
    const T* around;  // what is added to the sums, as leaky ReLUs; or null
    const T* weight;
    const float* bias;
    int from, to, taps, dilation;
    float slope, inverse;

    // Slopes are from 0 to 1.
    __device__ __forceinline__ float apply(float x) const { return fmaxf(x, slope * x); }
    __device__ __forceinline__ float undo(float y) const { return fminf(y, inverse * y); }
};

// Single precision: a thread has four rows of eight channels. Weights: [tap][C_in][C_out].
template <int WIDTH>
struct ScalarRows {
    using Element = float;
    static constexpr int PITCH = WIDTH + 4, WEIGHTS = WIDTH * WIDTH, GROUPS = WIDTH / 8, APART = 32 / GROUPS;

    KK_DEVICE void convolve(const Convolution<float>& c) {
        for (int first = c.from + threadIdx.x / 32 * (4 * APART); first < c.to; first += blockDim.x / 32 * (4 * APART))
            run(c, first + threadIdx.x % 32 / GROUPS, threadIdx.x % GROUPS * 8);
    }
    KK_DEVICE void run(const Convolution<float>& c, int first, int channel) {
        float sum[4][8];
        const float* rows[4];
        const float* weight = c.weight + channel;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int row = first + i * APART;
            rows[i] = c.in + ((row < c.to ? row : c.to - 1) - c.taps / 2 * c.dilation) * PITCH;
#pragma unroll
            for (int j = 0; j < 8; j++) sum[i][j] = c.bias[channel + j];
        }
#pragma unroll 1
        for (int tap = 0; tap < c.taps; tap++) {
#pragma unroll 1
            for (int k = 0; k < WIDTH; k += 4, weight += 4 * WIDTH) multiply(sum, rows, k, weight);
#pragma unroll
            for (int i = 0; i < 4; i++) rows[i] += c.dilation * PITCH;
        }
#pragma unroll
        for (int i = 0; i < 4; i++)
            if (first + i * APART < c.to) finish(c, (first + i * APART) * PITCH + channel, sum[i]);
    }
    KK_DEVICE void multiply(float (*sum)[8], const float* const* rows, int k, const float* weight) {
        Vector<float> left[4];
#pragma unroll
        for (int i = 0; i < 4; i++) left[i] = *reinterpret_cast<const Vector<float>*>(rows[i] + k);
#pragma unroll
        for (int n = 0; n < 8; n++) {
            const Vector<float> right = *reinterpret_cast<const Vector<float>*>(weight + n / 2 * WIDTH + n % 2 * 4);
#pragma unroll
            for (int i = 0; i < 16; i++) sum[i / 4][n % 2 * 4 + i % 4] += left[i / 4].at[n / 2] * right.at[i % 4];
        }
    }
    KK_DEVICE void finish(const Convolution<float>& c, int at, const float* sum) {
#pragma unroll
        for (int j = 0; j < 8; j += 4) {
            Vector<float> v = {sum[j], sum[j + 1], sum[j + 2], sum[j + 3]};
            if (c.around != nullptr) {
                const Vector<float> x = *reinterpret_cast<const Vector<float>*>(c.around + at + j);
#pragma unroll
                for (int i = 0; i < 4; i++) v.at[i] += c.undo(x.at[i]);
            }
#pragma unroll
            for (int i = 0; i < 4; i++) v.at[i] = c.apply(v.at[i]);
            *reinterpret_cast<Vector<float>*>(c.out + at + j) = v;
        }
    }
};

// 16 bits: a warp has up to four times 16 rows of all channels in tensor-core fragments. Weights: for each tap, sixteen
// input channels and sixteen output channels the 16 bytes of each lane.
template <class T, int WIDTH>
struct TensorRows {
    using Element = T;
    static constexpr int PITCH = WIDTH + 8, WEIGHTS = WIDTH * WIDTH;  // 16 bytes more keep the rows of a fragment apart
    static constexpr int MOST = 4, PARTS = WIDTH / 16;

    // As few rounds as there can be, of equal sizes.
    KK_DEVICE void convolve(const Convolution<T>& c) {
        const int count = (c.to - c.from + 15) / 16, warps = blockDim.x / 32;
        const int rounds = (count + warps * MOST - 1) / (warps * MOST), each = (count + warps * rounds - 1) / (warps * rounds);
        for (int at = threadIdx.x / 32 * each; at < count; at += warps * each) {
            const int first = c.from + 16 * at, size = each < count - at ? each : count - at;
            if (size == 1) run<1>(c, first);
            if (size == 2) run<2>(c, first);
            if (size == 3) run<3>(c, first);
            if (size == 4) run<4>(c, first);
        }
    }
    template <int M>
    KK_DEVICE void run(const Convolution<T>& c, int first) {
        const int lane = threadIdx.x % 32;
        float sum[M][2 * PARTS][4];
#pragma unroll
        for (int j = 0; j < 2 * PARTS; j++) {
            const float2 bias = *reinterpret_cast<const float2*>(c.bias + 8 * j + lane % 4 * 2);
#pragma unroll
            for (int i = 0; i < 4 * M; i++) sum[i / 4][j][i % 4] = i % 2 == 0 ? bias.x : bias.y;
        }
        const int row = first - c.taps / 2 * c.dilation + lane % 16;
        SharedAddress rows = shared_address(c.in + row * PITCH + lane / 16 * 8);
        const Vector<unsigned>* weight = reinterpret_cast<const Vector<unsigned>*>(c.weight) + lane;
        Vector<unsigned> next[PARTS];
        fetch(next, weight);
#pragma unroll 1
        for (int tap = 0; tap < c.taps; tap++, rows += static_cast<unsigned>(c.dilation * PITCH) * sizeof(T)) {
#pragma unroll
            for (int k = 0; k < PARTS; k++) {
                Vector<unsigned> b[PARTS];
#pragma unroll
                for (int j = 0; j < PARTS; j++) b[j] = next[j];
                if (k + 1 < PARTS || tap + 1 < c.taps) fetch(next, weight);
#pragma unroll
                for (int i = 0; i < M; i++) {
                    unsigned a[4];
                    load_matrices(a, rows + (i * 16 * PITCH + k * 16) * sizeof(T));
#pragma unroll
                    for (int j = 0; j < 2 * PARTS; j++) multiply_add<T>(sum[i][j], a, b[j / 2].at + j % 2 * 2);
                }
            }
        }
#pragma unroll
        for (int i = 0; i < 2 * M; i++) {
            const int at = first + 8 * i + lane / 4;
            if (at < c.to) finish(c, at * PITCH + lane % 4 * 2, sum[i / 2], i % 2 * 2);
        }
    }
    KK_DEVICE void fetch(Vector<unsigned>* next, const Vector<unsigned>*& weight) {
#pragma unroll
        for (int j = 0; j < PARTS; j++, weight += 32) next[j] = *weight;
    }
    KK_DEVICE void finish(const Convolution<T>& c, int at, const float (*sum)[4], int half) {
        unsigned words[2 * PARTS];  // all at once, without a branch; what a zero adds is zero
#pragma unroll
        for (int j = 0; j < 2 * PARTS; j++)
            words[j] = c.around == nullptr ? 0 : *reinterpret_cast<const unsigned*>(c.around + at + 8 * j);
#pragma unroll
        for (int j = 0; j < 2 * PARTS; j++) {
            const float low = sum[j][half] + c.undo(low_of<T>(words[j]));
            const float high = sum[j][half + 1] + c.undo(high_of<T>(words[j]));
            *reinterpret_cast<unsigned*>(c.out + at + 8 * j) = pair_of<T>(c.apply(low), c.apply(high));
        }
    }
};

// Fills the tile: inside the signal, rows [low, high), leaky ReLUs of x; outside zeros, in both tiles. EVEN: rows of x
// are whole vectors. Several loads are on their way at once.
template <class Product, bool EVEN, class T>
KK_DEVICE void load_rows(const ResidualBlocksParams& p, const T* x, int height, int low, int high, T* tile, T* other) {
    constexpr int SIZE = Vector<T>::SIZE, PARTS = (Product::PITCH * sizeof(T) - 16) / 16, BATCH = 4;
    for (int first = threadIdx.x; first < height * PARTS; first += BATCH * blockDim.x) {
        Vector<T> v[BATCH];
#pragma unroll
        for (int i = 0; i < BATCH; i++) {
            const int at = first + i * blockDim.x, row = at / PARTS, channel = at % PARTS * SIZE;
            const T* const from = x + static_cast<long long>(row - low) * p.channels;
            v[i] = zeros<T>();
            if (row >= low && row < high && channel < p.channels)
                v[i] = EVEN ? *reinterpret_cast<const Vector<T>*>(from + channel) : load(from, channel, p.channels);
        }
#pragma unroll
        for (int i = 0; i < BATCH; i++) {
            const int at = first + i * blockDim.x, row = at / PARTS, place = row * Product::PITCH + at % PARTS * SIZE;
            if (row >= height) break;
#pragma unroll
            for (int j = 0; j < SIZE; j++) v[i].at[j] = p.is_activated ? v[i].at[j] : leaky(v[i].at[j], p.slope);
            *reinterpret_cast<Vector<T>*>(tile + place) = v[i];
            if (row < low || row >= high) *reinterpret_cast<Vector<T>*>(other + place) = v[i];
        }
    }
}

template <class Product, class T>
KK_DEVICE void store_rows(const ResidualBlocksParams& p, const T* tile, int rows, T* out) {
    constexpr int SIZE = Vector<T>::SIZE, PARTS = (Product::PITCH * sizeof(T) - 16) / 16;
    for (int i = threadIdx.x; i < rows * PARTS; i += blockDim.x) {
        const int row = i / PARTS, channel = i % PARTS * SIZE;
        if (channel >= p.channels) continue;
        T* const target = out + static_cast<size_t>(row) * p.channels;
        Vector<T> v = *reinterpret_cast<const Vector<T>*>(tile + row * Product::PITCH + channel);
        if (p.output != LEAKY) {
            const Vector<T> before = p.output == ADDED ? load<T>(target, channel, p.channels) : zeros<T>();
#pragma unroll
            for (int j = 0; j < SIZE; j++) {
                const float y = to_float(v.at[j]);
                from_float(to_float(before.at[j]) + p.scale * fminf(y, p.inverse * y), v.at[j]);
            }
        }
        store(target, channel, p.channels, v);
    }
}

// Grid: (tiles * items).
template <class Product>
KK_DEVICE void residual_blocks(const ResidualBlocksParams& p) {
    using T = typename Product::Element;
    const int item = blockIdx.x / p.tiles, first = (blockIdx.x - item * p.tiles) * p.rows;
    const int height = p.rows + 2 * p.halo, rest = p.frames - first;
    const int low = first < p.halo ? p.halo - first : 0, high = rest < p.rows + p.halo ? rest + p.halo : height;
    T* in = reinterpret_cast<T*>(shared_memory());
    T* out = in + (height + SLACK) * Product::PITCH;
    const size_t start = static_cast<size_t>(item) * p.frames + first;
    const T* const x = static_cast<const T*>(p.x) + (start + low - p.halo) * p.channels;
    if (p.channels % Vector<T>::SIZE == 0) load_rows<Product, true>(p, x, height, low, high, in, out);
    else load_rows<Product, false>(p, x, height, low, high, in, out);
    __syncthreads();
    int from = 0, to = height;
    for (int i = 0; i < p.convolutions; i++) {
        const int dilation = p.dilations[i], reach = p.taps / 2 * dilation;
        const bool is_last = (i + 1) % p.layer == 0;
        from += reach;
        to -= reach;
        Product::convolve({in, out, is_last ? (p.layer == 1 ? in : out) : nullptr,
                           static_cast<const T*>(p.weight) + static_cast<size_t>(i) * p.taps * Product::WEIGHTS,
                           p.bias + i * (Product::PITCH - 16 / static_cast<int>(sizeof(T))), from < low ? low : from,
                           to < high ? to : high, p.taps, dilation, p.slope, p.inverse});
        __syncthreads();
        T* const kept = in;
        in = out;
        out = kept;
    }
    T* const target = static_cast<T*>(p.out) + start * p.channels;
    store_rows<Product>(p, in + p.halo * Product::PITCH, rest < p.rows ? rest : p.rows, target);
}

}  // namespace kk
