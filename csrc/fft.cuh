// Complex Fourier transforms of any length 2^a 3^b 5^c by one block, in shared memory.
//
// Stockham's autosort form (C. Van Loan, "Computational Frameworks for the Fast Fourier Transform", 1992, section 1.7):
// each pass reads one buffer and writes the other in order, so there is no bit reversal. Several transforms of the same
// length run side by side.
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

// One pass of radix R over `count` transforms of length n; `done` is the product of the radices before it.
template <int R, bool INVERSE>
KK_DEVICE void pass(const float2* in, float2* out, const float2* roots, int n, int done, int count) {
    const int each = n / R;
    for (int i = threadIdx.x; i < count * each; i += blockDim.x) {
        const int which = i / each, at = i - which * each, k = at % done;
        float2 v[R];
#pragma unroll
        for (int j = 0; j < R; j++) v[j] = in[which * n + at + j * each];
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
        for (int j = 0; j < R; j++) out[which * n + (at - k) * R + k + j * done] = v[j];
    }
    __syncthreads();
}

// A length and its radices known to the compiler. The result is in the buffer that `transform` returns.
template <int N, int... RADICES>
struct Fixed {
    KK_DEVICE int length(int) { return N; }
    template <bool INVERSE>
    KK_DEVICE float2* transform(float2* from, float2* to, const float2* roots, const int*, int, int count) {
        int done = 1;
        ((pass<RADICES, INVERSE>(from, to, roots, N, done, count), done *= RADICES, swap(from, to)), ...);
        return from;
    }
    KK_DEVICE void swap(float2*& a, float2*& b) {
        float2* const kept = a;
        a = b;
        b = kept;
    }
};

// Any length, its radices from the parameters: `radices` ends with 0.
struct Any {
    KK_DEVICE int length(int n) { return n; }
    template <bool INVERSE>
    KK_DEVICE float2* transform(float2* from, float2* to, const float2* roots, const int* radices, int n, int count) {
        int done = 1;
        for (; *radices != 0; done *= *radices++) {
            if (*radices == 2) pass<2, INVERSE>(from, to, roots, n, done, count);
            if (*radices == 3) pass<3, INVERSE>(from, to, roots, n, done, count);
            if (*radices == 4) pass<4, INVERSE>(from, to, roots, n, done, count);
            if (*radices == 5) pass<5, INVERSE>(from, to, roots, n, done, count);
            float2* const kept = from;
            from = to;
            to = kept;
        }
        return from;
    }
};

}  // namespace kk
