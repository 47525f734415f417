//! Short-time Fourier transform with symmetric zero padding, so that `S` samples give `S / hop` frames.

use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

use crate::batch::Batch;
use crate::error::{check_finite, check_rows, DspError};
use crate::overlap::OverlapAdd;
use crate::pair;

/// Sizes of an STFT in samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StftConfig {
    /// Length of one transform; at least `win_length`.
    pub n_fft: usize,
    /// Length of the periodic Hann window, centered in the transform; more than `hop_length`.
    pub win_length: usize,
    /// Samples from one frame to the next; `n_fft - hop_length` is even.
    pub hop_length: usize,
}

impl StftConfig {
    fn check(&self) -> Result<(), DspError> {
        let Self {
            n_fft,
            win_length,
            hop_length,
        } = *self;
        let refuse = |text: String| Err(DspError::Config(text));
        if hop_length == 0 {
            return refuse("hop_length is 0; it must be at least 1".into());
        }
        if win_length <= hop_length {
            return refuse(format!(
                "win_length is {win_length}; it must be more than hop_length ({hop_length})"
            ));
        }
        if win_length > n_fft {
            return refuse(format!(
                "win_length is {win_length}; it must be at most n_fft ({n_fft})"
            ));
        }
        if n_fft > 1 << 20 {
            return refuse(format!("n_fft is {n_fft}; it must be at most {}", 1 << 20));
        }
        if (n_fft - hop_length) % 2 != 0 {
            return refuse(format!(
                "n_fft - hop_length is {}; it must be even, so that both sides get the same padding",
                n_fft - hop_length
            ));
        }
        Ok(())
    }
}

/// Window, FFT plans and framing for one [`StftConfig`]; cheap to share, stateless.
pub struct Stft {
    pub(crate) config: StftConfig,
    pub(crate) forward: Arc<dyn Fft<f32>>,
    pub(crate) inverse: Arc<dyn Fft<f32>>,
    /// Transforms of eight frame pairs at once, for supported lengths.
    pub(crate) batch: Option<Batch>,
    pub(crate) window: Vec<f32>,
    /// `window / n_fft`: the inverse transform is unnormalized.
    pub(crate) synthesis_window: Vec<f32>,
}

