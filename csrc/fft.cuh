// Complex Fourier transforms of any length 2^a 3^b 5^c by one block, in shared memory.
//
// Stockham's autosort form (C. Van Loan, "Computational Frameworks for the Fast Fourier Transform", 1992, section 1.7):
// each pass reads one buffer and writes the other in order, so there is no bit reversal. Several transforms of the same
// length run side by side. The first pass takes its values from `load(transform, index)`, and what the last one writes has
// gone through `map(index, value)`: windows are applied on the way.
#pragma once

#include "kernel.h"

namespace kk {

KK_DEVICE float2 operator+(float2 a, float2 b) { return make_float2(a.x + b.x, a.y + b.y); }
KK_DEVICE float2 operator-(float2 a, float2 b) { return make_float2(a.x - b.x, a.y - b.y); }
KK_DEVICE float2 operator*(float a, float2 b) { return make_float2(a * b.x, a * b.y); }
KK_DEVICE float2 operator*(float2 a, float2 b) { return make_float2(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x); }

// Times -i in the forward transform, times i in the inverse.
template <bool INVERSE>
KK_DEVICE float2 quarter(float2 a) {
    return INVERSE ? make_float2(-a.y, a.x) : make_float2(a.y, -a.x);
}

template <int R, bool INVERSE>
struct Butterfly;

template <bool INVERSE>
struct Butterfly<2, INVERSE> {
    KK_DEVICE void run(float2* v) {
        const float2 a = v[0];
        v[0] = a + v[1];
        v[1] = a - v[1];
    }
};
template <bool INVERSE>
struct Butterfly<3, INVERSE> {
    KK_DEVICE void run(float2* v) {
        const float2 sum = v[1] + v[2], turned = quarter<INVERSE>(0.866025403784438647f * (v[1] - v[2]));
        const float2 rest = v[0] - 0.5f * sum;
        v[0] = v[0] + sum;
        v[1] = rest + turned;
        v[2] = rest - turned;
    }
};
template <bool INVERSE>
struct Butterfly<4, INVERSE> {
    KK_DEVICE void run(float2* v) {
        const float2 a = v[0] + v[2], b = v[0] - v[2], c = v[1] + v[3], d = quarter<INVERSE>(v[1] - v[3]);
        v[0] = a + c;
        v[1] = b + d;
        v[2] = a - c;
        v[3] = b - d;
    }
};
template <bool INVERSE>
struct Butterfly<5, INVERSE> {
    KK_DEVICE void run(float2* v) {
        const float2 a = v[1] + v[4], b = v[1] - v[4], c = v[2] + v[3], d = v[2] - v[3];
        const float2 first = v[0] + 0.309016994374947424f * a - 0.809016994374947424f * c;
        const float2 second = v[0] - 0.809016994374947424f * a + 0.309016994374947424f * c;
        const float2 low = quarter<INVERSE>(0.951056516295153572f * b + 0.587785252292473129f * d);
        const float2 high = quarter<INVERSE>(0.587785252292473129f * b - 0.951056516295153572f * d);
        v[0] = v[0] + a + c;
        v[1] = first + low;
        v[2] = second + high;
        v[3] = second - high;
        v[4] = first - low;
    }
};
template <bool INVERSE>
struct Butterfly<8, INVERSE> {
    KK_DEVICE void run(float2* v) {
        float2 even[4] = {v[0], v[2], v[4], v[6]}, odd[4] = {v[1], v[3], v[5], v[7]};
        Butterfly<4, INVERSE>::run(even);
        Butterfly<4, INVERSE>::run(odd);
        const float half = 0.707106781186547524f;
        odd[1] = half * (odd[1] + quarter<INVERSE>(odd[1]));
        odd[2] = quarter<INVERSE>(odd[2]);
        odd[3] = half * (quarter<INVERSE>(odd[3]) - odd[3]);
#pragma unroll
        for (int j = 0; j < 4; j++) {
            v[j] = even[j] + odd[j];
            v[j + 4] = even[j] - odd[j];
        }
    }
};

// Factors A and B without a common divisor: no multiplications between them (I. Good, "The interaction algorithm and
// practical Fourier analysis", J. R. Stat. Soc. B, 1958). Input a B + b A is (a, b), output a FIRST + b SECOND.
template <int A, int B, int FIRST, int SECOND, bool INVERSE>
struct Coprime {
    KK_DEVICE void run(float2* v) {
        float2 columns[A][B];
#pragma unroll
        for (int b = 0; b < B; b++) {
            float2 row[A];
#pragma unroll
            for (int a = 0; a < A; a++) row[a] = v[(a * B + b * A) % (A * B)];
            Butterfly<A, INVERSE>::run(row);
#pragma unroll
            for (int a = 0; a < A; a++) columns[a][b] = row[a];
        }
#pragma unroll
        for (int a = 0; a < A; a++) {
            Butterfly<B, INVERSE>::run(columns[a]);
#pragma unroll
            for (int b = 0; b < B; b++) v[(a * FIRST + b * SECOND) % (A * B)] = columns[a][b];
        }
    }
};
template <bool INVERSE>
struct Butterfly<10, INVERSE> : Coprime<2, 5, 5, 6, INVERSE> {};
template <bool INVERSE>
struct Butterfly<12, INVERSE> : Coprime<3, 4, 4, 9, INVERSE> {};

// One pass of radix R over `count` transforms of length n; `done` is the product of the radices before it.
template <int R, bool INVERSE, class Load, class Store>
KK_DEVICE void pass(const float2* roots, int n, int done, int count, int threads, Load load, Store store) {
    const int each = n / R;
#pragma unroll
    for (int i = threadIdx.x; i < count * each; i += threads) {
        const int which = i / each, at = i - which * each, k = at % done;
        float2 v[R];
#pragma unroll
        for (int j = 0; j < R; j++) v[j] = load(which, at + j * each);
        if (done > 1) {
            const int step = k * (each / done);
#pragma unroll
            for (int j = 1; j < R; j++) {
                float2 root = roots[j * step];
                if (INVERSE) root.y = -root.y;
                v[j] = v[j] * root;
            }
        }
        Butterfly<R, INVERSE>::run(v);
#pragma unroll
        for (int j = 0; j < R; j++) store(which, (at - k) * R + k + j * done, v[j]);
    }
    __syncthreads();
}

// Rows of a buffer, read or written.
struct Rows {
    float2* at;
    int n;
    __device__ __forceinline__ float2 operator()(int which, int i) const { return at[which * n + i]; }
    __device__ __forceinline__ void operator()(int which, int i, float2 value) const { at[which * n + i] = value; }
};

KK_DEVICE void exchange(float2*& a, float2*& b) {
    float2* const kept = a;
    a = b;
    b = kept;
}

// Everything known to the compiler: lengths, radices, and as many threads as a hop has samples, or a few more. A block's
// thread owns the samples `thread + i hop`, so what is kept of them lies in its registers.
template <int N, int HOP, int PAIRS, int THREADS, int... RADICES>
struct Fixed {
    static constexpr int SEGMENTS = 2 * PAIRS - 1 + N / HOP;
    static_assert(N % HOP == 0 && THREADS >= HOP && THREADS % (32 * PAIRS) == 0, "a thread has one sample of each hop");
    struct Kept {
        float values[SEGMENTS];
        __device__ __forceinline__ explicit Kept(float*) {}
        __device__ __forceinline__ float& operator()(int segment, int) { return values[segment]; }
    };
    static constexpr bool IS_FIXED = true;

