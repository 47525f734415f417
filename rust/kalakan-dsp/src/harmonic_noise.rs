//! Synthesis half of the `harmonic_noise` vocoder: filters per subframe to audio, as in
//! `kalakan/models/vocoders/source_filter.py`.

use rustfft::num_complex::Complex32;

use crate::elementary::{exp, sin_cos};
use crate::error::{check_finite, is_finite, not_finite, DspError};
use crate::excitation::{noise_table, pulses, NOISE_SIZE};
use crate::pair;
use crate::simd::{Job, Machine, Simd};
use crate::stft::{Stft, StftConfig, Workspace};

/// Ceiling of a filter's natural-log gain.
const MAX_LOG_GAIN: f32 = 5.0;

/// Hz on each side of `noise_cut_below` over which the cut fades out.
const NOISE_CUT_FADE: f64 = 500.0;

/// Decibels above `noise_cut_from` from which on the full cut applies.
const NOISE_CUT_FADE_DB: f32 = 3.0;

/// Sizes of a source-filter synthesis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SourceFilterConfig {
    /// Samples per second.
    pub sample_rate: f64,
    /// Samples in a mel frame; a multiple of `subframes`.
    pub hop_length: usize,
    /// Samples in the frame of a filter.
    pub n_fft: usize,
    /// Filters in one mel frame.
    pub subframes: usize,
    /// Decibels by which noise is lowered in voiced frames; its power goes to the pulses.
    pub noise_cut: f32,
    /// Frequency in Hz up to which it is lowered.
    pub noise_cut_below: f32,
    /// Decibels by which pulses must be stronger than noise up to that frequency for noise to be lowered at all.
    pub noise_cut_from: f32,
}

/// Initial state of pulses and noise in a sentence, derived from a seed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Start {
    /// Phase of the pulses before the first sample, in cycles.
    pub phase: f64,
    /// Place of the first sample in the noise table.
    pub noise: usize,
}

/// Pulses at F0 and noise, filtered frame by frame; built once, shared by threads.
#[derive(Debug)]
pub struct SourceFilter {
    config: SourceFilterConfig,
    stft: Stft,
    noise: Vec<f32>,
    cut: NoiseCut,
    machine: Option<Machine>,
}

