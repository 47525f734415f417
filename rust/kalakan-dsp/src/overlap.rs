//! Overlap-add of frame pairs in a buffer that stays in the first-level cache.

use rustfft::num_complex::Complex32;

/// The samples that later frames still add to: `n_fft + hop_length` of them.
pub(crate) struct OverlapAdd {
    sums: Vec<f32>,
    hop: usize,
}

impl OverlapAdd {
    pub(crate) fn new(n_fft: usize, hop_length: usize) -> Self {
        Self {
            sums: vec![0.0; n_fft + hop_length],
            hop: hop_length,
        }
    }

    /// Samples left when the last pair has been emitted: `n_fft - hop_length`.
    pub(crate) fn tail_len(&self) -> usize {
        self.sums.len() - 2 * self.hop
    }

    /// Adds the windowed frames `z.re` and, one hop later, `z.im`.
    #[inline(always)]
    pub(crate) fn add_pair(&mut self, z: &[Complex32], window: &[f32]) {
        for ((sum, z), w) in self.sums.iter_mut().zip(z).zip(window) {
            *sum += z.re * w;
        }
        for ((sum, z), w) in self.sums[self.hop..].iter_mut().zip(z).zip(window) {
            *sum += z.im * w;
        }
    }

    /// Writes the two hops that are complete and advances by as much.
    #[inline(always)]
    pub(crate) fn emit(&mut self, out: &mut [f32], reciprocals: &[f32]) {
        write_scaled(out, &self.sums, reciprocals);
        self.sums.copy_within(2 * self.hop.., 0);
        let tail = self.tail_len();
        self.sums[tail..].fill(0.0);
    }

    /// Writes the samples after the last emitted pair and resets the buffer.
    #[inline(always)]
    pub(crate) fn flush(&mut self, out: &mut [f32], reciprocals: &[f32]) {
        write_scaled(out, &self.sums, reciprocals);
        self.sums.fill(0.0);
    }
}

#[inline(always)]
fn write_scaled(out: &mut [f32], sums: &[f32], reciprocals: &[f32]) {
    for ((out, sum), reciprocal) in out.iter_mut().zip(sums).zip(reciprocals) {
        *out = sum * reciprocal;
    }
}
