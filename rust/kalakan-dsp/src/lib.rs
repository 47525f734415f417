//! STFT, mel spectrogram and Griffin-Lim on the CPU: pure functions of `f32` slices, no unsafe code except in `simd`.
//!
//! Three plans, each built once and shared between threads: [`Stft`] (frames and overlap-add),
//! [`MelBank`] (the one mel definition of Kalakan and its inverse) and [`GriffinLim`] (phase
//! reconstruction). Spectra are frame-major, `[T][F]` with `F = n_fft / 2 + 1`, because every stage
//! works frame by frame. A transform takes two real frames at once, as the real and imaginary
//! part of one complex FFT: at `n_fft` 1200 that halves the time of one real FFT per frame.
//!
//! ```
//! use kalakan_dsp::{Stft, StftConfig};
//!
//! let stft = Stft::new(StftConfig { n_fft: 1200, win_length: 1200, hop_length: 300 })?;
//! let audio: Vec<f32> = (0..2400).map(|n| (n as f32 * 0.05).sin()).collect();
//! let spectrum = stft.forward(&audio)?;
//! assert_eq!(spectrum.len(), 8 * stft.bins());
//! let again = stft.inverse(&spectrum)?;
//! assert!(audio.iter().zip(&again).all(|(x, y)| (x - y).abs() < 1e-5));
//! # Ok::<(), kalakan_dsp::DspError>(())
//! ```

// Only x86-64 has a `Machine`: on other processors what runs on one is never called.
#![cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, unreachable_code, unused_mut, unused_variables)
)]

mod batch;
mod elementary;
mod error;
mod excitation;
mod griffin_lim;
mod harmonic_noise;
mod mel;
mod overlap;
mod pair;
mod parallel;
mod phase;
mod simd;
mod stft;

pub use error::DspError;
pub use griffin_lim::GriffinLim;
pub use harmonic_noise::{SourceFilter, SourceFilterConfig, Start as SourceFilterStart};
pub use mel::{MelBank, MelConfig, MelInverse};
pub use phase::{initial_phase, PHASE_LEVELS};
pub use rustfft::num_complex::Complex32;
pub use stft::{Stft, StftConfig};
