// The table through which a launcher finds kernels by name.
#pragma once

// One row; the last one of a table has no name.
struct KkKernel {
    const char* name;
    const void* function;
    unsigned long parameter_bytes;
    void (*on_host)(const void*);  // the tests' build only
};