impl fmt::Debug for Stft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stft")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Stft {
    /// Plans the transforms.
    ///
    /// # Errors
    /// [`DspError::Config`] names the size that is out of range and its limit.
    pub fn new(config: StftConfig) -> Result<Self, DspError> {
        config.check()?;
        let mut planner = FftPlanner::new();
        let window = centred_hann(config);
        let synthesis_window = window.iter().map(|w| w / config.n_fft as f32).collect();
        Ok(Self {
            config,
            forward: planner.plan_fft_forward(config.n_fft),
            inverse: planner.plan_fft_inverse(config.n_fft),
            batch: Batch::new(config.n_fft),
            window,
            synthesis_window,
        })
    }

    /// The sizes this plan was built for.
    pub fn config(&self) -> StftConfig {
        self.config
    }

    /// Frequency bins of a frame: `n_fft / 2 + 1`.
    pub fn bins(&self) -> usize {
        self.config.n_fft / 2 + 1
    }

    /// Zeros before the first sample and after the last: `(n_fft - hop_length) / 2`.
    pub fn padding(&self) -> usize {
        (self.config.n_fft - self.config.hop_length) / 2
    }

    /// Spectrum `[T][F]` of `audio`, `T = audio.len() / hop_length`; frame `t` is centered at `(t + 0.5) * hop_length`.
    ///
    /// # Errors
    /// [`DspError::Input`] for fewer samples than one hop, NaN or infinity.
    pub fn forward(&self, audio: &[f32]) -> Result<Vec<Complex32>, DspError> {
        let (frames, bins) = (self.check_audio(audio)?, self.bins());
        let padded = self.pad(audio);
        let mut work = Workspace::new(self);
        let mut spectrum = vec![Complex32::default(); frames * bins];
        for (index, rows) in spectrum.chunks_mut(2 * bins).enumerate() {
            self.analyze(&padded[2 * index * self.config.hop_length..], &mut work);
            let (a, b) = rows.split_at_mut(bins);
            pair::split(&work.z, a, b);
        }
        Ok(spectrum)
    }

    /// Audio of `T * hop_length` samples from a spectrum `[T][F]`: overlap-add divided by the sum of squared
    /// windows, the least-squares inverse of Griffin and Lim (1984), equation 6.
    ///
    /// # Errors
    /// [`DspError::Input`] when the length is not a positive multiple of `F`, or for NaN or infinity.
    pub fn inverse(&self, spectrum: &[Complex32]) -> Result<Vec<f32>, DspError> {
        let bins = self.bins();
        let frames = check_rows("spectrum", spectrum.len(), bins)?;
        if spectrum.iter().any(|c| !c.is_finite()) {
            return Err(DspError::Input(
                "spectrum has NaN or infinity; every value must be finite".into(),
            ));
        }
        let mut work = Workspace::new(self);
        let reciprocals = self.reciprocals(frames);
        let mut padded = vec![0.0; reciprocals.len()];
        let stride = 2 * self.config.hop_length;
        let silence = vec![Complex32::default(); bins];
        for (index, rows) in spectrum.chunks(2 * bins).enumerate() {
            let (a, b) = rows.split_at(bins);
            pair::merge(a, if b.is_empty() { &silence } else { b }, &mut work.z);
            let at = index * stride;
            self.synthesize(
                &mut work,
                &mut padded[at..at + stride],
                &reciprocals[at..at + stride],
            );
        }
        let end = padded.len() - work.overlap.tail_len();
        work.overlap.flush(&mut padded[end..], &reciprocals[end..]);
        Ok(self.crop(padded, frames))
    }

    /// Transforms two neighboring frames that start at `padded[0]` into `work.z`.
    pub(crate) fn analyze(&self, padded: &[f32], work: &mut Workspace) {
        let StftConfig {
            n_fft, hop_length, ..
        } = self.config;
        let (a, b) = (&padded[..n_fft], &padded[hop_length..hop_length + n_fft]);
        self.transform_two(a, b, work);
    }

    /// Transforms a frame of each of two signals into `work.z`.
    // Inlined into its caller's loop, to use the caller's instruction set; so are the other parts of such loops.
    #[inline(always)]
    pub(crate) fn transform_two(&self, a: &[f32], b: &[f32], work: &mut Workspace) {
        for (((z, w), a), b) in work.z.iter_mut().zip(&self.window).zip(a).zip(b) {
            *z = Complex32::new(a * w, b * w);
        }
        self.forward
            .process_with_scratch(&mut work.z, &mut work.scratch);
    }

    /// One over the sum of squared windows at each padded sample of `frames` frames, zero in the padding.
    pub(crate) fn reciprocals(&self, frames: usize) -> Vec<f32> {
        let StftConfig {
            n_fft, hop_length, ..
        } = self.config;
        // Where as many frames overlap as can, every hop has the same sums: those of a few frames are enough.
        let overlapping = frames.min(n_fft.div_ceil(hop_length));
        let mut sums = vec![0.0_f32; self.padded_len(frames)];
        for start in (0..overlapping).map(|t| t * hop_length) {
            for (sum, w) in sums[start..start + n_fft].iter_mut().zip(&self.window) {
                *sum += w * w;
            }
        }
        let whole = overlapping * hop_length;
        let end = frames * hop_length;
        sums.copy_within(whole..whole + n_fft - hop_length, end);
        for at in (whole..end).step_by(hop_length) {
            sums.copy_within(at - hop_length..at, at);
        }
        let signal = self.padding()..self.padding() + end;
        sums[..signal.start].fill(0.0);
        sums[signal.end..].fill(0.0);
        for sum in &mut sums[signal] {
            *sum = if *sum > 0.0 { 1.0 / *sum } else { 0.0 };
        }
        sums
    }

    /// Transforms `work.z` back and emits the two hops of audio that are complete after it.
    #[inline(always)]
    pub(crate) fn synthesize(&self, work: &mut Workspace, out: &mut [f32], reciprocals: &[f32]) {
        self.inverse
            .process_with_scratch(&mut work.z, &mut work.scratch);
        work.overlap.add_pair(&work.z, &self.synthesis_window);
        work.overlap.emit(out, reciprocals);
    }

    /// Number of frames of `audio`; an error if there are none.
    pub(crate) fn check_audio(&self, audio: &[f32]) -> Result<usize, DspError> {
        check_finite("audio", audio)?;
        let (samples, hop) = (audio.len(), self.config.hop_length);
        if samples < hop {
            return Err(DspError::Input(format!(
                "audio has {samples} samples; one frame needs at least {hop}"
            )));
        }
        Ok(samples / hop)
    }

    /// Copies whole hops of `audio` between zeros; room for an even number of frames.
    pub(crate) fn pad(&self, audio: &[f32]) -> Vec<f32> {
        let frames = audio.len() / self.config.hop_length;
        let mut padded = vec![0.0; self.padded_len(frames)];
        let padding = self.padding();
        // Samples after the last whole hop still belong to the last frames' windows.
        let kept = audio.len().min(padded.len() - padding);
        padded[padding..padding + kept].copy_from_slice(&audio[..kept]);
        padded
    }

    /// Samples that `frames`, rounded up to whole pairs, cover.
    pub(crate) fn padded_len(&self, frames: usize) -> usize {
        frames.next_multiple_of(2) * self.config.hop_length + 2 * self.padding()
    }

    /// The samples of a padded buffer that belong to the signal.
    pub(crate) fn crop(&self, mut padded: Vec<f32>, frames: usize) -> Vec<f32> {
        let (start, length) = (self.padding(), frames * self.config.hop_length);
        padded.copy_within(start..start + length, 0);
        padded.truncate(length);
        padded
    }
}

