//! Fast Griffin-Lim: a signal whose STFT has given magnitudes.
//!
//! N. Perraudin, P. Balazs, P. Søndergaard, "A fast Griffin-Lim algorithm", WASPAA 2013, algorithm 2:
//! `c[n] = P1(P2(t[n-1]))`, `t[n] = c[n] + α (c[n] - c[n-1])`. Only the phase of `t` is used, so it is computed
//! as `c[n] - α / (1 + α) c[n-1]`, the same direction. Both `c` are STFTs of signals and the STFT is linear, so the
//! difference is taken between the signals, and no spectrum is kept from one iteration to the next.

use rustfft::num_complex::Complex32;

use crate::error::{check_finite, check_rows, DspError};
use crate::overlap::reciprocals;
use crate::pair;
use crate::parallel::for_each;
use crate::phase::initial_phase;
use crate::stft::{Stft, Workspace};

/// Frames that one thread takes at a time. Fixed, because the order of sums at block borders depends on it:
/// the result must not depend on the number of threads.
const BLOCK: usize = 64;

/// How to reconstruct a phase. The same options give bit-identical audio for any number of threads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GriffinLim {
    /// Rounds of analysis and synthesis after the first synthesis.
    pub n_iter: usize,
    /// α of the paper, in [0, 1): 0 is the method of Griffin and Lim (1984), 0.99 the paper's choice.
    pub momentum: f32,
    /// Seed of the random initial phase; `None` starts every frame as a pulse at its centre.
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

    /// [`run`](Self::run) for each item; threads share out the items when there are enough of them.
    ///
    /// # Errors
    /// As [`run`](Self::run), for the first item refused.
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

    fn reconstruct(&self, stft: &Stft, magnitude: &[f32], threads: usize) -> Vec<f32> {
        let frames = magnitude.len() / stft.bins();
        let mut signal = Signal::new(stft, magnitude, frames, threads);
        signal.start(self.seed);
        for _ in 0..self.n_iter {
            signal.iterate(self.momentum / (1.0 + self.momentum));
        }
        stft.crop(signal.audio, frames)
    }
}

/// A run of frame pairs: its audio before its neighbours' tails are added, and its own tail.
struct Block {
    audio: Vec<f32>,
    tail: Vec<f32>,
}

/// One signal between iterations, in padded samples.
struct Signal<'a> {
    stft: &'a Stft,
    /// Magnitudes `[T][F]`, with a row of zeros after an odd `T`.
    magnitude: Vec<f32>,
    reciprocals: Vec<f32>,
    audio: Vec<f32>,
    /// What the next iteration analyzes: audio less a part of the audio before it.
    direction: Vec<f32>,
    blocks: Vec<Block>,
    workspaces: Vec<Workspace>,
}

impl<'a> Signal<'a> {
    fn new(stft: &'a Stft, magnitude: &[f32], frames: usize, threads: usize) -> Self {
        let (bins, hop, even) = (
            stft.bins(),
            stft.config.hop_length,
            frames.next_multiple_of(2),
        );
        let mut rows = magnitude.to_vec();
        rows.resize(even * bins, 0.0);
        let block = |first: usize| {
            let frames = BLOCK.min(even - first);
            Block {
                audio: vec![0.0; frames * hop],
                tail: vec![0.0; stft.config.n_fft - hop],
            }
        };
        let blocks: Vec<_> = (0..even).step_by(BLOCK).map(block).collect();
        Self {
            stft,
            magnitude: rows,
            reciprocals: reciprocals(stft, frames),
            audio: vec![0.0; stft.padded_len(frames)],
            direction: vec![0.0; stft.padded_len(frames)],
            workspaces: (0..threads.min(blocks.len()))
                .map(|_| Workspace::new(stft))
                .collect(),
            blocks,
        }
    }

    /// Synthesis from the magnitudes and the initial phase.
    fn start(&mut self, seed: Option<u32>) {
        let bins = self.stft.bins();
        // Without a seed each frame starts as a pulse at its centre; at phase zero it would sit where the window is 0.
        let pulse = |k: usize| Complex32::new(if k % 2 == 0 { 1.0 } else { -1.0 }, 0.0);
        let phase = |frame: usize, k: usize| {
            seed.map_or_else(
                || pulse(k % bins),
                |seed| initial_phase(seed, frame * bins + k),
            )
        };
        self.synthesize(0.0, |_, frame, rows, work| {
            let row: Vec<_> = rows
                .iter()
                .enumerate()
                .map(|(k, m)| phase(frame, k) * m)
                .collect();
            let (a, b) = row.split_at(bins);
            pair::merge(a, b, &mut work.z);
        });
    }

    /// Analysis, projection and synthesis in one pass over the frames.
    fn iterate(&mut self, momentum: f32) {
        let (stft, bins, hop) = (self.stft, self.stft.bins(), self.stft.config.hop_length);
        self.synthesize(momentum, |direction, frame, rows, work| {
            stft.analyze(&direction[frame * hop..], work);
            let (a, b) = rows.split_at(bins);
            pair::project(&mut work.z, a, b);
        });
    }

    /// New audio from the spectra that `fill(direction, frame, magnitudes, work)` puts in `work.z`, pair by pair.
    fn synthesize(
        &mut self,
        momentum: f32,
        fill: impl Fn(&[f32], usize, &[f32], &mut Workspace) + Sync,
    ) {
        let (stft, bins, hop) = (self.stft, self.stft.bins(), self.stft.config.hop_length);
        let (direction, magnitude) = (&self.direction, &self.magnitude);
        let reciprocals = &self.reciprocals;
        let render = |index: usize, block: &mut Block, work: &mut Workspace| {
            let first = index * BLOCK;
            for (pair, out) in block.audio.chunks_mut(2 * hop).enumerate() {
                let frame = first + 2 * pair;
                fill(
                    direction,
                    frame,
                    &magnitude[frame * bins..][..2 * bins],
                    work,
                );
                stft.synthesize(work, out, &reciprocals[frame * hop..]);
            }
            let end = first * hop + block.audio.len();
            work.overlap.flush(&mut block.tail, &reciprocals[end..]);
        };
        for_each(&mut self.blocks, &mut self.workspaces, render);
        self.join(momentum);
    }

    /// Puts the blocks side by side, adds each one's tail to what follows it, and finds the next direction.
    fn join(&mut self, momentum: f32) {
        let rest = vec![0.0; self.stft.config.n_fft - self.stft.config.hop_length];
        let mut at = 0;
        for samples in self.blocks.iter().map(|block| &block.audio).chain([&rest]) {
            let audio = &mut self.audio[at..at + samples.len()];
            let direction = &mut self.direction[at..at + samples.len()];
            for ((audio, direction), sample) in audio.iter_mut().zip(direction).zip(samples) {
                *direction = sample - momentum * *audio;
                *audio = *sample;
            }
            at += samples.len();
        }
        at = 0;
        for block in &self.blocks {
            at += block.audio.len();
            let audio = self.audio[at..].iter_mut();
            for ((audio, direction), tail) in audio.zip(&mut self.direction[at..]).zip(&block.tail)
            {
                *direction += tail;
                *audio += tail;
            }
        }
    }
}
