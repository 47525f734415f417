//! What is computed once for a length: its split and its factors.

use std::f64::consts::TAU;

use super::length::{choose, Length, OfLength};
use super::short::Short;

/// Factors of the transforms of one length.
pub(crate) struct Batch {
    pub(super) size: usize,
    pub(super) height: usize,
    /// Between the radices of a column and of a row.
    pub(super) high: Vec<[f32; 2]>,
    pub(super) wide: Vec<[f32; 2]>,
    /// Between columns and rows: `exp(-2πi column row / size)`, `[column * height + row]`.
    pub(super) between: Vec<[f32; 2]>,
}

impl Batch {
    /// `None` for an unsupported length.
    pub(crate) fn new(size: usize) -> Option<Self> {
        choose(size, New)
    }

    /// Values of a transform.
    pub(crate) fn size(&self) -> usize {
        self.size
    }
}

struct New;

impl OfLength for New {
    type Output = Batch;

    #[inline(always)]
    fn run<L: Length>(self) -> Batch {
        let short = |first, size: usize| turns(first, size / first);
        Batch {
            size: L::SIZE,
            height: L::HEIGHT,
            high: short(L::High::FIRST, L::HEIGHT),
            wide: short(L::Wide::FIRST, L::WIDTH),
            between: turns(L::HEIGHT, L::WIDTH),
        }
    }
}

/// `exp(-2πi n k / (height * width))` for n below `width`, k below `height`: `[n * height + k]`.
fn turns(height: usize, width: usize) -> Vec<[f32; 2]> {
    let size = height * width;
    let turn = |i: usize| {
        let (sin, cos) = (-TAU * ((i / height) * (i % height)) as f64 / size as f64).sin_cos();
        [cos as f32, sin as f32]
    };
    (0..size).map(turn).collect()
}
