//! Fast Griffin-Lim: a signal whose STFT has given magnitudes.
//!
//! N. Perraudin, P. Balazs, P. Søndergaard, "A fast Griffin-Lim algorithm", WASPAA 2013, algorithm 2:
//! `c[n] = P1(P2(t[n-1]))`, `t[n] = c[n] + α (c[n] - c[n-1])`. Only the phase of `t` is used, so it is computed
//! as `c[n] - α / (1 + α) c[n-1]`, the same direction. Both `c` are STFTs of signals and the STFT is linear, so the
//! difference is taken between the signals, and no spectrum is kept from one iteration to the next.

mod lanes;
mod pairs;

use rustfft::num_complex::Complex32;

use crate::error::{check_finite, check_rows, DspError};
use crate::parallel::for_each;
use crate::phase::InitialPhase;
use crate::simd::Machine;
use crate::stft::Stft;

/// How to reconstruct a phase. The same options give bit-identical audio for any number of threads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GriffinLim {
    /// Rounds of analysis and synthesis after the first synthesis.
    pub n_iter: usize,
    /// α of the paper, in [0, 1): 0 is the method of Griffin and Lim (1984), 0.99 the paper's choice.
    pub momentum: f32,
    /// Seed of the random initial phase; `None` starts every frame as a pulse at its center.
    pub seed: Option<u32>,
    /// Threads to use, at least 1.
    pub threads: usize,
}

impl Default for GriffinLim {
    fn default() -> Self {
        Self {
            n_iter: 32,
            momentum: 0.99,
            seed: Some(0),
            threads: 1,
        }
    }
}

impl GriffinLim {
    /// Audio of `T * hop_length` samples for magnitudes `[T][F]`.
    ///
    /// # Errors
    /// [`DspError::Config`] for a momentum or thread count out of range, [`DspError::Input`] for magnitudes of the
    /// wrong length, negative or not finite.
    pub fn run(&self, stft: &Stft, magnitude: &[f32]) -> Result<Vec<f32>, DspError> {
        self.check(stft, magnitude)?;
        Ok(self.reconstruct(stft, magnitude, self.threads))
    }

    /// [`run`](Self::run) for each item; items are distributed over threads when there are enough of them.
    ///
    /// # Errors
    /// As [`run`](Self::run), for the first invalid item.
    pub fn run_batch(&self, stft: &Stft, magnitudes: &[&[f32]]) -> Result<Vec<Vec<f32>>, DspError> {
        magnitudes
            .iter()
            .try_for_each(|item| self.check(stft, item))?;
        if magnitudes.len() < self.threads {
            return Ok(magnitudes
                .iter()
                .map(|item| self.reconstruct(stft, item, self.threads))
                .collect());
        }
        let mut items: Vec<_> = magnitudes.iter().map(|item| (*item, Vec::new())).collect();
        for_each(
            &mut items,
            &mut vec![(); self.threads],
            |_, (item, audio), ()| {
                *audio = self.reconstruct(stft, item, 1);
            },
        );
        Ok(items.into_iter().map(|(_, audio)| audio).collect())
    }

    fn check(&self, stft: &Stft, magnitude: &[f32]) -> Result<(), DspError> {
        if !(0.0..1.0).contains(&self.momentum) {
            return Err(DspError::Config(format!(
                "momentum is {}; it must be in [0, 1)",
                self.momentum
            )));
        }
        if !(1..=1024).contains(&self.threads) {
            return Err(DspError::Config(format!(
                "threads is {}; it must be from 1 to 1024",
                self.threads
            )));
        }
        check_rows("magnitude", magnitude.len(), stft.bins())?;
        check_finite("magnitude", magnitude)?;
        match magnitude.iter().find(|m| **m < 0.0) {
            Some(m) => Err(DspError::Input(format!(
                "magnitude has the value {m}; it must be at least 0"
            ))),
            None => Ok(()),
        }
    }

    /// Eight stretches of the signal in parallel where that is faster, else pair by pair. The choice depends on sizes
    /// and machine, never on the number of threads.
    fn reconstruct(&self, stft: &Stft, magnitude: &[f32], threads: usize) -> Vec<f32> {
        let method = Self { threads, ..*self };
        Machine::best()
            .and_then(|machine| lanes::reconstruct(machine, &method, stft, magnitude))
            .unwrap_or_else(|| pairs::reconstruct(&method, stft, magnitude))
    }

