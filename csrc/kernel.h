// What every kernel file shares: the three compilers it meets (nvcc, NVRTC, g++ through host_shim.h) and storage types.
// A kernel takes one struct of parameters by value.
#pragma once

#include "table.h"

#ifdef KK_HOST
#include "host_shim.h"
#else
#define KK_SPIN() __nanosleep(32)
#endif

#define KK_DEVICE static __device__ __forceinline__

// extern "C", so that NVRTC and the driver find it by its name. BLOCKS must fit on a multiprocessor: it bounds registers.
#define KK_KERNEL(NAME, PARAMS, THREADS, BLOCKS) extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) NAME(PARAMS p)

#ifndef KK_HOST
extern __shared__ __align__(16) float2 kk_shared[];  // vectors of 16 bytes are loaded from it
#endif

namespace kk {

// 16-bit floats by their bits: no cuda_fp16.h, which NVRTC and g++ do not have.
struct half_t {
    unsigned short bits;
};
struct bfloat_t {
    unsigned short bits;
};

KK_DEVICE float to_float(float x) { return x; }
KK_DEVICE float to_float(bfloat_t x) { return __uint_as_float(static_cast<unsigned>(x.bits) << 16); }
KK_DEVICE void from_float(float x, float& out) { out = x; }

// To nearest, ties to even; infinity stays infinity and NaN stays NaN.
KK_DEVICE void from_float(float x, bfloat_t& out) {
    const unsigned bits = __float_as_uint(x);
    const unsigned rounded = x != x ? bits | 0x400000u : bits + 0x7fffu + ((bits >> 16) & 1u);
    out.bits = static_cast<unsigned short>(rounded >> 16);
}

#ifdef KK_HOST
KK_DEVICE float to_float(half_t x) { return host_half_to_float(x.bits); }
KK_DEVICE void from_float(float x, half_t& out) { out.bits = host_float_to_half(x); }
KK_DEVICE float2* shared_memory() {
    return reinterpret_cast<float2*>(kk_host::launch->shared[kk_host::current->block].data());
}
KK_DEVICE void publish(unsigned* flag, unsigned value) { __atomic_store_n(flag, value, __ATOMIC_RELEASE); }
KK_DEVICE void wait_for(const unsigned* flag, unsigned least) {
    while (__atomic_load_n(flag, __ATOMIC_ACQUIRE) < least) KK_SPIN();
}
KK_DEVICE float inverse_root(float x) { return 1.0f / std::sqrt(x); }
#else
KK_DEVICE float to_float(half_t x) {
    float out;
    asm("cvt.f32.f16 %0, %1;" : "=f"(out) : "h"(x.bits));
    return out;
}
KK_DEVICE void from_float(float x, half_t& out) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(out.bits) : "f"(x)); }
KK_DEVICE float2* shared_memory() { return kk_shared; }
KK_DEVICE void publish(unsigned* flag, unsigned value) {
    asm volatile("st.release.gpu.global.u32 [%0], %1;" : : "l"(flag), "r"(value) : "memory");
}
// Until another block has published so much. An acquiring load empties the multiprocessor's first cache, so only the last
// one is.
KK_DEVICE void wait_for(const unsigned* flag, unsigned least) {
    unsigned value;
    do {
        asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(flag) : "memory");
        if (value < least) KK_SPIN();
    } while (value < least);
    asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(flag) : "memory");
}
KK_DEVICE float inverse_root(float x) {
    float out;
    asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(out) : "f"(x));
    return out;
}
#endif

}  // namespace kk

#ifdef KK_HOST
#define KK_ROW(NAME, PARAMS) {#NAME, nullptr, sizeof(PARAMS), [](const void* p) { NAME(*static_cast<const PARAMS*>(p)); }}
#else
#define KK_ROW(NAME, PARAMS) {#NAME, reinterpret_cast<const void*>(NAME), sizeof(PARAMS), nullptr}
#endif