    KK_DEVICE int length(int) { return N; }
    KK_DEVICE int hop(int) { return HOP; }
    KK_DEVICE int pairs(int) { return PAIRS; }
    KK_DEVICE int threads() { return THREADS; }
    // body(segment, sample) for each sample that this thread owns.
    template <class Body>
    KK_DEVICE void samples(int, Body body) {
        const int thread = threadIdx.x;  // signed, so that offsets are known not to wrap and become immediates
        if (thread >= HOP) return;
#pragma unroll
        for (int i = 0; i < SEGMENTS; i++) body(i, i * HOP + thread);
    }
    // body(pair, bin) for each bin of each pair, AT_ONCE of them in a row.
    template <int AT_ONCE, class Body>
    KK_DEVICE void bins(int, int, Body body) {
        constexpr int EACH = THREADS / PAIRS, BINS = N / 2 + 1;
        const int thread = threadIdx.x, pair = thread / EACH, first = thread % EACH;
#pragma unroll AT_ONCE
        for (int i = 0; i < (BINS + EACH - 1) / EACH; i++) {
            if ((i + 1) * EACH <= BINS || first < BINS - i * EACH) body(pair, first + i * EACH);
        }
    }
    // Tables, 16 bytes at a time.
    template <class T>
    KK_DEVICE void copy(const T* from, T* to, int) {
        constexpr int COUNT = N * sizeof(T) / sizeof(float4);
        static_assert(N * sizeof(T) % sizeof(float4) == 0, "whole vectors");
        const int thread = threadIdx.x;
#pragma unroll
        for (int i = 0; i < (COUNT + THREADS - 1) / THREADS; i++) {
            const int at = i * THREADS + thread;
            if (at < COUNT) reinterpret_cast<float4*>(to)[at] = reinterpret_cast<const float4*>(from)[at];
        }
    }
    // The buffer with the result, one of the two; `load` may read the first, until it is written.
    template <bool INVERSE, class Load, class Map>
    KK_DEVICE float2* transform(Load load, Map map, float2* from, float2* to, const float2* roots, const int*, int, int) {
        return passes<INVERSE, 1, RADICES...>(load, map, from, to, roots);
    }
    template <bool INVERSE, int DONE, int R, int... REST, class Load, class Map>
    KK_DEVICE float2* passes(Load load, Map map, float2* from, float2* to, const float2* roots) {
        const Rows out{to, N};
        if constexpr (sizeof...(REST) == 0) {
            pass<R, INVERSE>(roots, N, DONE, PAIRS, THREADS, load,
                             [&](int which, int i, float2 value) { out(which, i, map(i, value)); });
            return to;
        } else {
            pass<R, INVERSE>(roots, N, DONE, PAIRS, THREADS, load, out);
            return passes<INVERSE, DONE * R, REST...>(out, map, to, from, roots);
        }
    }
};

// Any length, its radices from the parameters: `radices` ends with 0.
struct Any {
    struct Kept {
        float* values;
        __device__ __forceinline__ explicit Kept(float* memory) : values(memory) {}
        __device__ __forceinline__ float& operator()(int, int sample) { return values[sample]; }
    };
    static constexpr bool IS_FIXED = false;