impl SourceFilter {
    /// Plans the transforms and computes the noise table.
    ///
    /// # Errors
    /// [`DspError::Config`] for sizes that do not fit together.
    pub fn new(config: SourceFilterConfig) -> Result<Self, DspError> {
        let SourceFilterConfig {
            hop_length,
            subframes,
            ..
        } = config;
        if subframes == 0 || hop_length % subframes != 0 {
            return Err(DspError::Config(format!(
                "subframes is {subframes}; it must divide hop_length, {hop_length}"
            )));
        }
        if config.sample_rate.is_nan() || config.sample_rate <= 0.0 {
            return Err(DspError::Config(format!(
                "sample_rate is {}; it must be above 0",
                config.sample_rate
            )));
        }
        if !config.noise_cut_from.is_finite() {
            return Err(DspError::Config(format!(
                "noise_cut_from is {}; it must be a number",
                config.noise_cut_from
            )));
        }
        for (name, value) in [
            ("noise_cut", config.noise_cut),
            ("noise_cut_below", config.noise_cut_below),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(DspError::Config(format!(
                    "{name} is {value}; it must be a number of at least 0"
                )));
            }
        }
        let stft = Stft::new(StftConfig {
            n_fft: config.n_fft,
            win_length: config.n_fft,
            hop_length: hop_length / subframes,
        })?;
        let noise = noise_table();
        let cut = NoiseCut::new(&config);
        Ok(Self {
            config,
            stft,
            noise,
            cut,
            machine: Machine::best(),
        })
    }

    /// Values of one mel frame in `filters`: `subframes * 3 * (n_fft / 2 + 1)`.
    pub fn filter_len(&self) -> usize {
        self.config.subframes * 3 * self.stft.bins()
    }

    /// Frames on each side of a window whose audio is incomplete, unless the sentence ends there.
    pub fn context(&self) -> usize {
        (self.config.n_fft / 2).div_ceil(self.config.hop_length)
    }

    /// Audio of the frames from `first_frame` on, `T * hop_length` samples; may exceed 1.
    ///
    /// `filters` is `[T][subframes][3][F]`: log gain and phase (radians) of the pulses, log gain of the noise. `start`
    /// is the sentence's. `f0` is the whole sentence's in Hz, 0 where unvoiced, so that any window continues the
    /// previous one: pulse phase and noise depend only on the position in the sentence. The outer [`Self::context`]
    /// frames of a window lack the overlap of their neighbors.
    ///
    /// # Errors
    /// [`DspError::Input`] for a wrong length, a window outside the sentence, NaN or infinity.
    pub fn render(
        &self,
        filters: &[f32],
        f0: &[f32],
        first_frame: usize,
        start: Start,
    ) -> Result<Vec<f32>, DspError> {
        let frames = self.check(filters, f0, first_frame)?;
        check_finite("phase", &[start.phase as f32])?;
        let count = frames * self.config.subframes;
        let (voice, air) = self.sources(f0, first_frame, frames, start);
        let job = Render {
            plan: self,
            filters,
            f0: &f0[first_frame..first_frame + frames],
            voice: &voice,
            air: &air,
        };
        let padded = match self.machine {
            Some(machine) => machine.run(job),
            None => job.render(),
        };
        match padded {
            Some(padded) => Ok(self.stft.crop(padded, count)),
            None => Err(not_finite("filters", filters)),
        }
    }

    fn check(&self, filters: &[f32], f0: &[f32], first_frame: usize) -> Result<usize, DspError> {
        check_finite("f0", f0)?;
        let frames = crate::error::check_rows("filters", filters.len(), self.filter_len())?;
        if first_frame.saturating_add(frames) > f0.len() {
            return Err(DspError::Input(format!(
                "filters reach to frame {}; f0 has {} frames",
                first_frame.saturating_add(frames),
                f0.len()
            )));
        }
        Ok(frames)
    }

    /// Pulses and noise of a window with its context in the sentence, as far as a transform reaches.
    fn sources(
        &self,
        f0: &[f32],
        first_frame: usize,
        frames: usize,
        start: Start,
    ) -> (Vec<f32>, Vec<f32>) {
        let hop = self.config.hop_length;
        let padding = self.stft.padding();
        let length = self.stft.padded_len(frames * self.config.subframes);
        let reach = first_frame * hop + length; // from the first sample of the sentence, a little more than needed
        let sentence = pulses(f0, self.config.sample_rate, hop, reach, start.phase);
        let total = f0.len() * hop;
        let mut voice = vec![0.0; length];
        let mut air = vec![0.0; length];
        // The first sample of the sentence in the window, and its position in the window.
        let first = (first_frame * hop).saturating_sub(padding);
        let offset = padding.saturating_sub(first_frame * hop);
        let end = total.min(first + length - offset);
        let pulses = &sentence[first.min(sentence.len())..end.min(sentence.len())];
        voice[offset..offset + pulses.len()].copy_from_slice(pulses);
        let place = (first + start.noise % NOISE_SIZE) % NOISE_SIZE;
        let noise = self.noise.iter().cycle().skip(place);
        for (air, noise) in air[offset..offset + end - first].iter_mut().zip(noise) {
            *air = *noise;
        }
        (voice, air)
    }
}

/// Moves noise power of voiced frames to the pulses.
#[derive(Debug)]
struct NoiseCut {
    /// Natural log of the fraction of noise power that is kept at the full cut, by bin.
    log_share: Vec<f32>,
    /// Bins in which pulses and noise are compared.
    judged: usize,
    from: f32,
}

impl NoiseCut {
    fn new(config: &SourceFilterConfig) -> Self {
        let bins = config.n_fft / 2 + 1;
        let spacing = config.sample_rate / config.n_fft as f64;
        let below = f64::from(config.noise_cut_below);
        let log_share = (0..bins).map(|bin| {
            let above = below - bin as f64 * spacing;
            let depth = (above / (2.0 * NOISE_CUT_FADE) + 0.5).clamp(0.0, 1.0);
            (-0.1 * f64::from(config.noise_cut) * depth * std::f64::consts::LN_10) as f32
        });
        Self {
            log_share: log_share.collect(),
            judged: 1 + ((below / spacing) as usize).min(bins - 1),
            from: config.noise_cut_from,
        }
    }

