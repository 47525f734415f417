// The kernels as plain C++ on the CPU, for tests without a GPU: `g++ -x c++ -DKK_HOST -U_FORTIFY_SOURCE`.
//
// A CUDA thread is a fiber (makecontext starts it, _setjmp and _longjmp switch); with -DKK_HOST_THREADS it is a thread of
// its own, for ThreadSanitizer. All blocks of a launch live at once, so blocks may wait for each other. Fibers take turns;
// a "victim" gets its turn only when nothing else can go on, so that all others are as far ahead of it as barriers and
// flags let them. Shared memory starts as NaN between two pages that nobody may touch; an access past its end, a barrier
// that some threads of a block leave out, and a launch without an end, are errors. Not seen here: coalescing, memory
// ordering.
#pragma once

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <barrier>
#include <cmath>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)

struct float2 {
    float x, y;
};
struct Dim3 {
    unsigned x, y, z;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline unsigned __float_as_uint(float x) {
    unsigned bits;
    std::memcpy(&bits, &x, 4);
    return bits;
}
inline float __uint_as_float(unsigned bits) {
    float x;
    std::memcpy(&x, &bits, 4);
    return x;
}
inline void sincospif(float x, float* sine, float* cosine) {
    *sine = float(std::sin(3.14159265358979323846 * x));
    *cosine = float(std::cos(3.14159265358979323846 * x));
}
inline float host_half_to_float(unsigned short bits) {
    _Float16 x;
    std::memcpy(&x, &bits, 2);
    return float(x);
}
inline unsigned short host_float_to_half(float x) {
    const _Float16 rounded = static_cast<_Float16>(x);
    unsigned short bits;
    std::memcpy(&bits, &rounded, 2);
    return bits;
}

namespace kk_host {

enum class State { ready, spinning, barrier, warp, done };
struct Fiber {
    ucontext_t context;
    jmp_buf jump;
    bool started = false;
    State state = State::ready;
    unsigned thread = 0, block = 0;
    std::unique_ptr<char[]> stack;
};
// A block's shared memory, its end at a page that no thread may touch, another such page before its first.
class Shared {
  public:
    explicit Shared(std::size_t bytes) : page_(std::size_t(sysconf(_SC_PAGESIZE))) {
        const std::size_t used = (bytes + 15) / 16 * 16, pages = (used + page_ - 1) / page_ * page_;
        size_ = pages + 2 * page_;
        void* const memory = mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        base_ = static_cast<char*>(memory);
        if (pages != 0 && mprotect(base_ + page_, pages, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
        data_ = reinterpret_cast<float*>(base_ + page_ + pages - used);
        for (std::size_t i = 0; i < used / 4; i++) data_[i] = std::nanf("");
    }
    Shared(Shared&& other) noexcept : page_(other.page_), size_(other.size_), base_(other.base_), data_(other.data_) {
        other.base_ = nullptr;
    }
    Shared& operator=(Shared&&) = delete;
    ~Shared() {
        if (base_ != nullptr) munmap(base_, size_);
    }
    float* data() const { return data_; }
    bool has(const void* address) const { return address >= base_ && address < base_ + size_; }

  private:
    std::size_t page_, size_ = 0;
    char* base_ = nullptr;
    float* data_ = nullptr;
};
struct Launch {
    Dim3 grid;
    unsigned threads;
    void (*call)(const void*);
    const void* params;
    std::vector<Fiber> fibers;
    std::vector<Shared> shared;
    std::vector<float> slots;  // sixteen words a thread, offered to the threads of its warp
    jmp_buf scheduler, fault;
    std::vector<std::unique_ptr<std::barrier<>>> block_barriers, warp_barriers;
};
inline thread_local Launch* launch = nullptr;
inline thread_local Fiber* current = nullptr;

inline Dim3 block_index() {
    const Dim3 grid = launch->grid;
    return {current->block % grid.x, current->block / grid.x % grid.y, current->block / grid.x / grid.y};
}
inline float* slots_of_warp() {
    return &launch->slots[(std::size_t(current->block) * launch->threads + current->thread / 32 * 32) * 16];
}

#ifdef KK_HOST_THREADS
inline void yield(State state) {
    if (state == State::barrier) launch->block_barriers[current->block]->arrive_and_wait();
    else if (state == State::warp)
        launch->warp_barriers[(current->block * launch->threads + current->thread) / 32]->arrive_and_wait();
    else std::this_thread::yield();
}
inline void run_all(Launch& here, bool, long long) {
    const std::size_t blocks = here.shared.size();
    for (std::size_t i = 0; i < blocks; i++) here.block_barriers.emplace_back(new std::barrier<>(here.threads));
    for (std::size_t i = 0; i < blocks * here.threads / 32; i++) here.warp_barriers.emplace_back(new std::barrier<>(32));
    std::vector<std::thread> threads;
    for (Fiber& fiber : here.fibers)
        threads.emplace_back([&here, &fiber] {
            launch = &here;
            current = &fiber;
            here.call(here.params);
        });
    for (std::thread& thread : threads) thread.join();
}
#else
inline void yield(State state) {
    current->state = state;
    if (_setjmp(current->jump) == 0) _longjmp(launch->scheduler, 1);
}
inline void enter() {
    launch->call(launch->params);
    current->state = State::done;
    _longjmp(launch->scheduler, 1);
}
inline void resume(Fiber& fiber) {
    current = &fiber;
    if (_setjmp(launch->scheduler) != 0) return;
    if (fiber.started) _longjmp(fiber.jump, 1);
    fiber.started = true;
    constexpr std::size_t bytes = 32 << 10;
    fiber.stack.reset(new char[bytes]);
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = bytes;
    makecontext(&fiber.context, enter, 0);
    setcontext(&fiber.context);
}
// Lets a group of fibers (a block at a barrier, a warp at a shuffle) pass once all of it stands there.
inline bool release(std::vector<Fiber>& fibers, std::size_t first, std::size_t count, State wait) {
    std::size_t waiting = 0, done = 0;
    for (std::size_t i = first; i < first + count; i++) {
        waiting += fibers[i].state == wait;
        done += fibers[i].state == State::done;
    }
    if (waiting != 0 && done != 0) throw std::runtime_error("divergent barrier: some threads have left the kernel");
    if (waiting == 0 || waiting != count) return false;
    for (std::size_t i = first; i < first + count; i++) fibers[i].state = State::ready;
    return true;
}
// The turn of a fiber; whether it got on.
inline bool take_turn(Fiber& fiber, std::size_t& left) {
    if (fiber.state != State::ready && fiber.state != State::spinning) return false;
    resume(fiber);
    left -= fiber.state == State::done;
    return fiber.state != State::spinning;
}
inline void schedule(Launch& here, bool backwards, long long victim) {
    const std::size_t total = here.fibers.size();
    int idle = 0;
    for (std::size_t left = total; left != 0;) {
        bool moved = false;
        for (std::size_t n = 0; n < total; n++) {
            const std::size_t at = backwards ? total - 1 - n : n;
            if (static_cast<long long>(at) != victim) moved |= take_turn(here.fibers[at], left);
        }
        for (std::size_t at = 0; at < total; at += here.threads) moved |= release(here.fibers, at, here.threads, State::barrier);
        for (std::size_t at = 0; at < total; at += 32) moved |= release(here.fibers, at, 32, State::warp);
        if (!moved && victim >= 0) moved = take_turn(here.fibers[std::size_t(victim)], left);
        if (moved) {
            idle = 0;
            continue;
        }
        bool spins = false;
        for (const Fiber& fiber : here.fibers) spins |= fiber.state == State::spinning;
        if (!spins) throw std::runtime_error("divergent barrier: threads of a block wait at different places");
        if (++idle > 2) throw std::runtime_error("the launch does not end: blocks wait for each other");
    }
}
inline void on_fault(int, siginfo_t* info, void*) {
    for (const Shared& shared : launch->shared)
        if (shared.has(info->si_addr)) _longjmp(launch->fault, 1);
    signal(SIGSEGV, SIG_DFL);  // not ours: happens again, and ends the process
}
// The signal's handler is this launch's until the end of the block.
struct Watch {
    struct sigaction before;
    Watch() {
        struct sigaction action = {};
        action.sa_sigaction = on_fault;
        action.sa_flags = SA_SIGINFO | SA_NODEFER;
        sigaction(SIGSEGV, &action, &before);
    }
    ~Watch() { sigaction(SIGSEGV, &before, nullptr); }
};
inline void run_all(Launch& here, bool backwards, long long victim) {
    launch = &here;
    const Watch watch;
    if (_setjmp(here.fault) != 0) throw std::runtime_error("a thread reaches past the shared memory of its block");
    schedule(here, backwards, victim);
}
#endif

struct Order {
    bool backwards;
    long long victim;  // its number in the launch; negative: none
};
inline void run(void (*call)(const void*), const void* params, Dim3 grid, unsigned threads, std::size_t shared_bytes, Order order) {
    Launch here{grid, threads, call, params, {}, {}, {}, {}, {}, {}, {}};
    const std::size_t blocks = std::size_t(grid.x) * grid.y * grid.z;
    here.fibers = std::vector<Fiber>(blocks * threads);
    here.shared.reserve(blocks);
    for (std::size_t i = 0; i < blocks; i++) here.shared.emplace_back(shared_bytes);
    here.slots.assign(blocks * threads * 16, std::nanf(""));
    for (std::size_t i = 0; i < here.fibers.size(); i++) {
        here.fibers[i].block = unsigned(i / threads);
        here.fibers[i].thread = unsigned(i % threads);
    }
    run_all(here, order.backwards, order.victim);
}

}  // namespace kk_host

#define threadIdx (Dim3{kk_host::current->thread, 0, 0})
#define blockIdx (kk_host::block_index())
#define blockDim (Dim3{kk_host::launch->threads, 1, 1})
#define gridDim (kk_host::launch->grid)
#define __syncthreads() kk_host::yield(kk_host::State::barrier)
#define __syncwarp() kk_host::yield(kk_host::State::warp)
#define KK_SPIN() kk_host::yield(kk_host::State::spinning)
