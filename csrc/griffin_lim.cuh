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

template <class Plan>
KK_DEVICE Frames frames_of_block(const GriffinLimParams& p) {
    const int hop = Plan::hop(p.hop), n = Plan::length(p.n_fft), pairs = Plan::pairs(p.pairs);
    Frames f;
    f.item = blockIdx.x / p.blocks;
    f.block = blockIdx.x - f.item * p.blocks;
    f.first = f.block * 2 * pairs;
    f.extent = (2 * pairs - 1) * hop + n;
    f.step = 2 * pairs * hop;
    f.halo = n - hop;  // samples shared with the next block
    f.row = static_cast<size_t>(blockIdx.x) * f.extent;
    return f;
}

KK_DEVICE float* sums(const GriffinLimParams& p, const Frames& f, int parity) {
    return p.now + (static_cast<size_t>(parity) * p.items * p.blocks) * f.extent + f.row;
}

// Own sum plus the neighbours', whose rows lie before and after this block's. `s` and `begin` lie on the same side of
// the borders; the compiler may know `begin`.
KK_DEVICE float complete(const GriffinLimParams& p, const Frames& f, float own, const float* row, int s, int begin) {
    if (begin < f.halo && f.block > 0) own += row[s + f.step - f.extent];
    if (begin >= f.step && f.block + 1 < p.blocks) own += row[s - f.step + f.extent];
    return own;
}

template <class Plan>
KK_DEVICE int begin_of(const GriffinLimParams& p, int segment, int s) {
    return Plan::IS_FIXED ? segment * Plan::hop(p.hop) : s;
}

// One over the sum of squared windows, and over n: the inverse transform is unnormalised. 0 outside the signal.
template <class Plan>
KK_DEVICE float reciprocal(const GriffinLimParams& p, const Frames& f, const float* window, int s) {
    const int n = Plan::length(p.n_fft), hop = Plan::hop(p.hop);
    const int at = f.first * hop + s, inside = at - (n - hop) / 2;
    if (inside < 0 || inside >= p.frames * hop) return 0.0f;
    const int last = at / hop < p.frames ? at / hop : p.frames - 1;
    float sum = 0.0f;
    for (int t = at < n ? 0 : (at - n) / hop + 1; t <= last; t++) {
        const float w = window[at - t * hop];
        sum += w * w;
    }
    return sum > 0.0f ? 1.0f / (static_cast<float>(n) * sum) : 0.0f;
}

KK_DEVICE float magnitude(const GriffinLimParams& p, const Frames& f, int frame, int k) {
    if (f.first + frame >= p.frames) return 0.0f;
    return p.magnitude[f.item * p.item_stride + (f.first + frame) * p.frame_stride + k * p.bin_stride];
}

// The same where the bins of a frame are neighbours, as they are where each iteration has a launch of its own.
KK_DEVICE float dense_magnitude(const GriffinLimParams& p, const Frames& f, int frame, int k) {
    if (f.first + frame >= p.frames) return 0.0f;
    return p.magnitude[f.item * p.item_stride + (f.first + frame) * p.frame_stride + k];
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
    // c is doubled; what is added is a square of 2e-16, so that zero stays zero.
    return magnitude * inverse_root(c.x * c.x + c.y * c.y + 4e-32f) * c;
}

// Gives every bin of every frame its magnitude; the phase is the one in z, or the initial one.
template <class Plan, bool INITIAL, int AT_ONCE = 2, class Magnitude>
KK_DEVICE void project(const GriffinLimParams& p, const Frames& f, float2* z, Magnitude wanted) {
    const int n = Plan::length(p.n_fft), bins = n / 2 + 1;
    Plan::template bins<AT_ONCE>(Plan::pairs(p.pairs), bins, [&](int pair, int k) {
        const int mirror = k == 0 ? 0 : n - k, frame = 2 * pair;
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
    });
    __syncthreads();
}

// The shared memory of a block.
struct Buffers {
    float2 *first, *second;  // [pairs, n] each: what the transforms read and write in turn
    float2* roots;           // [n]
    float* window;           // [n]
    float* rest;
};