    /// Lowers the gains of noise and raises those of pulses, with their total power unchanged.
    #[inline(always)]
    fn apply(&self, pulses: &mut [f32], noise: &mut [f32]) {
        let ratio = power(&pulses[..self.judged]) / power(&noise[..self.judged]);
        let decibels = 10.0 * ratio.log10();
        let depth = ((decibels - self.from) / NOISE_CUT_FADE_DB).clamp(0.0, 1.0);
        if depth == 0.0 {
            return;
        }
        for ((pulses, noise), log_share) in pulses.iter_mut().zip(noise).zip(&self.log_share) {
            let kept = exp(depth * log_share);
            *pulses = (*pulses * *pulses + *noise * *noise * (1.0 - kept)).sqrt();
            *noise *= kept.sqrt();
        }
    }
}

/// Sum of the squares of gains, at least 1e-30; in eight independent sums, to avoid a dependency chain.
#[inline(always)]
fn power(gains: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let blocks = gains.chunks_exact(8);
    for (sum, gain) in sums.iter_mut().zip(blocks.remainder()) {
        *sum = gain * gain;
    }
    for block in blocks {
        for (sum, gain) in sums.iter_mut().zip(block) {
            *sum += gain * gain;
        }
    }
    sums.iter().sum::<f32>().max(1e-30)
}

/// Filters a window: a job, so that its loops are also compiled for the machine's widest registers. They are plain
/// arithmetic on rows, which rounds identically at any register width.
struct Render<'a> {
    plan: &'a SourceFilter,
    filters: &'a [f32],
    /// F0 of the window's frames.
    f0: &'a [f32],
    /// Pulses, and noise, with the padding of the transforms.
    voice: &'a [f32],
    air: &'a [f32],
}

impl Job for Render<'_> {
    type Output = Option<Vec<f32>>;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Option<Vec<f32>> {
        self.render()
    }
}

impl Render<'_> {
    /// Padded audio; `None` if a filter has NaN or infinity.
    #[inline(always)]
    fn render(self) -> Option<Vec<f32>> {
        let SourceFilter { config, stft, .. } = self.plan;
        let (bins, hop) = (stft.bins(), stft.config.hop_length);
        let mut work = Workspace::new(stft);
        let scale = stft.reciprocals(self.f0.len() * config.subframes);
        let mut padded = vec![0.0; scale.len()];
        let mut rows = [
            vec![Complex32::default(); bins],
            vec![Complex32::default(); bins],
        ];
        let mut gains = [(); 3].map(|()| vec![0.0; bins]);
        for (index, pair_of_filters) in self.filters.chunks(2 * 3 * bins).enumerate() {
            // Here rather than for all filters first: they are read from memory once.
            if !is_finite(pair_of_filters) {
                return None;
            }
            rows[1].fill(Complex32::default());
            for (part, filter) in pair_of_filters.chunks(3 * bins).enumerate() {
                let at = (2 * index + part) * hop;
                let pulses = &self.voice[at..at + config.n_fft];
                let frame = (2 * index + part) / config.subframes;
                stft.transform_two(pulses, &self.air[at..], &mut work);
                let cut = (self.f0[frame] > 0.0).then_some(&self.plan.cut);
                if has_pulses(pulses) {
                    apply_both(filter, cut, &mut gains, &work.z, &mut rows[part]);
                } else {
                    apply_noise(filter, cut, &mut gains, &work.z, &mut rows[part]);
                }
            }
            pair::merge(&rows[0], &rows[1], &mut work.z);
            let at = 2 * index * hop;
            stft.synthesize(
                &mut work,
                &mut padded[at..at + 2 * hop],
                &scale[at..at + 2 * hop],
            );
        }
        let end = padded.len() - work.overlap.tail_len();
        work.overlap.flush(&mut padded[end..], &scale[end..]);
        Some(padded)
    }
}

/// Whether any sample is not zero; without a branch for each, so that the loop becomes SIMD.
#[inline(always)]
fn has_pulses(samples: &[f32]) -> bool {
    let mut blocks = samples.chunks(64);
    blocks.any(|block| block.iter().fold(0, |bits, x| bits | (x.to_bits() << 1)) != 0)
}

/// Gains of the pulses and of the noise of one filter; a voiced frame has a `cut`.
#[inline(always)]
fn read_gains(filter: &[f32], cut: Option<&NoiseCut>, pulses: &mut [f32], noise: &mut [f32]) {
    let bins = pulses.len();
    let inputs = filter[..bins].iter().zip(&filter[2 * bins..]);
    for ((pulses, noise), (harmonic, breath)) in pulses.iter_mut().zip(&mut *noise).zip(inputs) {
        *pulses = exp(harmonic.min(MAX_LOG_GAIN));
        *noise = exp(breath.min(MAX_LOG_GAIN));
    }
    if let Some(cut) = cut {
        cut.apply(pulses, noise);
    }
}

