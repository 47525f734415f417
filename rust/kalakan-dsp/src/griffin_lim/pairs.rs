//! Griffin-Lim pair by pair of frames, for any sizes.

use super::{FirstPhase, GriffinLim};
use crate::pair;
use crate::parallel::for_each;
use crate::stft::{Stft, Workspace};

/// Frames that one thread takes at a time. Fixed, because the order of sums at block borders depends on it:
/// the result must not depend on the number of threads.
const BLOCK: usize = 64;

/// Audio for checked magnitudes.
pub(super) fn reconstruct(method: &GriffinLim, stft: &Stft, magnitude: &[f32]) -> Vec<f32> {
    let frames = magnitude.len() / stft.bins();
    let mut signal = Signal::new(stft, magnitude, frames, method.threads);
    signal.start(method.seed);
    for _ in 0..method.n_iter {
        signal.iterate(method.share());
    }
    stft.crop(signal.audio, frames)
}

/// A run of frame pairs: its audio before its neighbors' tails are added, and its own tail.
struct Block {
    audio: Vec<f32>,
    tail: Vec<f32>,
}

/// State of one signal between iterations, in padded samples.
struct Signal<'a> {
    stft: &'a Stft,
    /// Magnitudes `[T][F]`, with a row of zeros after an odd `T`.
    magnitude: Vec<f32>,
    reciprocals: Vec<f32>,
    audio: Vec<f32>,
    /// What the next iteration analyzes: audio minus a fraction of the previous audio.
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
            reciprocals: stft.reciprocals(frames),
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
        let phase = FirstPhase::new(seed, bins);
        self.synthesize(0.0, |_, frame, rows, work| {
            let row: Vec<_> = rows
                .iter()
                .enumerate()
                .map(|(k, m)| phase.at(frame + k / bins, k % bins) * m)
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

    /// Concatenates the blocks, adds each one's tail to the next, and computes the next direction.
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