// Takes the tables into shared memory; others may read them behind the next barrier.
template <class Plan>
KK_DEVICE Buffers make_buffers(const GriffinLimParams& p) {
    const int n = Plan::length(p.n_fft), size = Plan::pairs(p.pairs) * n;
    Buffers b;
    b.first = shared_memory();
    b.second = b.first + size;
    b.roots = b.second + size;
    b.window = reinterpret_cast<float*>(b.roots + n);
    b.rest = b.window + n;
    Plan::copy(p.roots, b.roots, n);
    Plan::copy(p.window, b.window, n);
    return b;
}

// Spectra of windowed frames of a signal that lies in the first buffer.
template <class Plan>
KK_DEVICE float2* analyze(const GriffinLimParams& p, const Buffers& b) {
    const int n = Plan::length(p.n_fft), hop = Plan::hop(p.hop);
    const float *const direction = reinterpret_cast<const float*>(b.first), *const window = b.window;
    const auto load = [&](int pair, int i) {
        const int s = 2 * pair * hop + i;
        const float w = window[i];
        return make_float2(w * direction[s], w * direction[s + hop]);
    };
    const auto map = [](int, float2 value) { return value; };
    return Plan::template transform<false>(load, map, b.first, b.second, b.roots, p.radices, n, Plan::pairs(p.pairs));
}

// Windowed frames of spectra z, which lie in one of the buffers; `other` is the other one.
template <class Plan>
KK_DEVICE float2* synthesize(const GriffinLimParams& p, const Buffers& b, float2* z, float2* other) {
    const int n = Plan::length(p.n_fft);
    const float* const window = b.window;
    const auto map = [&](int i, float2 value) { return window[i] * value; };
    return Plan::template transform<true>(Rows{z, n}, map, z, other, b.roots, p.radices, n, Plan::pairs(p.pairs));
}

// The next signal to analyze, in the first buffer; `before` takes the complete sums for the next time.
template <class Plan, class Kept>
KK_DEVICE void gather(const GriffinLimParams& p, const Frames& f, const Buffers& b, float momentum, Kept& own,
                      const float* row, float* before, const float* reciprocals) {
    float* const direction = reinterpret_cast<float*>(b.first);
    Plan::samples(f.extent, [&](int segment, int s) {
        const float sum = complete(p, f, own(segment, s), row, s, begin_of<Plan>(p, segment, s));
        direction[s] = reciprocals[s] * (sum - momentum * before[s]);
        before[s] = sum;
    });
    __syncthreads();
}

// Overlap-add of the block's own windowed frames z at sample s of its extent.
template <class Plan>
KK_DEVICE float overlap_add(const GriffinLimParams& p, const float2* z, int segment, int s) {
    const int n = Plan::length(p.n_fft), hop = Plan::hop(p.hop), frames = 2 * Plan::pairs(p.pairs);
    const int newest = Plan::IS_FIXED ? segment : s / hop, last = newest < frames ? newest : frames - 1;
    const int first = Plan::IS_FIXED ? newest - n / hop + 1 : s < n ? 0 : (s - n) / hop + 1;
    float sum = 0.0f;
#pragma unroll
    for (int t = first < 0 ? 0 : first; t <= last; t++) {
        const float2& value = z[(t / 2) * n + s - t * hop];
        sum += t % 2 == 0 ? value.x : value.y;
    }
    return sum;
}

template <class Plan, class Kept>
KK_DEVICE void write_audio(const GriffinLimParams& p, const Frames& f, Kept& own, const float* row, const float* reciprocals) {
    const int n = Plan::length(p.n_fft), hop = Plan::hop(p.hop);
    const int padding = (n - hop) / 2, mine = f.block + 1 < p.blocks ? f.step : f.extent;
    const int samples = p.frames * hop;
    Plan::samples(f.extent, [&](int segment, int s) {
        const int at = f.first * hop + s - padding;
        if (s >= mine || at < 0 || at >= samples) return;
        const float sum = complete(p, f, own(segment, s), row, s, begin_of<Plan>(p, segment, s));
        p.audio[static_cast<size_t>(f.item) * samples + at] = sum * reciprocals[s];
    });
}

// A row of a buffer in global memory.
struct Row {
    float* at;
    __device__ __forceinline__ float& operator()(int, int s) const { return at[s]; }
};

