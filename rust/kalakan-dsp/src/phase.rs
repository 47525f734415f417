//! The initial phase of Griffin-Lim: a pure function of seed, frame and bin, so that any thread computes the same.

use std::f64::consts::TAU;
use std::sync::OnceLock;

use rustfft::num_complex::Complex32;

/// Initial phases are multiples of a turn over this many levels: a table look-up instead of a sine.
pub const PHASE_LEVELS: usize = 1024;

/// Unit phasor of value `index` (`frame * bins + bin`) under `seed`.
///
/// The level is the top ten bits of the 32-bit mix `lowbias32` (C. Wellons, "Prospecting for hash functions",
/// 2018) of `index + mix(seed)`: integer arithmetic that torch reproduces exactly.
pub fn initial_phase(seed: u32, index: usize) -> Complex32 {
    InitialPhase::new(seed).at(index)
}

/// The same for many values.
#[derive(Clone, Copy)]
pub(crate) struct InitialPhase {
    offset: u32,
    table: &'static [Complex32; PHASE_LEVELS],
}

impl InitialPhase {
    pub(crate) fn new(seed: u32) -> Self {
        static TABLE: OnceLock<[Complex32; PHASE_LEVELS]> = OnceLock::new();
        Self {
            offset: mix(seed),
            table: TABLE.get_or_init(|| std::array::from_fn(phasor)),
        }
    }

    #[inline]
    pub(crate) fn at(self, index: usize) -> Complex32 {
        let level = mix((index as u32).wrapping_add(self.offset)) >> 22;
        self.table[level as usize]
    }
}

fn phasor(level: usize) -> Complex32 {
    let (sin, cos) = (TAU * level as f64 / PHASE_LEVELS as f64).sin_cos();
    Complex32::new(cos as f32, sin as f32)
}

#[inline]
fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}
