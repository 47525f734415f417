//! Lengths with a batched transform, and how each is split.

use super::radix::{Eight, Five, Four, One, Ten, Twelve};
use super::short::{By, Short};

/// A length: columns of `High::SIZE` values, rows of `Wide::SIZE`.
pub(crate) trait Length {
    type High: Short;
    type Wide: Short;
    const HEIGHT: usize = Self::High::SIZE;
    const WIDTH: usize = Self::Wide::SIZE;
    const SIZE: usize = Self::HEIGHT * Self::WIDTH;
    /// Row stride in cells: one more than the width, so that a column does not map to few cache sets.
    const STRIDE: usize = Self::WIDTH + 1;
}

/// Work that is generic over a length.
pub(crate) trait OfLength {
    type Output;
    fn run<L: Length>(self) -> Self::Output;
}

macro_rules! lengths {
    ($($name:ident = $size:literal: $a:ident, $b:ident by $c:ident, $d:ident;)*) => {
        $(
            struct $name;
            impl Length for $name {
                type High = By<$a, $b>;
                type Wide = By<$c, $d>;
            }
        )*

        /// Every supported length.
        #[cfg(test)]
        pub(crate) const LENGTHS: &[usize] = &[$($size),*];

        /// Runs `work` for a length; `None` for an unsupported one.
        #[inline(always)]
        pub(crate) fn choose<W: OfLength>(size: usize, work: W) -> Option<W::Output> {
            match size {
                $($size => Some(work.run::<$name>()),)*
                _ => None,
            }
        }
    };
}

lengths! {
    L512 = 512: Eight, One by Eight, Eight;
    L600 = 600: Five, One by Ten, Twelve;
    L1024 = 1024: Four, Four by Eight, Eight;
    L1200 = 1200: Ten, One by Ten, Twelve;
    L2048 = 2048: Four, Eight by Eight, Eight;
}