// First launch: initial phase, first sums, and the tables that later launches read.
template <class Plan>
KK_DEVICE void start(const GriffinLimParams& p) {
    const Frames f = frames_of_block<Plan>(p);
    const Buffers b = make_buffers<Plan>(p);
    project<Plan, true>(p, f, b.first, [&](int frame, int k) { return magnitude(p, f, frame, k); });
    const float2* const z = synthesize<Plan>(p, b, b.first, b.second);
    float* const out = sums(p, f, 0);
    Plan::samples(f.extent, [&](int segment, int s) {
        out[s] = overlap_add<Plan>(p, z, segment, s);
        p.before[f.row + s] = 0.0f;
        p.reciprocals[f.row + s] = reciprocal<Plan>(p, f, b.window, s);
    });
}

// One iteration a launch: any length of audio.
template <class Plan>
KK_DEVICE void iterate(const GriffinLimParams& p) {
    const Frames f = frames_of_block<Plan>(p);
    const Buffers b = make_buffers<Plan>(p);
    Row now{sums(p, f, p.iteration % 2)};
    gather<Plan>(p, f, b, p.momentum, now, now.at, p.before + f.row, p.reciprocals + f.row);
    float2* z = analyze<Plan>(p, b);
    project<Plan, false, 8>(p, f, z, [&](int frame, int k) { return dense_magnitude(p, f, frame, k); });
    // A difference, since the compiler does not see that a choice of buffers lies in shared memory.
    z = synthesize<Plan>(p, b, z, b.first + (b.second - z));
    float* const out = sums(p, f, (p.iteration + 1) % 2);
    Plan::samples(f.extent, [&](int segment, int s) { out[s] = overlap_add<Plan>(p, z, segment, s); });
}

// Waits until both neighbours have published `count` iterations.
KK_DEVICE void wait_for_neighbours(const GriffinLimParams& p, const Frames& f, unsigned count) {
    if (threadIdx.x == 0) {
        const unsigned* const flag = p.flags + blockIdx.x;
        if (f.block > 0) wait_for(flag - 1, count);
        if (f.block + 1 < p.blocks) wait_for(flag + 1, count);
    }
    __syncthreads();
}

// All iterations in one cooperative launch, for audio whose state fits on the chip: sums, tables and magnitudes stay in
// registers and shared memory, and only what neighbours need goes through global memory, two buffers in turn.
template <class Plan>
KK_DEVICE void persist(const GriffinLimParams& p) {
    const int bins = Plan::length(p.n_fft) / 2 + 1;
    const Frames f = frames_of_block<Plan>(p);
    const Buffers b = make_buffers<Plan>(p);
    float *const kept = b.rest, *const reciprocals = kept + 2 * Plan::pairs(p.pairs) * bins;
    float* const before = reciprocals + f.extent;
    typename Plan::Kept own(before + f.extent);
    Plan::template bins<2>(Plan::pairs(p.pairs), bins, [&](int pair, int k) {
        for (int frame = 2 * pair; frame < 2 * pair + 2; frame++) kept[frame * bins + k] = magnitude(p, f, frame, k);
    });
    __syncthreads();
    Plan::samples(f.extent, [&](int segment, int s) {
        before[s] = 0.0f;
        reciprocals[s] = reciprocal<Plan>(p, f, b.window, s);
    });
    const auto wanted = [&](int frame, int k) { return kept[frame * bins + k]; };
    project<Plan, true>(p, f, b.first, wanted);
    float2* z = b.first;
    const float* neighbours = nullptr;
#pragma unroll 1
    for (int iteration = 0;; iteration++) {
        z = synthesize<Plan>(p, b, z, z == b.first ? b.second : b.first);
        float* const out = sums(p, f, iteration % 2);
        Plan::samples(f.extent, [&](int segment, int s) {
            const int begin = begin_of<Plan>(p, segment, s);
            const float sum = overlap_add<Plan>(p, z, segment, s);
            own(segment, s) = sum;
            if (begin < f.halo || begin >= f.step) out[s] = sum;
        });
        __syncthreads();
        if (threadIdx.x == 0) publish(p.flags + blockIdx.x, iteration + 1);
        wait_for_neighbours(p, f, iteration + 1);
        neighbours = out;
        if (iteration == p.iteration) break;
        gather<Plan>(p, f, b, iteration == 0 ? 0.0f : p.momentum, own, neighbours, before, reciprocals);
        z = analyze<Plan>(p, b);
        project<Plan, false>(p, f, z, wanted);
    }
    write_audio<Plan>(p, f, own, neighbours, reciprocals);
}

}  // namespace kk