/// Buffers of one thread.
pub(crate) struct Workspace {
    pub(crate) z: Vec<Complex32>,
    pub(crate) overlap: OverlapAdd,
    scratch: Vec<Complex32>,
}

impl Workspace {
    pub(crate) fn new(stft: &Stft) -> Self {
        let scratch = stft
            .forward
            .get_inplace_scratch_len()
            .max(stft.inverse.get_inplace_scratch_len());
        Self {
            z: vec![Complex32::default(); stft.config.n_fft],
            overlap: OverlapAdd::new(stft.config.n_fft, stft.config.hop_length),
            scratch: vec![Complex32::default(); scratch],
        }
    }
}

/// Periodic Hann window of `win_length`, zeros around it up to `n_fft`.
fn centred_hann(config: StftConfig) -> Vec<f32> {
    let mut window = vec![0.0; config.n_fft];
    let offset = (config.n_fft - config.win_length) / 2;
    for (n, w) in window[offset..offset + config.win_length]
        .iter_mut()
        .enumerate()
    {
        *w = (0.5 - 0.5 * (2.0 * PI * n as f64 / config.win_length as f64).cos()) as f32;
    }
    window
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reciprocals_are_one_over_the_sum_of_all_squared_windows() {
        for (n_fft, win_length, hop_length) in
            [(600, 600, 150), (600, 600, 250), (12, 9, 4), (8, 8, 6)]
        {
            let config = StftConfig {
                n_fft,
                win_length,
                hop_length,
            };
            let stft = Stft::new(config).expect("sizes that fit");
            for frames in 1..12 {
                let mut sums = vec![0.0_f32; stft.padded_len(frames)];
                for frame in 0..frames {
                    for (sum, w) in sums[frame * hop_length..].iter_mut().zip(&stft.window) {
                        *sum += w * w;
                    }
                }
                let signal = stft.padding()..stft.padding() + frames * hop_length;
                for (n, sum) in sums.iter_mut().enumerate() {
                    let counts = signal.contains(&n) && *sum > 0.0;
                    *sum = if counts { 1.0 / *sum } else { 0.0 };
                }
                assert_eq!(stft.reciprocals(frames), sums, "{config:?}, {frames}");
            }
        }
    }
}
