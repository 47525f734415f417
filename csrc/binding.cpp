// The kernels as a Python module: launches by name, on raw pointers and a stream. Links no torch and no driver.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <cstring>
#include <map>
#include <string_view>

#include "checks.h"

extern const KkKernel griffin_lim_kernels[], residual_blocks_kernels[], upsample_kernels[];

namespace {

const KkKernel& find(const std::string& name) {
    for (const KkKernel* table : {griffin_lim_kernels, residual_blocks_kernels, upsample_kernels})
        for (; table->name != nullptr; table++)
            if (name == table->name) return *table;
    throw std::invalid_argument("there is no kernel " + name);
}

void launch(const std::string& name, std::array<unsigned, 3> grid, unsigned threads, int shared, bool cooperative,
            int device, std::uintptr_t stream, const std::string& parameters) {
    const KkKernel& kernel = find(name);
    kk::check_parameters(kernel, parameters.size());
    const kk::DeviceGuard guard(device);
    kk::allow_shared(kernel, shared, device);
    void* arguments[] = {const_cast<char*>(parameters.data())};
    const auto start = cooperative ? cudaLaunchCooperativeKernel : cudaLaunchKernel;
    kk::check(start(kernel.function, dim3(grid[0], grid[1], grid[2]), dim3(threads), arguments, shared,
                    reinterpret_cast<cudaStream_t>(stream)),
              name);
}

int attribute(cudaDeviceAttr what, int device) {
    int value = 0;
    kk::check(cudaDeviceGetAttribute(&value, what, device), "device " + std::to_string(device));
    return value;
}

int resident(const std::string& name, unsigned threads, int shared, int device) {
    const KkKernel& kernel = find(name);
    const kk::DeviceGuard guard(device);
    kk::allow_shared(kernel, shared, device);
    int blocks = 0;
    kk::check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel.function, int(threads), shared), name);
    return blocks * attribute(cudaDevAttrMultiProcessorCount, device);
}

int shared_limit(int device) { return attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, device); }

std::map<std::string, unsigned long> kernels() {
    std::map<std::string, unsigned long> found;
    for (const KkKernel* table : {griffin_lim_kernels, residual_blocks_kernels, upsample_kernels})
        for (; table->name != nullptr; table++) found[table->name] = table->parameter_bytes;
    return found;
}

}  // namespace

PYBIND11_MODULE(_kernels, module) {
    module.doc() = "Kalakan's CUDA kernels, built by `kalakan doctor --build`.";
    module.attr("cuda_version") = CUDART_VERSION;
    module.def("kernels", &kernels, "Name of every kernel and the bytes of its parameters.");
    // By position only: ten arguments by name cost more than the launch.
    module.def("launch", [](const std::string& name, std::array<unsigned, 3> grid, unsigned threads, int shared,
                            bool cooperative, int device, std::uintptr_t stream, const pybind11::bytes& parameters) {
        launch(name, grid, threads, shared, cooperative, device, stream, parameters);
    });
    module.def("resident", &resident, "Blocks of a kernel that run on a device at once.");
    module.def("shared_limit", &shared_limit, "Bytes of shared memory that one block may have on a device.");
}
