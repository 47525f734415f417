// What stands between Python and a launch: device guard, errors of CUDA with the kernel's name, sizes of parameters.
#pragma once

#include <cuda_runtime_api.h>

#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include "table.h"

namespace kk {

inline void check(cudaError_t status, const std::string& what) {
    if (status != cudaSuccess)
        throw std::runtime_error(what + ": CUDA error " + std::to_string(int(status)) + ", " + cudaGetErrorString(status));
}

// Makes a device current, and the one before it again at the end.
class DeviceGuard {
  public:
    explicit DeviceGuard(int device) {
        check(cudaGetDevice(&before_), "cudaGetDevice");
        check(cudaSetDevice(device), "device " + std::to_string(device));
    }
    ~DeviceGuard() { cudaSetDevice(before_); }
    DeviceGuard(const DeviceGuard&) = delete;
    DeviceGuard& operator=(const DeviceGuard&) = delete;

  private:
    int before_ = 0;
};

inline void check_parameters(const KkKernel& kernel, size_t bytes) {
    if (kernel.parameter_bytes != bytes)
        throw std::invalid_argument(std::string(kernel.name) + ": the parameters have " + std::to_string(bytes) +
                                    " bytes; the kernel takes " + std::to_string(kernel.parameter_bytes));
}

// A block gets more than 48 KB only where its kernel was told so. All that there is, and once for a device: another
// thread may launch the same kernel with a larger block.
inline void allow_shared(const KkKernel& kernel, int bytes, int device) {
    if (bytes <= 48 << 10) return;
    static std::mutex lock;
    static std::set<std::pair<const void*, int>> told;
    const std::lock_guard<std::mutex> guard(lock);
    if (told.count({kernel.function, device}) != 0) return;
    int most = 0;
    check(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), kernel.name);
    check(cudaFuncSetAttribute(kernel.function, cudaFuncAttributeMaxDynamicSharedMemorySize, most), kernel.name);
    told.insert({kernel.function, device});
}

}  // namespace kk
