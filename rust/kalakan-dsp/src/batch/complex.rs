//! Complex vectors.

use crate::simd::{Cell, Simd, Vector};

/// A complex value for each lane, in registers.
#[derive(Clone, Copy)]
pub(crate) struct Complex<V> {
    pub(crate) re: V,
    pub(crate) im: V,
}

impl<V: Vector> Complex<V> {
    #[inline(always)]
    pub(crate) fn load<S: Simd<V = V>>(simd: S, cell: &Cell) -> Self {
        Self {
            re: simd.load(&cell.re),
            im: simd.load(&cell.im),
        }
    }

    #[inline(always)]
    pub(crate) fn store(self, cell: &mut Cell) {
        self.re.store(&mut cell.re);
        self.im.store(&mut cell.im);
    }

    #[inline(always)]
    pub(crate) fn add(self, other: Self) -> Self {
        Self {
            re: self.re + other.re,
            im: self.im + other.im,
        }
    }

    #[inline(always)]
    pub(crate) fn sub(self, other: Self) -> Self {
        Self {
            re: self.re - other.re,
            im: self.im - other.im,
        }
    }

    /// `self + (-i) * other`.
    #[inline(always)]
    pub(crate) fn sub_i(self, other: Self) -> Self {
        Self {
            re: self.re + other.im,
            im: self.im - other.re,
        }
    }

    /// `self + i * other`.
    #[inline(always)]
    pub(crate) fn add_i(self, other: Self) -> Self {
        Self {
            re: self.re - other.im,
            im: self.im + other.re,
        }
    }

    #[inline(always)]
    pub(crate) fn scale(self, by: V) -> Self {
        Self {
            re: self.re * by,
            im: self.im * by,
        }
    }

    /// `self * by + to` for a real `by`.
    #[inline(always)]
    pub(crate) fn scale_add(self, by: V, to: Self) -> Self {
        Self {
            re: self.re.mul_add(by, to.re),
            im: self.im.mul_add(by, to.im),
        }
    }

    /// `to - self * by` for a real `by`.
    #[inline(always)]
    pub(crate) fn neg_scale_add(self, by: V, to: Self) -> Self {
        Self {
            re: self.re.neg_mul_add(by, to.re),
            im: self.im.neg_mul_add(by, to.im),
        }
    }

    /// Product with the same complex number in each lane.
    #[inline(always)]
    pub(crate) fn twiddle<S: Simd<V = V>>(self, simd: S, by: [f32; 2]) -> Self {
        let (re, im) = (simd.splat(by[0]), simd.splat(by[1]));
        Self {
            re: self.im.neg_mul_add(im, self.re * re),
            im: self.im.mul_add(re, self.re * im),
        }
    }

    /// Real and imaginary part exchanged: a forward transform between two exchanges is an inverse one.
    #[inline(always)]
    pub(crate) fn swap(self) -> Self {
        Self {
            re: self.im,
            im: self.re,
        }
    }
}
