//! AVX2 and FMA: one register per vector.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m256, _mm256_add_ps, _mm256_fmadd_ps, _mm256_fnmadd_ps, _mm256_load_ps, _mm256_mul_ps,
    _mm256_rsqrt_ps, _mm256_set1_ps, _mm256_store_ps, _mm256_sub_ps,
};
use std::ops::{Add, Mul, Sub};

use super::{Job, Row, Simd, Vector};

/// Can be constructed only where AVX2 and FMA are available.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(());

/// Made from an [`Avx2`] only, so that it proves the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Register(__m256);

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        found.then_some(Self(()))
    }
}

/// # Safety
/// The machine must have AVX2 and FMA.
#[inline(never)]
#[target_feature(enable = "avx2,fma")]
unsafe fn run<J: Job>(simd: Avx2, job: J) -> J::Output {
    job.run(simd)
}

impl Add for Register {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: a register proves AVX2.
        Self(unsafe { _mm256_add_ps(self.0, other.0) })
    }
}

impl Sub for Register {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: a register proves AVX2.
        Self(unsafe { _mm256_sub_ps(self.0, other.0) })
    }
}

impl Mul for Register {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: a register proves AVX2.
        Self(unsafe { _mm256_mul_ps(self.0, other.0) })
    }
}

impl Vector for Register {
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        // SAFETY: a register proves FMA.
        Self(unsafe { _mm256_fmadd_ps(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn neg_mul_add(self, b: Self, c: Self) -> Self {
        // SAFETY: a register proves FMA.
        Self(unsafe { _mm256_fnmadd_ps(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn rsqrt_estimate(self) -> Self {
        // SAFETY: a register proves AVX2.
        Self(unsafe { _mm256_rsqrt_ps(self.0) })
    }
    #[inline(always)]
    fn store(self, row: &mut Row) {
        // SAFETY: a row is eight floats, aligned to 32 bytes.
        unsafe { _mm256_store_ps(row.0.as_mut_ptr(), self.0) }
    }
}

impl Simd for Avx2 {
    type V = Register;
    #[inline(always)]
    fn splat(self, x: f32) -> Register {
        // SAFETY: `self` proves AVX2.
        Register(unsafe { _mm256_set1_ps(x) })
    }
    #[inline(always)]
    fn load(self, row: &Row) -> Register {
        // SAFETY: `self` proves AVX2; a row is eight floats, aligned to 32 bytes.
        Register(unsafe { _mm256_load_ps(row.0.as_ptr()) })
    }
    #[inline(always)]
    fn call<J: Job>(self, job: J) -> J::Output {
        // SAFETY: `self` proves AVX2 and FMA.
        unsafe { run(self, job) }
    }
}
