//! Vectors that any machine has; the compiler may still use registers that every machine of its kind has.

use std::ops::{Add, Mul, Sub};

use super::{Job, Row, Simd, Vector, LANES};

/// Token without requirements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

/// Eight floats.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floats([f32; LANES]);

#[inline(always)]
fn each(a: Floats, b: Floats, f: impl Fn(f32, f32) -> f32) -> Floats {
    let mut out = a.0;
    for (a, b) in out.iter_mut().zip(b.0) {
        *a = f(*a, b);
    }
    Floats(out)
}

impl Add for Floats {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        each(self, other, |a, b| a + b)
    }
}

impl Sub for Floats {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        each(self, other, |a, b| a - b)
    }
}

impl Mul for Floats {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        each(self, other, |a, b| a * b)
    }
}

impl Vector for Floats {
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        self * b + c
    }
    #[inline(always)]
    fn neg_mul_add(self, b: Self, c: Self) -> Self {
        c - self * b
    }
    #[inline(always)]
    fn rsqrt_estimate(self) -> Self {
        each(self, self, |x, _| 1.0 / x.sqrt())
    }
    #[inline(always)]
    fn store(self, row: &mut Row) {
        row.0 = self.0;
    }
}

impl Simd for Portable {
    type V = Floats;
    #[inline(always)]
    fn splat(self, x: f32) -> Floats {
        Floats([x; LANES])
    }
    #[inline(always)]
    fn load(self, row: &Row) -> Floats {
        Floats(row.0)
    }
    #[inline(always)]
    fn call<J: Job>(self, job: J) -> J::Output {
        run(self, job)
    }
}

#[inline(never)]
fn run<J: Job>(simd: Portable, job: J) -> J::Output {
    job.run(simd)
}