/// Spectrum of one subframe, filtered pulses and filtered noise, from their transform as a pair.
#[inline(always)]
fn apply_both(
    filter: &[f32],
    cut: Option<&NoiseCut>,
    gains: &mut [Vec<f32>; 3],
    z: &[Complex32],
    out: &mut [Complex32],
) {
    let bins = out.len();
    let [real, imaginary, noise] = gains;
    read_gains(filter, cut, real, noise);
    let rows = real.iter_mut().zip(imaginary.iter_mut());
    for ((re, im), phase) in rows.zip(&filter[bins..2 * bins]) {
        let (sin, cos) = sin_cos(*phase);
        *im = *re * sin;
        *re *= cos;
    }
    let gains = real.iter().zip(imaginary.iter()).zip(noise.iter());
    for ((out, ((re, im), noise)), (voice, air)) in out.iter_mut().zip(gains).zip(pair::spectra(z))
    {
        *out = Complex32::new(
            re * voice.re - im * voice.im + noise * air.re,
            re * voice.im + im * voice.re + noise * air.im,
        );
    }
}

/// The same where there are no pulses.
#[inline(always)]
fn apply_noise(
    filter: &[f32],
    cut: Option<&NoiseCut>,
    gains: &mut [Vec<f32>; 3],
    z: &[Complex32],
    out: &mut [Complex32],
) {
    let [pulses, _, noise] = gains;
    if cut.is_some() {
        read_gains(filter, cut, pulses, noise);
    } else {
        let breath = &filter[2 * out.len()..];
        for (gain, breath) in noise.iter_mut().zip(breath) {
            *gain = exp(breath.min(MAX_LOG_GAIN));
        }
    }
    for ((out, gain), (_, air)) in out.iter_mut().zip(noise).zip(pair::spectra(z)) {
        *out = air * *gain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: SourceFilterConfig = SourceFilterConfig {
        sample_rate: 24_000.0,
        hop_length: 300,
        n_fft: 600,
        subframes: 2,
        noise_cut: 0.0,
        noise_cut_below: 4000.0,
        noise_cut_from: 3.0,
    };

    const START: Start = Start {
        phase: 0.0,
        noise: 0,
    };

    fn flat(frames: usize, harmonic: f32, breath: f32) -> Vec<f32> {
        (0..frames * 2)
            .flat_map(|_| {
                let row = |value: f32| std::iter::repeat_n(value, 301);
                row(harmonic).chain(row(0.0)).chain(row(breath))
            })
            .collect()
    }

    #[test]
    fn flat_filters_give_the_excitation_back() {
        let plan = SourceFilter::new(CONFIG).expect("sizes and lengths that fit");
        let f0 = vec![187.3; 20];
        let audio = plan
            .render(&flat(20, 0.0, -80.0), &f0, 0, START)
            .expect("sizes and lengths that fit");
        let wanted = pulses(&f0, 24_000.0, 300, 6000, 0.0);
        for (a, b) in audio.iter().zip(&wanted) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
        let audio = plan
            .render(&flat(20, -80.0, 0.0), &f0, 0, START)
            .expect("sizes and lengths that fit");
        for (a, b) in audio.iter().zip(noise_table()) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }

    #[test]
    fn every_machine_gives_the_same_bits() {
        let mut plan = SourceFilter::new(SourceFilterConfig {
            noise_cut: 9.0,
            ..CONFIG
        })
        .expect("sizes that fit");
        let filters: Vec<f32> = (0..24 * plan.filter_len())
            .map(|i| ((i * 7919 % 1013) as f32 - 700.0) * 0.01)
            .collect();
        let f0: Vec<f32> = (0..24)
            .map(|i| if i % 5 < 3 { 120.0 + i as f32 } else { 0.0 })
            .collect();
        plan.machine = None;
        let wanted = plan
            .render(&filters, &f0, 0, START)
            .expect("lengths that fit");
        assert!(wanted.iter().any(|x| *x != 0.0));
        for machine in Machine::all() {
            plan.machine = Some(machine);
            let found = plan
                .render(&filters, &f0, 0, START)
                .expect("lengths that fit");
            assert_eq!(found, wanted, "{machine:?}");
        }
    }

    /// Power of a signal at frequencies below `edge` and above it.
    fn powers(audio: &[f32], edge: usize) -> (f64, f64) {
        let plan = Stft::new(StftConfig {
            n_fft: 600,
            win_length: 600,
            hop_length: 150,
        })
        .expect("sizes that fit");
        let bins = plan.bins();
        let mut sums = (0.0, 0.0);
        for (index, value) in plan.forward(audio).expect("finite").iter().enumerate() {
            let power = f64::from(value.norm_sqr());
            if index % bins < edge {
                sums.0 += power;
            } else {
                sums.1 += power;
            }
        }
        sums
    }

    #[test]
    fn voiced_frames_give_the_power_of_low_noise_to_the_pulses() {
        let cut = SourceFilter::new(SourceFilterConfig {
            noise_cut: 20.0,
            ..CONFIG
        })
        .expect("sizes that fit");
        let plain = SourceFilter::new(CONFIG).expect("sizes that fit");
        let render = |plan: &SourceFilter, filters: &[f32], f0: f32| {
            plan.render(filters, &[f0; 80], 0, START)
                .expect("lengths that fit")
        };
        let noisy = flat(80, 1.0, 0.0); // pulses 8.7 dB above the noise
        let unvoiced = render(&cut, &noisy, 0.0);
        assert_eq!(unvoiced, render(&plain, &noisy, 0.0));
        // Up to 3.5 kHz a hundredth of the noise's power is left, the rest goes to the pulses; no change from 4.5 kHz
        // on.
        let voiced = render(&cut, &noisy, 150.0);
        let (low, high) = powers(&voiced, 87);
        let (low_noise, high_noise) = powers(&render(&plain, &noisy, 150.0), 87);
        assert!((low / low_noise - 1.0).abs() < 0.1, "{low} {low_noise}");
        assert!((high / high_noise - 1.0).abs() < 0.1, "{high} {high_noise}");
        let change: Vec<f32> = voiced
            .iter()
            .zip(&voiced[160..])
            .map(|(a, b)| a - b)
            .collect(); // one period apart
        let (low_change, high_change) = powers(&change[..change.len() / 150 * 150], 87);
        assert!(low_change < 0.05 * low, "{low_change} {low}");
        assert!(high_change > 0.15 * high, "{high_change} {high}");
        let breathy = flat(80, 0.3, 0.0); // 2.6 dB: nothing is cut
        assert_eq!(
            render(&cut, &breathy, 150.0),
            render(&plain, &breathy, 150.0)
        );
        let silent = flat(80, -80.0, -80.0);
        assert!(render(&cut, &silent, 150.0).iter().all(|x| x.abs() < 1e-6));
    }

    #[test]
    fn windows_equal_the_whole() {
        let plan = SourceFilter::new(CONFIG).expect("sizes and lengths that fit");
        let f0: Vec<f32> = (0..40)
            .map(|t| {
                if t % 11 < 3 {
                    0.0
                } else {
                    90.0 + 5.0 * t as f32
                }
            })
            .collect();
        let filters: Vec<f32> = (0..40 * plan.filter_len())
            .map(|i| (i as f32 * 0.37).sin())
            .collect();
        let start = Start {
            phase: 0.7,
            noise: 65_000,
        };
        let whole = plan
            .render(&filters, &f0, 0, start)
            .expect("sizes and lengths that fit");
        let (first, last) = (13, 29);
        let part = &filters[first * plan.filter_len()..last * plan.filter_len()];
        let window = plan
            .render(part, &f0, first, start)
            .expect("sizes and lengths that fit");
        let edge = plan.context() * 300;
        let inner = &whole[first * 300 + edge..last * 300 - edge];
        for (a, b) in window[edge..].iter().zip(inner) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }

    #[test]
    fn bad_input_is_refused() {
        let plan = SourceFilter::new(CONFIG).expect("sizes and lengths that fit");
        let filters = flat(2, 0.0, 0.0);
        assert!(plan.render(&filters, &[100.0], 0, START).is_err());
        assert!(plan.render(&filters, &[100.0; 4], 3, START).is_err());
        assert!(plan.render(&filters, &[f32::NAN; 2], 0, START).is_err());
        assert!(plan.render(&filters[1..], &[100.0; 4], 0, START).is_err());
        assert!(SourceFilter::new(SourceFilterConfig {
            subframes: 7,
            ..CONFIG
        })
        .is_err());
        assert!(SourceFilter::new(SourceFilterConfig {
            noise_cut: f32::NAN,
            ..CONFIG
        })
        .is_err());
    }
}
