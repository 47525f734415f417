//! Triangular filters and the log-mel spectrogram.

use crate::error::DspError;
use crate::pair;
use crate::stft::{Stft, Workspace};

/// Settings of the bands of a mel spectrogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MelConfig {
    /// Sample rate of the audio in Hz.
    pub sample_rate: f64,
    /// Number of bands.
    pub n_mels: usize,
    /// Lower edge of the first band, Hz.
    pub fmin: f64,
    /// Upper edge of the last band, Hz; at most half the sample rate.
    pub fmax: f64,
    /// Smallest value before the logarithm; above 0.
    pub floor: f32,
}

impl MelConfig {
    fn check(&self) -> Result<(), DspError> {
        let refuse = |text: String| Err(DspError::Config(text));
        let Self {
            sample_rate,
            n_mels,
            fmin,
            fmax,
            floor,
        } = *self;
        if !(sample_rate.is_finite() && sample_rate > 0.0) {
            return refuse(format!("sample_rate is {sample_rate}; it must be above 0"));
        }
        if n_mels == 0 {
            return refuse("n_mels is 0; it must be at least 1".into());
        }
        if !(0.0 <= fmin && fmin < fmax) {
            return refuse(format!(
                "mel_fmin is {fmin}; it must be from 0 to below mel_fmax ({fmax})"
            ));
        }
        if fmax > sample_rate / 2.0 {
            return refuse(format!(
                "mel_fmax is {fmax}; it must be at most sample_rate / 2 ({})",
                sample_rate / 2.0
            ));
        }
        if !(floor.is_finite() && floor > 0.0) {
            return refuse(format!("mel_floor is {floor}; it must be above 0"));
        }
        Ok(())
    }
}

/// One triangle: its weights from bin `first` on.
#[derive(Debug, Clone)]
pub(super) struct Band {
    pub(super) first: usize,
    pub(super) weights: Vec<f32>,
}

impl Band {
    /// Weighted sum of a spectrum's bins.
    pub(super) fn dot(&self, bins: &[f32]) -> f32 {
        self.weights
            .iter()
            .zip(&bins[self.first..])
            .map(|(w, x)| w * x)
            .sum()
    }
}

/// Filter bank for spectra of one `n_fft`.
#[derive(Debug, Clone)]
pub struct MelBank {
    pub(super) bands: Vec<Band>,
    pub(super) bins: usize,
    floor: f32,
}

impl MelBank {
    /// Builds the filters of `librosa.filters.mel(htk=False, norm="slaney")`: triangles evenly spaced on the scale of
    /// M. Slaney's Auditory Toolbox (1998), each with an area of 1 Hz.
    ///
    /// # Errors
    /// [`DspError::Config`] names the value out of range, or the first band too narrow to hold a bin.
    pub fn new(config: MelConfig, n_fft: usize) -> Result<Self, DspError> {
        config.check()?;
        let bins = n_fft / 2 + 1;
        let width = config.sample_rate / n_fft as f64;
        let (low, high) = (hz_to_mel(config.fmin), hz_to_mel(config.fmax));
        let edge = |i: usize| mel_to_hz(low + (high - low) * i as f64 / (config.n_mels + 1) as f64);
        let band = |index: usize| {
            let band = triangle([edge(index), edge(index + 1), edge(index + 2)], width, bins);
            if band.weights.is_empty() {
                return Err(DspError::Config(format!(
                    "n_mels is {}; band {index} holds none of the {bins} frequency bins: use fewer bands or a longer n_fft",
                    config.n_mels
                )));
            }
            Ok(band)
        };
        Ok(Self {
            bands: (0..config.n_mels).map(band).collect::<Result<_, _>>()?,
            bins,
            floor: config.floor,
        })
    }

    /// Number of bands `M`.
    pub fn n_mels(&self) -> usize {
        self.bands.len()
    }

    /// The filters as a dense matrix `[M][F]`.
    pub fn basis(&self) -> Vec<f32> {
        let mut basis = vec![0.0; self.bands.len() * self.bins];
        for (row, band) in basis.chunks_mut(self.bins).zip(&self.bands) {
            row[band.first..band.first + band.weights.len()].copy_from_slice(&band.weights);
        }
        basis
    }

    /// Log-mel `[T][M]` of `audio`: `ln(max(mel, floor))`, frames as in [`Stft::forward`].
    ///
    /// # Errors
    /// [`DspError::Input`] for fewer samples than one hop, NaN or infinity.
    ///
    /// # Panics
    /// When `stft` has another `n_fft` than this bank was built for.
    pub fn log_mel(&self, stft: &Stft, audio: &[f32]) -> Result<Vec<f32>, DspError> {
        assert_eq!(
            stft.bins(),
            self.bins,
            "filter bank and STFT differ in n_fft"
        );
        let frames = stft.check_audio(audio)?;
        let padded = stft.pad(audio);
        let mut work = Workspace::new(stft);
        let mut magnitudes = vec![0.0; 2 * self.bins];
        let mut mel = vec![0.0; frames * self.n_mels()];
        for (index, rows) in mel.chunks_mut(2 * self.n_mels()).enumerate() {
            stft.analyze(&padded[2 * index * stft.config.hop_length..], &mut work);
            let (a, b) = magnitudes.split_at_mut(self.bins);
            pair::magnitudes(&work.z, a, b);
            for (row, magnitude) in rows.chunks_mut(self.n_mels()).zip([a, b]) {
                for (value, band) in row.iter_mut().zip(&self.bands) {
                    *value = band.dot(magnitude).max(self.floor).ln();
                }
            }
        }
        Ok(mel)
    }
}

/// Weights of the bins strictly inside a triangle with corners at `edges` Hz; bins are `width` Hz apart.
fn triangle(edges: [f64; 3], width: f64, bins: usize) -> Band {
    let [low, center, high] = edges;
    let area = 2.0 / (high - low);
    let weight = |k: usize| {
        let hz = k as f64 * width;
        area * ((hz - low) / (center - low)).min((high - hz) / (high - center))
    };
    let first = (0..bins).find(|k| weight(*k) > 0.0).unwrap_or(0);
    let weights = (first..bins)
        .map(weight)
        .take_while(|w| *w > 0.0)
        .map(|w| w as f32)
        .collect();
    Band { first, weights }
}

/// Slaney's scale: linear to 1000 Hz (15 mels), then 27 mels for each factor of 6.4.
fn hz_to_mel(hz: f64) -> f64 {
    if hz < 1000.0 {
        hz * 3.0 / 200.0
    } else {
        15.0 + 27.0 * (hz / 1000.0).ln() / 6.4_f64.ln()
    }
}

fn mel_to_hz(mel: f64) -> f64 {
    if mel < 15.0 {
        mel * 200.0 / 3.0
    } else {
        1000.0 * 6.4_f64.powf((mel - 15.0) / 27.0)
    }
}
