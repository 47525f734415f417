// One tensor-core step of a warp: C [16, 8] += A [16, 16] B [8, 16]^T with 16-bit operands and float accumulators.
//
// Fragments as in the PTX manual, "Matrix Fragments for mma.m16n8k16": with g = lane / 4 and t = lane % 4, A's four
// registers hold columns 2t, 2t+1 (and + 8) of rows g and g + 8, B's two the same columns of row g, and C's four floats
// columns 2t, 2t+1 of rows g and g + 8.
#pragma once

#include "kernel.h"

namespace kk {

#ifdef KK_HOST
template <class T>
KK_DEVICE float host_operand(float word, int half) {
    T value;
    value.bits = static_cast<unsigned short>(__float_as_uint(word) >> (16 * half));
    return to_float(value);
}
template <class T>
KK_DEVICE void multiply_add(float* c, const unsigned* a, const unsigned* b) {
    float* const slots = kk_host::slots_of_warp();
    const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; i++) slots[8 * lane + i] = __uint_as_float(a[i]);
    for (int i = 0; i < 2; i++) slots[8 * lane + 4 + i] = __uint_as_float(b[i]);
    __syncwarp();
    for (int i = 0; i < 4; i++) {
        const int column = 2 * t + i % 2;
        for (int k = 0; k < 16; k++) {
            const int holder = k % 8 / 2, high = k / 8;
            const float left = slots[8 * (4 * g + holder) + 2 * high + i / 2], right = slots[8 * (4 * column + holder) + 4 + high];
            c[i] += host_operand<T>(left, k % 2) * host_operand<T>(right, k % 2);
        }
    }
    __syncwarp();
}
#else
template <class T>
KK_DEVICE void multiply_add(float* c, const unsigned* a, const unsigned* b);

template <>
__device__ __forceinline__ void multiply_add<half_t>(float* c, const unsigned* a, const unsigned* b) {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    // Turing has the step in two halves.
    for (int i = 0; i < 2; i++)
        asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
            : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
            : "r"(a[2 * i]), "r"(a[2 * i + 1]), "r"(b[i]));
#endif
}
template <>
__device__ __forceinline__ void multiply_add<bfloat_t>(float* c, const unsigned* a, const unsigned* b) {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    __trap();  // the launcher refuses bfloat16 below compute capability 8.0
#endif
}
#endif

}  // namespace kk
