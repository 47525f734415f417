//! Two real frames in one complex transform: `z = a + i b`, so `Z[k] = A[k] + i B[k]`.
//!
//! `A` and `B` are Hermitian, hence `A[k] = (Z[k] + conj Z[N-k]) / 2` and `B[k] = (Z[k] - conj Z[N-k]) / 2i`.

use rustfft::num_complex::Complex32;

/// Bins strictly between DC and Nyquist, those with a distinct mirror bin.
fn mirrored(n_fft: usize) -> usize {
    (n_fft - 1) / 2
}

/// Spectra of both frames; `b` may be empty.
pub(crate) fn split(z: &[Complex32], a: &mut [Complex32], b: &mut [Complex32]) {
    for (a, (bin, _)) in a.iter_mut().zip(spectra(z)) {
        *a = bin;
    }
    for (b, (_, bin)) in b.iter_mut().zip(spectra(z)) {
        *b = bin;
    }
}

/// Both frames' values bin by bin, from DC on.
// Inlined into its caller's loop, to use the caller's instruction set.
#[inline(always)]
pub(crate) fn spectra(z: &[Complex32]) -> impl Iterator<Item = (Complex32, Complex32)> + '_ {
    let mirrors = z[..1].iter().chain(z[1..].iter().rev());
    z.iter().zip(mirrors).map(|(low, high)| {
        let (a, b) = split_bin(*low, *high);
        (a * 0.5, b * 0.5)
    })
}

/// Magnitudes of both frames.
pub(crate) fn magnitudes(z: &[Complex32], a: &mut [f32], b: &mut [f32]) {
    for (k, (a, b)) in a.iter_mut().zip(b).enumerate() {
        let (bin_a, bin_b) = split_bin(z[k], z[(z.len() - k) % z.len()]);
        *a = 0.5 * length(bin_a);
        *b = 0.5 * length(bin_b);
    }
}

/// Packs two spectra for one inverse transform; imaginary parts of DC and Nyquist are dropped, as in any real inverse.
#[inline(always)]
pub(crate) fn merge(a: &[Complex32], b: &[Complex32], z: &mut [Complex32]) {
    let n = z.len();
    let inner = mirrored(n);
    let (low, high) = z.split_at_mut(n - inner);
    low[0] = Complex32::new(a[0].re, b[0].re);
    if n % 2 == 0 {
        low[n / 2] = Complex32::new(a[n / 2].re, b[n / 2].re);
    }
    let bins = a[1..=inner].iter().zip(&b[1..=inner]);
    // Two passes: each writes in one direction, which the compiler can vectorize.
    for (low, (a, b)) in low[1..=inner].iter_mut().zip(bins.clone()) {
        *low = merge_bin(*a, *b).0;
    }
    for (high, (a, b)) in high.iter_mut().rev().zip(bins) {
        *high = merge_bin(*a, *b).1;
    }
}

/// Bins that `project` processes at once: enough for one AVX or two SSE registers.
const LANES: usize = 8;

/// Sets the magnitudes of both frames and keeps their phases, in place.
pub(crate) fn project(z: &mut [Complex32], magnitude_a: &[f32], magnitude_b: &[f32]) {
    let n = z.len();
    let inner = mirrored(n);
    let (low, high) = z.split_at_mut(n - inner);
    // Nearly all bins go in blocks; the rest, DC and Nyquist one by one.
    let blocked = inner / LANES * LANES;
    for k in (1..=blocked).step_by(LANES) {
        let mirror = &mut high[inner + 1 - k - LANES..];
        project_bins::<LANES>(&mut low[k..], mirror, &magnitude_a[k..], &magnitude_b[k..]);
    }
    for k in blocked + 1..=inner {
        let mirror = &mut high[inner - k..];
        project_bins::<1>(&mut low[k..], mirror, &magnitude_a[k..], &magnitude_b[k..]);
    }
    for k in [0, n / 2].into_iter().take(2 - n % 2) {
        let mut mirror = [low[k]];
        project_bins::<1>(
            &mut low[k..],
            &mut mirror,
            &magnitude_a[k..],
            &magnitude_b[k..],
        );
    }
}

/// `project` for `L` bins: `low` ascends, `high` descends. Plain arrays, so that the compiler can vectorize it.
#[inline]
fn project_bins<const L: usize>(
    low: &mut [Complex32],
    high: &mut [Complex32],
    magnitude_a: &[f32],
    magnitude_b: &[f32],
) {
    let (low, high) = (&mut low[..L], &mut high[..L]);
    let (mut a_re, mut a_im, mut b_re, mut b_im) = ([0.0; L], [0.0; L], [0.0; L], [0.0; L]);
    for i in 0..L {
        let (a, b) = split_bin(low[i], high[L - 1 - i]);
        (a_re[i], a_im[i], b_re[i], b_im[i]) = (a.re, a.im, b.re, b.im);
    }
    scale_to(&mut a_re, &mut a_im, magnitude_a);
    scale_to(&mut b_re, &mut b_im, magnitude_b);
    for i in 0..L {
        let (a, b) = (
            Complex32::new(a_re[i], a_im[i]),
            Complex32::new(b_re[i], b_im[i]),
        );
        (low[i], high[L - 1 - i]) = merge_bin(a, b);
    }
}

/// Unit phase times the target magnitude: `c / |c|` needs no angle.
// Without inlining, every block would go through memory.
#[allow(clippy::inline_always)]
#[inline(always)]
fn scale_to<const L: usize>(re: &mut [f32; L], im: &mut [f32; L], magnitude: &[f32]) {
    let magnitude = &magnitude[..L];
    for i in 0..L {
        let scale = magnitude[i] / ((re[i] * re[i] + im[i] * im[i]).sqrt() + TINY);
        re[i] *= scale;
        im[i] *= scale;
    }
}

/// Keeps a division by an empty bin finite (twice 1e-16, for doubled spectra); far below any audible magnitude.
const TINY: f32 = 2e-16;

/// Twice A[k] and B[k] from Z[k] and Z[N-k].
#[inline(always)]
fn split_bin(z: Complex32, mirror: Complex32) -> (Complex32, Complex32) {
    (
        Complex32::new(z.re + mirror.re, z.im - mirror.im),
        Complex32::new(z.im + mirror.im, mirror.re - z.re),
    )
}

/// Z[k] and Z[N-k] from A[k] and B[k].
#[inline(always)]
fn merge_bin(a: Complex32, b: Complex32) -> (Complex32, Complex32) {
    (
        Complex32::new(a.re - b.im, a.im + b.re),
        Complex32::new(a.re + b.im, b.re - a.im),
    )
}

/// Magnitude without `hypot`'s overflow protection, which audio does not need.
#[inline]
fn length(c: Complex32) -> f32 {
    (c.re * c.re + c.im * c.im).sqrt()
}
