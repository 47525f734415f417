// Fast Griffin-Lim (N. Perraudin, P. Balazs, P. Sondergaard, WASPAA 2013, algorithm 2), as kalakan/ops/griffin_lim.
//
// A block owns 2 P neighbouring frames. Two real frames are one complex transform: z = a + i b. What a block leaves is
// the overlap-added sum of its own frames over all samples that they reach ("extent"); the samples at its borders are
// completed by whoever reads them, as own sum + neighbour's sum. Hence no atomics, and results repeat bit for bit.
// Only the phase of c[n] + a (c[n] - c[n-1]) is used and the transform is linear, so the difference is taken between
// signals, and no spectrum is kept.
#pragma once

#include "fft.cuh"

struct GriffinLimParams {
    const float* magnitude;  // [B, T, F] by the strides below
    const float2* roots;     // [n_fft]: exp(-2 pi i k / n_fft)
    const float* window;     // [n_fft]
    float* now;              // [2, B * blocks, extent]: sums of this iteration and the next, by parity
    float* before;           // [B * blocks, extent]: complete sums of the iteration before
    float* reciprocals;      // [B * blocks, extent]: one over the sum of squared windows, 0 outside the signal
    float* audio;            // [B, T * hop]
    unsigned* flags;         // [B * blocks], zeros: iterations that a block of the persistent form has published
    long long item_stride, frame_stride, bin_stride;
    int n_fft, hop, frames, pairs, blocks, items;  // pairs: P; blocks: an item's
    int iteration;                                 // of the launch; in the persistent form how many to run
    float momentum;                                // a / (1 + a)
    int is_seeded;
    unsigned seed;  // mixed already
    int radices[16];
};

