// Sixteen bytes at a time, with or without a leaky ReLU.
#pragma once

#include "kernel.h"

namespace kk {

template <class T>
struct alignas(16) Vector {
    static constexpr int SIZE = 16 / sizeof(T);
    T at[SIZE];
};

template <class T>
KK_DEVICE T leaky(T x, float slope) {
    const float value = to_float(x);
    from_float(value > 0.0f ? value : slope * value, x);
    return x;
}

// Up to SIZE channels from `channel` on; zeros past the last one. Rows begin at multiples of 16 bytes where they can.
template <class T>
KK_DEVICE Vector<T> load(const T* row, int channel, int channels) {
    constexpr int SIZE = Vector<T>::SIZE;
    if (channels % SIZE == 0 && channel < channels) return *reinterpret_cast<const Vector<T>*>(row + channel);
    Vector<T> v;
#pragma unroll
    for (int i = 0; i < SIZE; i++) {
        from_float(0.0f, v.at[i]);
        if (channel + i < channels) v.at[i] = row[channel + i];
    }
    return v;
}

// The other way.
template <class T>
KK_DEVICE void store(T* row, int channel, int channels, const Vector<T>& v) {
    constexpr int SIZE = Vector<T>::SIZE;
    if (channels % SIZE == 0 && channel < channels) {
        *reinterpret_cast<Vector<T>*>(row + channel) = v;
        return;
    }
#pragma unroll
    for (int i = 0; i < SIZE; i++)
        if (channel + i < channels) row[channel + i] = v.at[i];
}

template <class T>
KK_DEVICE Vector<T> zeros() {
    Vector<T> v;
#pragma unroll
    for (int i = 0; i < Vector<T>::SIZE; i++) from_float(0.0f, v.at[i]);
    return v;
}

}  // namespace kk
