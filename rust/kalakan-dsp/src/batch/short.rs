//! Forward transforms of one or two radices, with the intermediate values in the first-level cache.

use std::marker::PhantomData;

use super::complex::Complex;
use super::radix::{Radix, LONGEST};
use crate::simd::{Cell, Simd};

/// Values of the longest short transform.
pub(crate) const LIMIT: usize = 128;

/// Intermediate values between the radices.
pub(crate) type Scratch = [Cell; LIMIT];

/// Reads value `index` of a transform's input.
pub(crate) trait Source {
    fn get<S: Simd>(&self, simd: S, index: usize) -> Complex<S::V>;
}

/// Writes value `index` of a transform's output.
pub(crate) trait Sink {
    fn put<S: Simd>(&mut self, simd: S, index: usize, value: Complex<S::V>);
}

/// A transform of `SIZE` values. Sizes are constants, so that all addresses are known at compile time.
pub(crate) trait Short {
    const SIZE: usize;
    const FIRST: usize;
    /// `sink[k] = sum over n of source[n] exp(-2πi n k / SIZE)`; `turns` are those of `FIRST` by the rest.
    fn transform<S: Simd>(
        simd: S,
        turns: &[[f32; 2]],
        source: &impl Source,
        sink: &mut impl Sink,
        scratch: &mut Scratch,
    );
}

/// Radix `A`, then radix `B`, which may be 1.
pub(super) struct By<A, B>(PhantomData<(A, B)>);

impl<A: Radix, B: Radix> Short for By<A, B> {
    const SIZE: usize = A::SIZE * B::SIZE;
    const FIRST: usize = A::SIZE;

    #[inline(always)]
    fn transform<S: Simd>(
        simd: S,
        turns: &[[f32; 2]],
        source: &impl Source,
        sink: &mut impl Sink,
        scratch: &mut Scratch,
    ) {
        if B::SIZE == 1 {
            let mut x = read::<S, A>(simd, |i| source.get(simd, i));
            A::transform(simd, &mut x);
            for (i, x) in x[..A::SIZE].iter().enumerate() {
                sink.put(simd, i, *x);
            }
            return;
        }
        let turns = &turns[..A::SIZE * B::SIZE];
        for n in 0..B::SIZE {
            let mut x = read::<S, A>(simd, |i| source.get(simd, i * B::SIZE + n));
            A::transform(simd, &mut x);
            x[0].store(&mut scratch[n * A::SIZE]);
            for (k, x) in x[..A::SIZE].iter().enumerate().skip(1) {
                let at = n * A::SIZE + k;
                x.twiddle(simd, turns[at]).store(&mut scratch[at]);
            }
        }
        for k in 0..A::SIZE {
            let mut x = read::<S, B>(simd, |i| Complex::load(simd, &scratch[i * A::SIZE + k]));
            B::transform(simd, &mut x);
            for (i, x) in x[..B::SIZE].iter().enumerate() {
                sink.put(simd, k + i * A::SIZE, *x);
            }
        }
    }
}

/// The values of a radix.
#[inline(always)]
fn read<S: Simd, R: Radix>(
    simd: S,
    value: impl Fn(usize) -> Complex<S::V>,
) -> [Complex<S::V>; LONGEST] {
    let zero = simd.splat(0.0);
    let mut x = [Complex { re: zero, im: zero }; LONGEST];
    for (i, x) in x[..R::SIZE].iter_mut().enumerate() {
        *x = value(i);
    }
    x
}
