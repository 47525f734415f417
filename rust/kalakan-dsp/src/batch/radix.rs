//! Forward transforms of 1 to 12 values in registers.

use std::f32::consts::FRAC_1_SQRT_2;

use super::complex::Complex;
use crate::simd::{Simd, Vector};

/// The largest radix.
pub(super) const LONGEST: usize = 12;

/// A transform of the first [`SIZE`](Radix::SIZE) values, in place.
pub(crate) trait Radix {
    const SIZE: usize;
    fn transform<S: Simd>(simd: S, x: &mut [Complex<S::V>; LONGEST]);
}

pub(super) struct One;
pub(super) struct Four;
pub(super) struct Five;
pub(super) struct Eight;
pub(super) struct Ten;
pub(super) struct Twelve;

impl Radix for One {
    const SIZE: usize = 1;
    #[inline(always)]
    fn transform<S: Simd>(_: S, _: &mut [Complex<S::V>; LONGEST]) {}
}

impl Radix for Four {
    const SIZE: usize = 4;
    #[inline(always)]
    fn transform<S: Simd>(_: S, x: &mut [Complex<S::V>; LONGEST]) {
        [x[0], x[1], x[2], x[3]] = four(x[0], x[1], x[2], x[3]);
    }
}

impl Radix for Five {
    const SIZE: usize = 5;
    #[inline(always)]
    fn transform<S: Simd>(simd: S, x: &mut [Complex<S::V>; LONGEST]) {
        [x[0], x[1], x[2], x[3], x[4]] = five(simd, [x[0], x[1], x[2], x[3], x[4]]);
    }
}

impl Radix for Eight {
    const SIZE: usize = 8;
    #[inline(always)]
    fn transform<S: Simd>(simd: S, x: &mut [Complex<S::V>; LONGEST]) {
        let half = simd.splat(FRAC_1_SQRT_2);
        let even = four(x[0], x[2], x[4], x[6]);
        let odd = four(x[1], x[3], x[5], x[7]);
        [x[0], x[4]] = two(even[0], odd[0]);
        // Times (1 - i) / √2, -i, and (-1 - i) / √2.
        let turned = Complex {
            re: odd[1].re + odd[1].im,
            im: odd[1].im - odd[1].re,
        };
        x[1] = turned.scale_add(half, even[1]);
        x[5] = turned.neg_scale_add(half, even[1]);
        (x[2], x[6]) = (even[2].sub_i(odd[2]), even[2].add_i(odd[2]));
        let turned = Complex {
            re: odd[3].im - odd[3].re,
            im: odd[3].re + odd[3].im,
        };
        x[3] = Complex {
            re: turned.re.mul_add(half, even[3].re),
            im: turned.im.neg_mul_add(half, even[3].im),
        };
        x[7] = Complex {
            re: turned.re.neg_mul_add(half, even[3].re),
            im: turned.im.mul_add(half, even[3].im),
        };
    }
}

impl Radix for Ten {
    const SIZE: usize = 10;
    /// Two by five without twiddles: I. Good, "The interaction algorithm and practical Fourier analysis", 1958.
    #[inline(always)]
    fn transform<S: Simd>(simd: S, x: &mut [Complex<S::V>; LONGEST]) {
        let [a0, b0] = two(x[0], x[5]);
        let [a1, b1] = two(x[2], x[7]);
        let [a2, b2] = two(x[4], x[9]);
        let [a3, b3] = two(x[6], x[1]);
        let [a4, b4] = two(x[8], x[3]);
        [x[0], x[6], x[2], x[8], x[4]] = five(simd, [a0, a1, a2, a3, a4]);
        [x[5], x[1], x[7], x[3], x[9]] = five(simd, [b0, b1, b2, b3, b4]);
    }
}

impl Radix for Twelve {
    const SIZE: usize = 12;
    /// Three by four without twiddles, likewise.
    #[inline(always)]
    fn transform<S: Simd>(simd: S, x: &mut [Complex<S::V>; LONGEST]) {
        let [a0, b0, c0] = three(simd, x[0], x[4], x[8]);
        let [a1, b1, c1] = three(simd, x[3], x[7], x[11]);
        let [a2, b2, c2] = three(simd, x[6], x[10], x[2]);
        let [a3, b3, c3] = three(simd, x[9], x[1], x[5]);
        [x[0], x[9], x[6], x[3]] = four(a0, a1, a2, a3);
        [x[4], x[1], x[10], x[7]] = four(b0, b1, b2, b3);
        [x[8], x[5], x[2], x[11]] = four(c0, c1, c2, c3);
    }
}

#[inline(always)]
fn two<V: Vector>(a: Complex<V>, b: Complex<V>) -> [Complex<V>; 2] {
    [a.add(b), a.sub(b)]
}

#[inline(always)]
fn three<S: Simd>(
    simd: S,
    a: Complex<S::V>,
    b: Complex<S::V>,
    c: Complex<S::V>,
) -> [Complex<S::V>; 3] {
    let [sum, gap] = two(b, c);
    let even = sum.neg_scale_add(simd.splat(0.5), a);
    let odd = gap.scale(simd.splat(0.866_025_4));
    [a.add(sum), even.sub_i(odd), even.add_i(odd)]
}

#[inline(always)]
fn four<V: Vector>(a: Complex<V>, b: Complex<V>, c: Complex<V>, d: Complex<V>) -> [Complex<V>; 4] {
    let [even, even_gap] = two(a, c);
    let [odd, odd_gap] = two(b, d);
    [
        even.add(odd),
        even_gap.sub_i(odd_gap),
        even.sub(odd),
        even_gap.add_i(odd_gap),
    ]
}

/// S. Winograd, "On computing the discrete Fourier transform", 1978, with fused multiply-adds.
#[inline(always)]
#[allow(clippy::excessive_precision)]
fn five<S: Simd>(simd: S, [x0, x1, x2, x3, x4]: [Complex<S::V>; 5]) -> [Complex<S::V>; 5] {
    let (cos1, cos2) = (simd.splat(0.309_016_994), simd.splat(0.809_016_994));
    let (sin1, sin2) = (simd.splat(0.951_056_516), simd.splat(0.587_785_252));
    let [near, near_gap] = two(x1, x4);
    let [far, far_gap] = two(x2, x3);
    let even1 = far.neg_scale_add(cos2, near.scale_add(cos1, x0));
    let even2 = far.scale_add(cos1, near.neg_scale_add(cos2, x0));
    let odd1 = far_gap.scale_add(sin2, near_gap.scale(sin1));
    let odd2 = far_gap.neg_scale_add(sin1, near_gap.scale(sin2));
    [
        x0.add(near).add(far),
        even1.sub_i(odd1),
        even2.sub_i(odd2),
        even2.add_i(odd2),
        even1.add_i(odd1),
    ]
}