    /// Weight of the previous audio in the input of the next iteration.
    fn share(&self) -> f32 {
        self.momentum / (1.0 + self.momentum)
    }
}

/// Unit phasors before the first iteration.
#[derive(Clone, Copy)]
struct FirstPhase {
    seeded: Option<InitialPhase>,
    bins: usize,
}

impl FirstPhase {
    fn new(seed: Option<u32>, bins: usize) -> Self {
        let seeded = seed.map(InitialPhase::new);
        Self { seeded, bins }
    }

    #[inline]
    fn at(self, frame: usize, bin: usize) -> Complex32 {
        match self.seeded {
            Some(phase) => phase.at(frame * self.bins + bin),
            // Each frame starts as a pulse at its center; at phase zero it would lie where the window is 0.
            None => Complex32::new(if bin % 2 == 0 { 1.0 } else { -1.0 }, 0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stft::StftConfig;

    /// Magnitudes of noise, with a silent stretch.
    fn magnitudes(bins: usize, frames: usize) -> Vec<f32> {
        let mix = |i: usize| (i as u32).wrapping_mul(0x9E37_79B9).rotate_left(13) >> 8;
        let loud = |i: usize| (i / bins) % 7 != 3;
        (0..bins * frames)
            .map(|i| if loud(i) { mix(i) as f32 * 1e-6 } else { 0.0 })
            .collect()
    }

    fn farthest(a: &[f32], b: &[f32]) -> f32 {
        let top = b.iter().fold(0.0_f32, |top, x| top.max(x.abs()));
        assert_eq!(a.len(), b.len());
        let gap = a.iter().zip(b).map(|(a, b)| (a - b).abs());
        gap.fold(0.0_f32, f32::max) / top
    }

    #[test]
    fn lanes_equal_pairs_on_every_machine() {
        for (n_fft, win_length, hop_length) in [(1200, 1200, 300), (512, 400, 100), (600, 600, 250)]
        {
            let config = StftConfig {
                n_fft,
                win_length,
                hop_length,
            };
            let stft = Stft::new(config).expect("sizes that fit");
            for (frames, seed) in [(24, Some(3)), (63, None), (129, Some(0))] {
                let method = GriffinLim {
                    n_iter: 2,
                    seed,
                    ..GriffinLim::default()
                };
                let magnitude = magnitudes(stft.bins(), frames);
                let wanted = pairs::reconstruct(&method, &stft, &magnitude);
                for machine in Machine::all() {
                    let found = lanes::reconstruct(machine, &method, &stft, &magnitude)
                        .expect("enough frames of a length that has a batch");
                    let error = farthest(&found, &wanted);
                    assert!(error < 1e-5, "{machine:?} {config:?} {frames}: {error}");
                }
            }
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let config = StftConfig {
            n_fft: 512,
            win_length: 512,
            hop_length: 128,
        };
        let stft = Stft::new(config).expect("sizes that fit");
        let magnitude = magnitudes(stft.bins(), 400);
        let run = |threads| {
            let method = GriffinLim {
                n_iter: 2,
                threads,
                ..GriffinLim::default()
            };
            method.run(&stft, &magnitude).expect("magnitudes")
        };
        let one = run(1);
        for threads in [2, 3, 4, 7] {
            assert!(run(threads) == one, "{threads}");
        }
    }

    #[test]
    fn silence_and_the_loudest_values_stay_finite() {
        let stft = Stft::new(StftConfig {
            n_fft: 512,
            win_length: 512,
            hop_length: 128,
        })
        .expect("sizes that fit");
        for level in [0.0, 1e-38, 1e-20, 1e14, 1e18] {
            let magnitude = vec![level; 40 * stft.bins()];
            let audio = GriffinLim::default()
                .run(&stft, &magnitude)
                .expect("magnitudes");
            assert!(audio.iter().all(|x| x.is_finite()), "{level}");
            assert!(level > 0.0 || audio.iter().all(|x| *x == 0.0));
        }
    }
}
