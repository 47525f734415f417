// One tensor-core step of a warp: C [16, 8] += A [16, 16] B [8, 16]^T with 16-bit operands and float accumulators.
//
// Fragments as in the PTX manual, "Matrix Fragments for mma.m16n8k16": with g = lane / 4 and t = lane % 4, A's four
// registers hold columns 2t, 2t+1 (and + 8) of rows g and g + 8, B's two the same columns of row g, and C's four floats
// columns 2t, 2t+1 of rows g and g + 8.
#pragma once

#include "kernel.h"

namespace kk {

// Two operands of a register, the first in its low half.
template <class T>
KK_DEVICE float low_of(unsigned word) {
    return to_float(T{static_cast<unsigned short>(word)});
}
template <class T>
KK_DEVICE float high_of(unsigned word) {
    return to_float(T{static_cast<unsigned short>(word >> 16)});
}
template <class T>
KK_DEVICE unsigned pair_of(float low, float high) {
    T first, second;
    from_float(low, first);
    from_float(high, second);
    return first.bits | static_cast<unsigned>(second.bits) << 16;
}
#if !defined(KK_HOST) && __CUDA_ARCH__ >= 800
template <>
__device__ __forceinline__ unsigned pair_of<half_t>(float low, float high) {
    unsigned word;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
    return word;
}
template <>
__device__ __forceinline__ unsigned pair_of<bfloat_t>(float low, float high) {
    unsigned word;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
    return word;
}
#endif

#ifdef KK_HOST
// A place in shared memory, in bytes.
using SharedAddress = unsigned long;
template <class T>
KK_DEVICE SharedAddress shared_address(const T* pointer) {
    return reinterpret_cast<SharedAddress>(pointer);
}

// A's four registers. Lane i gives the address of columns (i / 16 * 8) to + 7 of row i % 16, 16 bytes.
KK_DEVICE void load_matrices(unsigned* a, SharedAddress row) {
    float* const slots = kk_host::slots_of_warp();
    const int lane = threadIdx.x % 32;
    std::memcpy(slots + 16 * lane, &row, sizeof row);
    __syncwarp();
    for (int i = 0; i < 4; i++) {
        std::memcpy(&row, slots + 16 * (8 * i + lane / 4), sizeof row);
        a[i] = reinterpret_cast<const unsigned*>(row)[lane % 4];
    }
    __syncwarp();
}

template <class T>
KK_DEVICE void multiply_add(float* c, const unsigned* a, const unsigned* b) {
    float* const slots = kk_host::slots_of_warp();
    const int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    for (int i = 0; i < 6; i++) {
        const unsigned word = i < 4 ? a[i] : b[i - 4];
        slots[16 * lane + 2 * i] = low_of<T>(word);
        slots[16 * lane + 2 * i + 1] = high_of<T>(word);
    }
    __syncwarp();
    for (int i = 0; i < 4; i++) {
        const int column = 2 * t + i % 2;
        for (int k = 0; k < 16; k++) {
            const int holder = k % 8 / 2, high = k / 8;
            const float left = slots[16 * (4 * g + holder) + 4 * high + i / 2 * 2 + k % 2];
            c[i] += left * slots[16 * (4 * column + holder) + 8 + 2 * high + k % 2];
        }
    }
    __syncwarp();
}
#else
using SharedAddress = unsigned;
template <class T>
KK_DEVICE SharedAddress shared_address(const T* pointer) {
    return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}
KK_DEVICE void load_matrices(unsigned* a, SharedAddress row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3])
                 : "r"(row));
}

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