namespace kk {

// What a block works on.
struct Frames {
    int item, block, first, extent, step, halo;
    size_t row;  // of this block in the buffers of sums
};

KK_DEVICE Frames frames_of_block(const GriffinLimParams& p, int n) {
    Frames f;
    f.item = blockIdx.x / p.blocks;
    f.block = blockIdx.x - f.item * p.blocks;
    f.first = f.block * 2 * p.pairs;
    f.extent = (2 * p.pairs - 1) * p.hop + n;
    f.step = 2 * p.pairs * p.hop;
    f.halo = n - p.hop;  // samples shared with the next block
    f.row = static_cast<size_t>(blockIdx.x) * f.extent;
    return f;
}

KK_DEVICE float* sums(const GriffinLimParams& p, const Frames& f, int parity) {
    return p.now + (static_cast<size_t>(parity) * p.items * p.blocks) * f.extent + f.row;
}

// Own sum plus the neighbours', whose rows lie before and after this block's.
KK_DEVICE float complete(const GriffinLimParams& p, const Frames& f, float own, const float* row, int s) {
    if (f.block > 0 && s < f.halo) own += row[s + f.step - f.extent];
    if (f.block + 1 < p.blocks && s >= f.step) own += row[s - f.step + f.extent];
    return own;
}

KK_DEVICE float reciprocal(const GriffinLimParams& p, const Frames& f, int n, int s) {
    const int at = f.first * p.hop + s, inside = at - (n - p.hop) / 2;
    if (inside < 0 || inside >= p.frames * p.hop) return 0.0f;
    const int last = at / p.hop < p.frames ? at / p.hop : p.frames - 1;
    float sum = 0.0f;
    for (int t = at < n ? 0 : (at - n) / p.hop + 1; t <= last; t++) {
        const float w = p.window[at - t * p.hop];
        sum += w * w;
    }
    return sum > 0.0f ? 1.0f / sum : 0.0f;
}

KK_DEVICE float magnitude(const GriffinLimParams& p, const Frames& f, int frame, int k) {
    if (f.first + frame >= p.frames) return 0.0f;
    return p.magnitude[f.item * p.item_stride + (f.first + frame) * p.frame_stride + k * p.bin_stride];
}

// The integers of rust/kalakan-dsp/src/phase.rs.
KK_DEVICE unsigned mix(unsigned x) {
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return x ^ (x >> 16);
}

KK_DEVICE float2 initial_phase(const GriffinLimParams& p, int frame, int k, int bins) {
    if (!p.is_seeded) return make_float2(k % 2 == 0 ? 1.0f : -1.0f, 0.0f);
    const unsigned index = static_cast<unsigned>(frame) * static_cast<unsigned>(bins) + static_cast<unsigned>(k);
    float2 phase;
    sincospif(static_cast<float>(mix(index + p.seed) >> 22) / 512.0f, &phase.y, &phase.x);
    return phase;
}

// z = a + i b, so Z[k] = A[k] + i B[k] and Z[n-k] = conj(A[k]) + i conj(B[k]).
KK_DEVICE void merge(float2* z, int k, int mirror, float2 a, float2 b) {
    if (k == mirror) {
        z[k] = make_float2(a.x, b.x);  // DC and Nyquist of a real signal are real
    } else {
        z[k] = make_float2(a.x - b.y, a.y + b.x);
        z[mirror] = make_float2(a.x + b.y, b.x - a.y);
    }
}

KK_DEVICE float2 with_magnitude(float2 c, float magnitude) {
    const float scale = magnitude / (sqrtf(c.x * c.x + c.y * c.y) + 2e-16f);  // c is doubled, as is the 1e-16
    return scale * c;
}

// Gives every bin of every frame its magnitude; the phase is the one in z, or the initial one.
template <bool INITIAL, class Magnitude>
KK_DEVICE void project(const GriffinLimParams& p, const Frames& f, float2* z, int n, Magnitude wanted) {
    const int bins = n / 2 + 1;
    for (int i = threadIdx.x; i < p.pairs * bins; i += blockDim.x) {
        const int pair = i / bins, k = i - pair * bins, mirror = k == 0 ? 0 : n - k, frame = 2 * pair;
        float2* const row = z + pair * n;
        const float wanted_a = wanted(frame, k), wanted_b = wanted(frame + 1, k);
        float2 a, b;
        if (INITIAL) {
            a = wanted_a * initial_phase(p, f.first + frame, k, bins);
            b = wanted_b * initial_phase(p, f.first + frame + 1, k, bins);
        } else {
            const float2 u = row[k], v = row[mirror];
            a = with_magnitude(make_float2(u.x + v.x, u.y - v.y), wanted_a);
            b = with_magnitude(make_float2(u.y + v.y, v.x - u.x), wanted_b);
        }
        merge(row, k, mirror, a, b);
    }
    __syncthreads();
}

// The next signal to analyze, in shared memory; `before` takes the complete sums for the next time.
KK_DEVICE void gather(const GriffinLimParams& p, const Frames& f, float momentum, const float* own, const float* row,
                      float* before, const float* reciprocals, float* direction) {
    for (int s = threadIdx.x; s < f.extent; s += blockDim.x) {
        const float sum = complete(p, f, own[s], row, s);
        direction[s] = reciprocals[s] * (sum - momentum * before[s]);
        before[s] = sum;
    }
    __syncthreads();
}

KK_DEVICE void window_pairs(const GriffinLimParams& p, const float* direction, float2* z, int n) {
    for (int i = threadIdx.x; i < p.pairs * n; i += blockDim.x) {
        const int pair = i / n, at = i - pair * n, s = 2 * pair * p.hop + at;
        const float w = p.window[at];
        z[i] = make_float2(w * direction[s], w * direction[s + p.hop]);
    }
    __syncthreads();
}

// Windowed overlap-add of the block's own frames at sample s of its extent.
KK_DEVICE float overlap_add(const GriffinLimParams& p, const float2* z, int n, int s) {
    const int newest = s / p.hop, last = newest < 2 * p.pairs ? newest : 2 * p.pairs - 1;
    float sum = 0.0f;
    for (int t = s < n ? 0 : (s - n) / p.hop + 1; t <= last; t++) {
        const float2 value = z[(t / 2) * n + s - t * p.hop];
        sum += p.window[s - t * p.hop] * (t % 2 == 0 ? value.x : value.y);
    }
    return sum / static_cast<float>(n);  // the inverse transform is unnormalised
}

KK_DEVICE void write_audio(const GriffinLimParams& p, const Frames& f, int n, const float* own, const float* row,
                           const float* reciprocals) {
    const int padding = (n - p.hop) / 2, mine = f.block + 1 < p.blocks ? f.step : f.extent;
    const int samples = p.frames * p.hop;
    for (int s = threadIdx.x; s < mine; s += blockDim.x) {
        const int at = f.first * p.hop + s - padding;
        if (at < 0 || at >= samples) continue;
        p.audio[static_cast<size_t>(f.item) * samples + at] = complete(p, f, own[s], row, s) * reciprocals[s];
    }
}

// First launch: initial phase, first sums, and the tables that later launches read.
template <class Plan>
KK_DEVICE void start(const GriffinLimParams& p) {
    const int n = Plan::length(p.n_fft);
    const Frames f = frames_of_block(p, n);
    float2 *const first = shared_memory(), *const second = first + p.pairs * n;
    project<true>(p, f, first, n, [&](int frame, int k) { return magnitude(p, f, frame, k); });
    const float2* const z = Plan::template transform<true>(first, second, p.roots, p.radices, n, p.pairs);
    float* const out = sums(p, f, 0);
    for (int s = threadIdx.x; s < f.extent; s += blockDim.x) {
        out[s] = overlap_add(p, z, n, s);
        p.before[f.row + s] = 0.0f;
        p.reciprocals[f.row + s] = reciprocal(p, f, n, s);
    }
}

// One iteration a launch: any length of audio.
template <class Plan>
KK_DEVICE void iterate(const GriffinLimParams& p) {
    const int n = Plan::length(p.n_fft);
    const Frames f = frames_of_block(p, n);
    float2 *const first = shared_memory(), *const second = first + p.pairs * n;
    const float* const now = sums(p, f, p.iteration % 2);
    float* const direction = reinterpret_cast<float*>(second);
    gather(p, f, p.momentum, now, now, p.before + f.row, p.reciprocals + f.row, direction);
    window_pairs(p, direction, first, n);
    float2* z = Plan::template transform<false>(first, second, p.roots, p.radices, n, p.pairs);
    project<false>(p, f, z, n, [&](int frame, int k) { return magnitude(p, f, frame, k); });
    z = Plan::template transform<true>(z, z == first ? second : first, p.roots, p.radices, n, p.pairs);
    float* const out = sums(p, f, (p.iteration + 1) % 2);
    for (int s = threadIdx.x; s < f.extent; s += blockDim.x) out[s] = overlap_add(p, z, n, s);
}

// Waits until both neighbours have published `count` iterations.
KK_DEVICE void wait_for_neighbours(const GriffinLimParams& p, const Frames& f, unsigned count) {
    if (threadIdx.x == 0) {
        const unsigned* const flag = p.flags + blockIdx.x;
        while (f.block > 0 && observe(flag - 1) < count) KK_SPIN();
        while (f.block + 1 < p.blocks && observe(flag + 1) < count) KK_SPIN();
    }
    __syncthreads();
}

// All iterations in one cooperative launch, for audio whose state fits on the chip: sums, tables and magnitudes stay in
// shared memory, and only what neighbours need goes through global memory, two buffers in turn.
template <class Plan>
KK_DEVICE void persist(const GriffinLimParams& p) {
    const int n = Plan::length(p.n_fft), bins = n / 2 + 1;
    const Frames f = frames_of_block(p, n);
    float2 *const first = shared_memory(), *const second = first + p.pairs * n;
    float *const own = reinterpret_cast<float*>(second + p.pairs * n), *const before = own + f.extent;
    float *const reciprocals = before + f.extent, *const kept = reciprocals + f.extent;
    for (int i = threadIdx.x; i < 2 * p.pairs * bins; i += blockDim.x) kept[i] = magnitude(p, f, i / bins, i % bins);
    for (int s = threadIdx.x; s < f.extent; s += blockDim.x) {
        before[s] = 0.0f;
        reciprocals[s] = reciprocal(p, f, n, s);
    }
    __syncthreads();
    const auto wanted = [&](int frame, int k) { return kept[frame * bins + k]; };
    float2* z = first;
    for (int iteration = 0; iteration <= p.iteration; iteration++) {
        if (iteration == 0) {
            project<true>(p, f, z, n, wanted);
        } else {
            wait_for_neighbours(p, f, iteration);
            float* const direction = reinterpret_cast<float*>(second);
            gather(p, f, iteration == 1 ? 0.0f : p.momentum, own, sums(p, f, iteration % 2), before, reciprocals, direction);
            window_pairs(p, direction, first, n);
            z = Plan::template transform<false>(first, second, p.roots, p.radices, n, p.pairs);
            project<false>(p, f, z, n, wanted);
        }
        z = Plan::template transform<true>(z, z == first ? second : first, p.roots, p.radices, n, p.pairs);
        float* const out = sums(p, f, (iteration + 1) % 2);
        for (int s = threadIdx.x; s < f.extent; s += blockDim.x) {
            own[s] = overlap_add(p, z, n, s);
            if (s < f.halo || s >= f.step) out[s] = own[s];
        }
        __syncthreads();
        if (threadIdx.x == 0) publish(p.flags + blockIdx.x, iteration + 1);
    }
    wait_for_neighbours(p, f, p.iteration + 1);
    write_audio(p, f, n, own, sums(p, f, (p.iteration + 1) % 2), reciprocals);
}

}  // namespace kk
