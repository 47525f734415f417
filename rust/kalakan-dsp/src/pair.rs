//! Two real frames in one complex transform: `z = a + i b`, so `Z[k] = A[k] + i B[k]`.
//!
//! `A` and `B` are Hermitian, hence `A[k] = (Z[k] + conj Z[N-k]) / 2` and `B[k] = (Z[k] - conj Z[N-k]) / 2i`.

use rustfft::num_complex::Complex32;

/// Bins strictly between DC and Nyquist, the ones that have a mirror of their own.
fn mirrored(n_fft: usize) -> usize {
    (n_fft - 1) / 2
}

/// Spectra of both frames; `b` may be empty.
pub(crate) fn split(z: &[Complex32], a: &mut [Complex32], b: &mut [Complex32]) {
    for (k, a) in a.iter_mut().enumerate() {
        *a = split_bin(z[k], z[(z.len() - k) % z.len()]).0 * 0.5;
    }
    for (k, b) in b.iter_mut().enumerate() {
        *b = split_bin(z[k], z[(z.len() - k) % z.len()]).1 * 0.5;
    }
}

/// Magnitudes of both frames.
pub(crate) fn magnitudes(z: &[Complex32], a: &mut [f32], b: &mut [f32]) {
    for (k, (a, b)) in a.iter_mut().zip(b).enumerate() {
        let (bin_a, bin_b) = split_bin(z[k], z[(z.len() - k) % z.len()]);
        *a = 0.5 * length(bin_a);
        *b = 0.5 * length(bin_b);
    }
}

/// Packs two spectra for one inverse transform; imaginary parts of DC and Nyquist are dropped, as by any real inverse.
pub(crate) fn merge(a: &[Complex32], b: &[Complex32], z: &mut [Complex32]) {
    let n = z.len();
    z[0] = Complex32::new(a[0].re, b[0].re);
    if n % 2 == 0 {
        z[n / 2] = Complex32::new(a[n / 2].re, b[n / 2].re);
    }
    for k in 1..=mirrored(n) {
        (z[k], z[n - k]) = merge_bin(a[k], b[k]);
    }
}

/// Bins that `project` handles at once: enough for one AVX or two SSE registers.
const LANES: usize = 8;

/// One Griffin-Lim step on a pair, in place: momentum, unit phase, wanted magnitude.
///
/// `state` holds twice the previous spectra as four rows of `F`: A.re, A.im, B.re, B.im. Twice, because the
/// halves of `split` cancel in the phase.
pub(crate) fn project(
    z: &mut [Complex32],
    state: &mut [f32],
    magnitudes: [&[f32]; 2],
    momentum: f32,
) {
    let n = z.len();
    let (bins, inner) = (n / 2 + 1, mirrored(n));
    let (state_a, state_b) = state.split_at_mut(2 * bins);
    let (a_re, a_im) = state_a.split_at_mut(bins);
    let (b_re, b_im) = state_b.split_at_mut(bins);
    let mut rows = [a_re, a_im, b_re, b_im];
    let (low, high) = z.split_at_mut(n - inner);
    // Nearly all bins go in blocks; the rest, DC and Nyquist one by one.
    let blocked = inner / LANES * LANES;
    for start in (1..=blocked).step_by(LANES) {
        let mirror = inner + 1 - start - LANES;
        project_bins::<LANES>(
            &mut low[start..],
            &mut high[mirror..],
            &mut rows,
            magnitudes,
            start,
            momentum,
        );
    }
    for k in blocked + 1..=inner {
        project_bins::<1>(
            &mut low[k..],
            &mut high[inner - k..],
            &mut rows,
            magnitudes,
            k,
            momentum,
        );
    }
    for k in [0, n / 2].into_iter().take(2 - n % 2) {
        let mut mirror = [low[k]];
        project_bins::<1>(
            &mut low[k..],
            &mut mirror,
            &mut rows,
            magnitudes,
            k,
            momentum,
        );
    }
}

/// `project` for bins `start..start + L`: `low` ascends from Z[start], `high` ends at Z[N - start].
#[inline]
fn project_bins<const L: usize>(
    low: &mut [Complex32],
    high: &mut [Complex32],
    rows: &mut [&mut [f32]; 4],
    magnitudes: [&[f32]; 2],
    start: usize,
    momentum: f32,
) {
    let (low, high) = (&mut low[..L], &mut high[..L]);
    let mut parts = [[0.0_f32; L]; 4];
    for i in 0..L {
        let (a, b) = split_bin(low[i], high[L - 1 - i]);
        (parts[0][i], parts[1][i], parts[2][i], parts[3][i]) = (a.re, a.im, b.re, b.im);
    }
    for (part, row) in parts.iter_mut().zip(rows) {
        for (x, previous) in part.iter_mut().zip(&mut row[start..start + L]) {
            let next = *x - momentum * *previous;
            *previous = *x;
            *x = next;
        }
    }
    for (frame, magnitude) in magnitudes.iter().enumerate() {
        let magnitude = &magnitude[start..start + L];
        for i in 0..L {
            let (re, im) = (parts[2 * frame][i], parts[2 * frame + 1][i]);
            let scale = magnitude[i] / ((re * re + im * im).sqrt() + TINY);
            parts[2 * frame][i] *= scale;
            parts[2 * frame + 1][i] *= scale;
        }
    }
    for i in 0..L {
        let (a, b) = (
            Complex32::new(parts[0][i], parts[1][i]),
            Complex32::new(parts[2][i], parts[3][i]),
        );
        (low[i], high[L - 1 - i]) = merge_bin(a, b);
    }
}

/// Keeps a division by an empty bin finite (twice 1e-16, for doubled spectra); far below any audible magnitude.
const TINY: f32 = 2e-16;

/// Twice A[k] and B[k] from Z[k] and Z[N-k].
#[inline]
fn split_bin(z: Complex32, mirror: Complex32) -> (Complex32, Complex32) {
    (
        Complex32::new(z.re + mirror.re, z.im - mirror.im),
        Complex32::new(z.im + mirror.im, mirror.re - z.re),
    )
}

/// Z[k] and Z[N-k] from A[k] and B[k].
#[inline]
fn merge_bin(a: Complex32, b: Complex32) -> (Complex32, Complex32) {
    (
        Complex32::new(a.re - b.im, a.im + b.re),
        Complex32::new(a.re + b.im, b.re - a.im),
    )
}

/// Magnitude without `hypot`'s care for overflow, which audio never needs.
#[inline]
fn length(c: Complex32) -> f32 {
    (c.re * c.re + c.im * c.im).sqrt()
}
