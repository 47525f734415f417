// Upsampling kernels by type.
#include "upsample.cuh"

KK_KERNEL(upsample_float32, UpsampleParams, kk::THREADS, 2) { kk::upsample<kk::Scalar>(p); }
KK_KERNEL(upsample_float16, UpsampleParams, kk::THREADS, 2) { kk::upsample<kk::Tensor<kk::half_t>>(p); }
KK_KERNEL(upsample_bfloat16, UpsampleParams, kk::THREADS, 2) { kk::upsample<kk::Tensor<kk::bfloat_t>>(p); }

#ifndef __CUDACC_RTC__  // NVRTC compiles the device's side only
extern const KkKernel upsample_kernels[] = {KK_ROW(upsample_float32, UpsampleParams),
                                            KK_ROW(upsample_float16, UpsampleParams),
                                            KK_ROW(upsample_bfloat16, UpsampleParams),
                                            {nullptr, nullptr, 0, nullptr}};
#endif
