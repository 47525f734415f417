// The kernels' launcher on the CPU, for tests: see host_shim.h.
#include <string>

#include "kernel.h"

extern const KkKernel griffin_lim_kernels[], residual_blocks_kernels[], upsample_kernels[];

// Runs a kernel over its whole grid; returns the error, or null. `bytes` is the caller's size of the parameters.
extern "C" const char* kk_host_launch(const char* name, const unsigned* grid, unsigned threads, unsigned long shared,
                                      int backwards, long long victim, const void* params, unsigned long bytes) {
    static thread_local std::string error;
    for (const KkKernel* table : {griffin_lim_kernels, residual_blocks_kernels, upsample_kernels})
        for (; table->name != nullptr; table++) {
            if (std::strcmp(table->name, name) != 0) continue;
            if (table->parameter_bytes != bytes) return "the parameters have another size than the kernel's";
            try {
                kk_host::run(table->on_host, params, {grid[0], grid[1], grid[2]}, threads, shared, {backwards != 0, victim});
                return nullptr;
            } catch (const std::exception& exception) {
                error = exception.what();
                return error.c_str();
            }
        }
    return "there is no such kernel";
}
