// Griffin-Lim kernels by transform length: the two common ones with radices known to the compiler, and any other.
#include "griffin_lim.cuh"

namespace kk {
using Plan1200 = Fixed<1200, 4, 4, 3, 5, 5>;
using Plan1024 = Fixed<1024, 4, 4, 8, 8>;
}  // namespace kk

#define KK_GRIFFIN_LIM(NAME, PLAN)                                                                          \
    KK_KERNEL(griffin_lim_start_##NAME, GriffinLimParams, 256, 2) { kk::start<PLAN>(p); }                   \
    KK_KERNEL(griffin_lim_iterate_##NAME, GriffinLimParams, 256, 2) { kk::iterate<PLAN>(p); }               \
    KK_KERNEL(griffin_lim_persist_##NAME, GriffinLimParams, 256, 2) { kk::persist<PLAN>(p); }

KK_GRIFFIN_LIM(1200, kk::Plan1200)
KK_GRIFFIN_LIM(1024, kk::Plan1024)
KK_GRIFFIN_LIM(any, kk::Any)

KK_KERNEL(griffin_lim_finish, GriffinLimParams, 256, 2) {
    const kk::Frames f = kk::frames_of_block(p, p.n_fft);
    const float* const now = kk::sums(p, f, p.iteration % 2);
    kk::write_audio(p, f, p.n_fft, now, now, p.reciprocals + f.row);
}

#ifndef __CUDACC_RTC__  // NVRTC compiles the device's side only
#define KK_GRIFFIN_LIM_ROWS(NAME)                                                                                    \
    KK_ROW(griffin_lim_start_##NAME, GriffinLimParams), KK_ROW(griffin_lim_iterate_##NAME, GriffinLimParams),        \
        KK_ROW(griffin_lim_persist_##NAME, GriffinLimParams)

extern const KkKernel griffin_lim_kernels[] = {KK_GRIFFIN_LIM_ROWS(1200), KK_GRIFFIN_LIM_ROWS(1024),
                                               KK_GRIFFIN_LIM_ROWS(any), KK_ROW(griffin_lim_finish, GriffinLimParams),
                                               {nullptr, nullptr, 0, nullptr}};
#endif
