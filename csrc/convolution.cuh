// Convolutions of a tile in shared memory, [row][channel], by all threads of a block: single precision by itself, 16 bits
// on tensor cores. Leaky ReLUs go in and come out.
//
// The weights are read from global memory in the order in which they are used: a convolution needs no barrier inside.
#pragma once

#include "mma.cuh"
#include "vectors.cuh"

namespace kk {

constexpr int SLACK = 16;  // rows past a tile's last one that may be read

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

}  // namespace kk
