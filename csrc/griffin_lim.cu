// Griffin-Lim kernels by transform length and hop: the two common ones known to the compiler, and any other.
#include "griffin_lim.cuh"

namespace kk {
using Plan1200 = Fixed<1200, 300, 2, 320, 10, 10, 12>;
using Plan1024 = Fixed<1024, 256, 2, 256, 4, 4, 8, 8>;
}  // namespace kk

#define KK_GRIFFIN_LIM(NAME, PLAN, THREADS)                                                                     \
    KK_KERNEL(griffin_lim_start_##NAME, GriffinLimParams, THREADS, 2) { kk::start<PLAN>(p); }                   \
    KK_KERNEL(griffin_lim_iterate_##NAME, GriffinLimParams, THREADS, 2) { kk::iterate<PLAN>(p); }               \
    KK_KERNEL(griffin_lim_persist_##NAME, GriffinLimParams, THREADS, 2) { kk::persist<PLAN>(p); }

KK_GRIFFIN_LIM(1200_300, kk::Plan1200, 320)
KK_GRIFFIN_LIM(1024_256, kk::Plan1024, 256)
KK_GRIFFIN_LIM(any, kk::Any, 256)

KK_KERNEL(griffin_lim_finish, GriffinLimParams, 256, 2) {
    const kk::Frames f = kk::frames_of_block<kk::Any>(p);
    kk::Row now{kk::sums(p, f, p.iteration % 2)};
    kk::write_audio<kk::Any>(p, f, now, now.at, p.reciprocals + f.row);
}

#ifndef __CUDACC_RTC__  // NVRTC compiles the device's side only
#define KK_GRIFFIN_LIM_ROWS(NAME)                                                                                    \
    KK_ROW(griffin_lim_start_##NAME, GriffinLimParams), KK_ROW(griffin_lim_iterate_##NAME, GriffinLimParams),        \
        KK_ROW(griffin_lim_persist_##NAME, GriffinLimParams)

extern const KkKernel griffin_lim_kernels[] = {KK_GRIFFIN_LIM_ROWS(1200_300), KK_GRIFFIN_LIM_ROWS(1024_256),
                                               KK_GRIFFIN_LIM_ROWS(any), KK_ROW(griffin_lim_finish, GriffinLimParams),
                                               {nullptr, nullptr, 0, nullptr}};
#endif
