//! Eight values of single precision at a time, with instructions selected at run time.
//!
//! An algorithm is written once, as a [`Job`] over any [`Simd`]; a [`Machine`] runs its own copy. Every
//! function below a job is `inline(always)`: only code inside the job's own function may use its instructions.
//! Lanes are independent, and each rounds as scalar code would.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(test)]
mod portable;

use std::ops::{Add, Mul, Sub};

/// Values in a vector.
pub(crate) const LANES: usize = 8;

/// One value for each lane, in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C, align(32))]
pub(crate) struct Row(pub(crate) [f32; LANES]);

/// One complex value for each lane, in memory: a cache line.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Cell {
    pub(crate) re: Row,
    pub(crate) im: Row,
}

/// Eight values in registers.
pub(crate) trait Vector:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self>
{
    /// `self * b + c`, rounded once where the machine can.
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// `c - self * b`, rounded once where the machine can.
    fn neg_mul_add(self, b: Self, c: Self) -> Self;
    /// About 1 / √self, accurate to at least 11 bits; for finite values above 1e-37.
    fn rsqrt_estimate(self) -> Self;
    /// Stores to memory.
    fn store(self, row: &mut Row);
}

/// Token that proves that the machine supports some instructions; required to construct vectors.
pub(crate) trait Simd: Copy {
    /// Its vector type.
    type V: Vector;
    /// Broadcasts `x` to all lanes.
    fn splat(self, x: f32) -> Self::V;
    /// Loads from memory.
    fn load(self, row: &Row) -> Self::V;
    /// Runs a job in a separate function, compiled with these instructions.
    fn call<J: Job>(self, job: J) -> J::Output;
}

/// What a [`Machine`] runs.
pub(crate) trait Job {
    /// Its result.
    type Output;
    /// Does the work; must be `inline(always)`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Instruction set to use.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Machine {
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    /// The baseline of any machine, to test the others against.
    #[cfg(test)]
    Portable,
}

impl Machine {
    /// The widest instructions of this machine; `None` where none are worthwhile.
    pub(crate) fn best() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        return avx2::Avx2::detect().map(Self::Avx2);
        #[cfg(not(target_arch = "x86_64"))]
        None
    }

    /// All instruction sets that this machine can run.
    #[cfg(test)]
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [Self::Portable].into_iter().chain(Self::best())
    }

    /// Runs `job` with these instructions.
    pub(crate) fn run<J: Job>(self, job: J) -> J::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => simd.call(job),
            #[cfg(test)]
            Self::Portable => portable::Portable.call(job),
        }
    }
}