    KK_DEVICE int length(int n) { return n; }
    KK_DEVICE int hop(int hop) { return hop; }
    KK_DEVICE int pairs(int pairs) { return pairs; }
    KK_DEVICE int threads() { return blockDim.x; }
    template <class T>
    KK_DEVICE void copy(const T* from, T* to, int n) {
#pragma unroll 1
        for (int i = threadIdx.x; i < n; i += blockDim.x) to[i] = from[i];
    }
    template <class Body>
    KK_DEVICE void samples(int extent, Body body) {
#pragma unroll 1
        for (int s = threadIdx.x; s < extent; s += blockDim.x) body(0, s);
    }
    template <int, class Body>
    KK_DEVICE void bins(int pairs, int bins, Body body) {
#pragma unroll 1
        for (int i = threadIdx.x; i < pairs * bins; i += blockDim.x) body(i / bins, i % bins);
    }
    template <bool INVERSE, class Load, class Map>
    KK_DEVICE float2* transform(Load load, Map map, float2* from, float2* to, const float2* roots, const int* radices, int n,
                                int count) {
#pragma unroll 1
        for (int i = threadIdx.x; i < count * n; i += blockDim.x) to[i] = load(i / n, i % n);
        __syncthreads();
        exchange(from, to);
        int done = 1;
        for (; *radices != 0; done *= *radices++) {
            const Rows in{from, n}, out{to, n};
            if (*radices == 2) pass<2, INVERSE>(roots, n, done, count, blockDim.x, in, out);
            if (*radices == 3) pass<3, INVERSE>(roots, n, done, count, blockDim.x, in, out);
            if (*radices == 4) pass<4, INVERSE>(roots, n, done, count, blockDim.x, in, out);
            if (*radices == 5) pass<5, INVERSE>(roots, n, done, count, blockDim.x, in, out);
            exchange(from, to);
        }
#pragma unroll 1
        for (int i = threadIdx.x; i < count * n; i += blockDim.x) from[i] = map(i % n, from[i]);
        __syncthreads();
        return from;
    }
};

}  // namespace kk
