// Runs kernels of csrc/ with one real thread for each CUDA thread, under ThreadSanitizer.
#include <cmath>
#include <cstdio>
#include <numeric>
#include <vector>

#include "griffin_lim.cuh"
#include "residual_blocks.cuh"
#include "upsample.cuh"

extern "C" const char* kk_host_launch(const char*, const unsigned*, unsigned, unsigned long, int, long long, const void*, unsigned long);

template <class Parameters>
static void launch(const char* name, std::vector<unsigned> grid, unsigned threads, unsigned long shared, const Parameters& p) {
    const char* error = kk_host_launch(name, grid.data(), threads, shared, 0, -1, &p, sizeof(p));
    if (error != nullptr) {
        std::fprintf(stderr, "%s: %s\n", name, error);
        std::exit(1);
    }
}

static void griffin_lim() {
    const int n = 12, hop = 3, frames = 9, pairs = 2, blocks = 3, iterations = 3, extent = (2 * pairs - 1) * hop + n;
    std::vector<float> magnitude(frames * (n / 2 + 1)), window(n), now(2 * blocks * extent), before(blocks * extent),
        reciprocals(blocks * extent), audio(frames * hop);
    std::vector<float2> roots(n);
    std::vector<unsigned> flags(blocks);
    for (size_t i = 0; i < magnitude.size(); i++) magnitude[i] = float(1 + i % 5);
    for (int i = 0; i < n; i++) {
        window[i] = float(0.5 - 0.5 * std::cos(2 * M_PI * i / n));
        roots[i] = {float(std::cos(2 * M_PI * i / n)), float(-std::sin(2 * M_PI * i / n))};
    }
    GriffinLimParams p{magnitude.data(), roots.data(), window.data(), now.data(), before.data(), reciprocals.data(),
                       audio.data(), flags.data(), 0, n / 2 + 1, 1, n, hop, frames, pairs, blocks, 1, iterations, 0.5f, 1, 7, {4, 3}};
    const unsigned long shared = 16 * pairs * n + 12 * n, persistent = shared + 4 * (3 * extent + 2 * pairs * (n / 2 + 1));
    launch("griffin_lim_persist_any", {blocks, 1, 1}, 32, persistent, p);
    const std::vector<float> at_once = audio;
    for (p.iteration = 0; p.iteration < iterations; p.iteration++) {
        if (p.iteration == 0) launch("griffin_lim_start_any", {blocks, 1, 1}, 32, shared, p);
        p.momentum = p.iteration == 0 ? 0.0f : 0.5f;
        launch("griffin_lim_iterate_any", {blocks, 1, 1}, 32, shared, p);
    }
    launch("griffin_lim_finish", {blocks, 1, 1}, 32, 0, p);
    if (audio != at_once || !std::isfinite(audio[0])) std::exit(2);
}

static void upsample() {
    const int frames = 5, channels = 40, stride = 2, taps = 2, length = 10;
    std::vector<float> x(frames * channels, 0.5f), weight(stride * taps * channels * channels, 0.25f), bias(channels), out(length * channels);
    const UpsampleParams p{x.data(), weight.data(), bias.data(), nullptr, out.data(), 1, frames, channels, channels, stride, taps, 1, length, 0.1f};
    launch("upsample_float32", {1, 1, 2}, 256, 2 * kk::Scalar::words() * 4, p);
    if (std::abs(std::accumulate(out.begin(), out.end(), 0.0f) / float(out.size()) - 9.0f) > 0.5f) std::exit(3);
}

static void residual_blocks() {
    const int frames = 70, width = 16, rows = 32, taps = 3, halo = 6, convolutions = 4;
    std::vector<unsigned short> x(frames * width, 0x3c00), weight(convolutions * taps * width * width, 0x2c00), out(frames * width);
    std::vector<float> bias(convolutions * width);
    ResidualBlocksParams p{x.data(), weight.data(), bias.data(), out.data(), frames, width, 3, rows, halo, taps, convolutions, 2, 0,
                           kk::FIRST, 0.1f, 10.0f, 0.5f, {1, 1, 3, 1}};
    const unsigned long shared = 2 * (rows + 2 * halo + kk::SLACK) * kk::TensorRows<kk::half_t, width>::PITCH * 2;
    for (p.layer = 1; p.layer <= 2; p.layer++) launch("residual_blocks_float16_16", {3, 1, 1}, kk::RESIDUAL_THREADS, shared, p);
    // Weights of 1/16: 1 + 9 and 10 + 90 inside the signal, halved.
    if (kk::to_float(kk::half_t{out[frames / 2 * width]}) != 50.0f) std::exit(4);
}

int main() {
    griffin_lim();
    residual_blocks();
    upsample();
}
