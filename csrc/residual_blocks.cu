// Residual blocks by type and by width, to which the channels are filled up.
#include "residual_blocks.cuh"

#define KK_RESIDUAL_BLOCKS(NAME, BLOCKS, ...)                                                           \
    KK_KERNEL(residual_blocks_##NAME, ResidualBlocksParams, kk::RESIDUAL_THREADS, BLOCKS) {             \
        kk::residual_blocks<__VA_ARGS__>(p);                                                            \
    }

KK_RESIDUAL_BLOCKS(float32_16, 2, kk::ScalarRows<16>)
KK_RESIDUAL_BLOCKS(float32_32, 2, kk::ScalarRows<32>)
KK_RESIDUAL_BLOCKS(float32_64, 1, kk::ScalarRows<64>)
KK_RESIDUAL_BLOCKS(float16_16, 2, kk::TensorRows<kk::half_t, 16>)
KK_RESIDUAL_BLOCKS(float16_32, 2, kk::TensorRows<kk::half_t, 32>)
KK_RESIDUAL_BLOCKS(float16_64, 1, kk::TensorRows<kk::half_t, 64>)
KK_RESIDUAL_BLOCKS(bfloat16_16, 2, kk::TensorRows<kk::bfloat_t, 16>)
KK_RESIDUAL_BLOCKS(bfloat16_32, 2, kk::TensorRows<kk::bfloat_t, 32>)
KK_RESIDUAL_BLOCKS(bfloat16_64, 1, kk::TensorRows<kk::bfloat_t, 64>)

#ifndef __CUDACC_RTC__  // NVRTC compiles the device's side only
#define KK_RESIDUAL_BLOCKS_ROWS(TYPE)                                                                                 \
    KK_ROW(residual_blocks_##TYPE##_16, ResidualBlocksParams), KK_ROW(residual_blocks_##TYPE##_32, ResidualBlocksParams), \
        KK_ROW(residual_blocks_##TYPE##_64, ResidualBlocksParams)

extern const KkKernel residual_blocks_kernels[] = {KK_RESIDUAL_BLOCKS_ROWS(float32), KK_RESIDUAL_BLOCKS_ROWS(float16),
                                                   KK_RESIDUAL_BLOCKS_ROWS(bfloat16), {nullptr, nullptr, 0, nullptr}};
#endif
