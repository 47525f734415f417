// Residual blocks of HiFi-GAN's narrow stages, as kalakan/ops/residual_blocks: convolutions of at most 64 channels that
// follow each other on the chip, with the mean over parallel blocks in the last one's output.
//
// A block owns `rows` neighbouring samples of one item and loads them with a halo as wide as its convolutions reach. Two
// tiles in shared memory, [row][channel], take turns as a convolution's input and output, each time narrower. They hold
// leaky ReLUs of activations, which is what a convolution reads; a leaky ReLU has an inverse, so the way around a layer
// needs no third tile. Rows outside the signal are zeros in both tiles from the start and never written: the padding of
// every convolution. A sum's order does not depend on the tile, so results are the same however the signal is cut.
#pragma once

#include "convolution.cuh"

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

constexpr int RESIDUAL_THREADS = 256;

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
