//! Griffin-Lim of eight stretches of a signal in parallel, one in each lane.
//!
//! Stretch `l` has frames `l * L` to `(l + 1) * L`, two of them at a time as real and imaginary part. Samples of equal
//! place in their stretch share a row, so that windows, overlap-add and momentum need no shuffles either. Where
//! stretches and blocks meet, each one's tail is added to the next after every iteration.

use super::{FirstPhase, GriffinLim};
use crate::batch::{choose, Batch, Bins, Complex, Length, OfLength, Sink, Source, Spectrum};
use crate::parallel::for_each;
use crate::simd::{Job, Machine, Row, Simd, Vector, LANES};
use crate::stft::Stft;

/// Frames of each stretch that one thread takes at a time, at least. Fixed as in `pairs`.
const BLOCK: usize = 8;
/// Maximum ratio of computed to needed frames: short signals are faster pair by pair.
const WASTE: usize = 2;

/// Largest magnitude whose power, with headroom for iterations, does not overflow in single precision.
const LOUDEST: f32 = 1e15;

/// Audio for checked magnitudes; `None` where this method does not apply or is slower.
pub(super) fn reconstruct(
    machine: Machine,
    method: &GriffinLim,
    stft: &Stft,
    magnitude: &[f32],
) -> Option<Vec<f32>> {
    let plan = stft.batch.as_ref()?;
    if magnitude.iter().any(|m| *m > LOUDEST) {
        return None;
    }
    let layout = Layout::new(stft, magnitude.len() / stft.bins())?;
    let mut signal = Signal::new(machine, stft, plan, layout, magnitude, method.threads);
    signal.synthesize(0.0, Some(FirstPhase::new(method.seed, stft.bins())));
    for _ in 0..method.n_iter {
        signal.synthesize(method.share(), None);
    }
    Some(signal.audio())
}

/// How frames are distributed over stretches.
#[derive(Clone, Copy)]
struct Layout {
    /// Frames of the signal.
    wanted: usize,
    /// Frames of a stretch: even.
    frames: usize,
    hop: usize,
    /// Samples by which a frame extends into the next hops.
    reach: usize,
    padding: usize,
}

impl Layout {
    fn new(stft: &Stft, wanted: usize) -> Option<Self> {
        let (hop, padding) = (stft.config.hop_length, stft.padding());
        let reach = stft.config.n_fft - hop;
        // The stretches hold the signal's last sample, and no tail is longer than a stretch.
        let frames = (wanted + padding.div_ceil(hop)).div_ceil(LANES);
        let frames = frames.max(reach.div_ceil(hop)).next_multiple_of(2);
        (frames * LANES <= WASTE * wanted).then_some(Self {
            wanted,
            frames,
            hop,
            reach,
            padding,
        })
    }

    /// First frame of each block in its stretch, and the end of the last: even numbers.
    fn blocks(&self) -> Vec<usize> {
        let least = self.reach.div_ceil(self.hop).max(BLOCK);
        let count = (self.frames / least.next_multiple_of(2)).max(1);
        let pairs = self.frames / 2;
        (0..=count).map(|i| 2 * (i * pairs / count)).collect()
    }
}

/// A block of frames of all stretches.
struct Block {
    audio: Vec<Row>,
    /// What the next iteration analyzes: audio minus a fraction of the previous audio, and the start of the next
    /// block's.
    direction: Vec<Row>,
    /// The overlap of the last frames with the next block.
    tail: Vec<Row>,
    first: usize,
    /// Half the magnitudes of both frames of pairs `[pair][place]`.
    magnitude: Vec<[Row; 2]>,
}

/// Buffers of one thread.
struct Work {
    spectrum: Spectrum,
    /// Overlap-add of one block and its tail; zero between blocks.
    sums: Vec<Row>,
}

/// State of one signal between iterations.
struct Signal<'a> {
    machine: Machine,
    stft: &'a Stft,
    plan: &'a Batch,
    layout: Layout,
    /// Bin at each index of the plan's order.
    bins: Vec<usize>,
    /// One over the sum of squared windows where all frames overlap, for one hop.
    reciprocals: Vec<f32>,
    edges: Vec<Edge>,
    blocks: Vec<Block>,
    works: Vec<Work>,
}

/// A sample where frames are missing, and its factor.
struct Edge {
    block: usize,
    row: usize,
    lane: usize,
    factor: f32,
}

impl<'a> Signal<'a> {
    fn new(
        machine: Machine,
        stft: &'a Stft,
        plan: &'a Batch,
        layout: Layout,
        magnitude: &[f32],
        threads: usize,
    ) -> Self {
        let bins = plan.bins();
        let borders = layout.blocks();
        let blocks: Vec<_> = borders
            .windows(2)
            .map(|border| Block::new(layout, &bins, magnitude, [border[0], border[1]]))
            .collect();
        let longest = blocks.iter().map(|block| block.direction.len()).max();
        let works = (0..threads.min(blocks.len()))
            .map(|_| Work {
                spectrum: Spectrum::new(plan),
                sums: vec![Row::default(); longest.unwrap_or(0)],
            })
            .collect();
        let reciprocals = whole_reciprocals(stft);
        let edges = edges(stft, layout, &borders, &reciprocals);
        Self {
            machine,
            stft,
            plan,
            layout,
            bins,
            reciprocals,
            edges,
            blocks,
            works,
        }
    }

    /// New audio: from the `first` phase, else from the direction.
    fn synthesize(&mut self, share: f32, first: Option<FirstPhase>) {
        let (stft, plan, layout) = (self.stft, self.plan, self.layout);
        let (bins, reciprocals) = (&self.bins, &self.reciprocals);
        for_each(
            &mut self.blocks,
            &mut self.works,
            |_, block, Work { spectrum, sums }| {
                self.machine.run(Render {
                    stft,
                    plan,
                    layout,
                    bins,
                    reciprocals,
                    share,
                    first,
                    block,
                    spectrum,
                    sums,
                });
            },
        );
        self.join();
    }

    /// Adds each block's tail to the block after it, and the last one's to the first of the next lane.
    fn join(&mut self) {
        let count = self.blocks.len();
        for index in 0..count {
            let tail = std::mem::take(&mut self.blocks[index].tail);
            let (next, shift) = ((index + 1) % count, usize::from(index + 1 == count));
            let next = &mut self.blocks[next];
            let heads = next.audio.iter_mut().zip(&mut next.direction);
            for ((audio, direction), tail) in heads.zip(&tail) {
                // The last stretch's last tail lies past the end of the signal.
                for lane in shift..LANES {
                    audio.0[lane] += tail.0[lane - shift];
                    direction.0[lane] += tail.0[lane - shift];
                }
            }
            self.blocks[index].tail = tail;
        }
        for edge in &self.edges {
            let block = &mut self.blocks[edge.block];
            let audio = &mut block.audio[edge.row].0[edge.lane];
            block.direction[edge.row].0[edge.lane] += (edge.factor - 1.0) * *audio;
            *audio *= edge.factor;
        }
        self.look_ahead();
    }

    /// Copies the start of each block to the end of the one before it.
    fn look_ahead(&mut self) {
        let (count, reach) = (self.blocks.len(), self.layout.reach);
        for index in 0..count {
            let next = (index + 1) % count;
            let shift = usize::from(index + 1 == count);
            for row in 0..reach {
                let head = self.blocks[next].direction[row];
                let block = &mut self.blocks[index];
                let ahead = &mut block.direction[block.audio.len() + row];
                ahead.0[..LANES - shift].copy_from_slice(&head.0[shift..]);
            }
        }
    }

    /// The samples of the signal, in order.
    fn audio(&self) -> Vec<f32> {
        let Layout {
            hop,
            frames,
            padding,
            wanted,
            ..
        } = self.layout;
        let mut stretches = vec![0.0; LANES * frames * hop];
        for (lane, stretch) in stretches.chunks_mut(frames * hop).enumerate() {
            let rows = self.blocks.iter().flat_map(|block| &block.audio);
            for (sample, row) in stretch.iter_mut().zip(rows) {
                *sample = row.0[lane];
            }
        }
        stretches.truncate(padding + wanted * hop);
        stretches.drain(..padding);
        stretches
    }
}

impl Block {
    /// Frames `first` to `end` of each stretch.
    fn new(layout: Layout, bins: &[usize], magnitude: &[f32], [first, end]: [usize; 2]) -> Self {
        let rows = (end - first) * layout.hop;
        let row_len = magnitude.len() / layout.wanted;
        let n_fft = layout.reach + layout.hop;
        let half = |frame: usize, bin: usize| {
            Row(std::array::from_fn(|lane| {
                let frame = lane * layout.frames + frame;
                let inside = frame < layout.wanted;
                if inside {
                    0.5 * magnitude[frame * row_len + bin]
                } else {
                    0.0
                }
            }))
        };
        let pairs = (first..end).step_by(2);
        Self {
            audio: vec![Row::default(); rows],
            direction: vec![Row::default(); rows + layout.reach],
            tail: vec![Row::default(); layout.reach],
            first,
            magnitude: pairs
                .flat_map(|frame| {
                    bins.iter()
                        .map(|&bin| bin.min(n_fft - bin))
                        .map(move |bin| [half(frame, bin), half(frame + 1, bin)])
                })
                .collect(),
        }
    }
}

/// One over the sum of squared windows of all frames that cover a sample, for the samples of one hop.
fn whole_reciprocals(stft: &Stft) -> Vec<f32> {
    let hop = stft.config.hop_length;
    let sum = |n: usize| -> f32 { stft.window[n..].iter().step_by(hop).map(|w| w * w).sum() };
    (0..hop)
        .map(sum)
        .map(|sum| if sum > 0.0 { 1.0 / sum } else { 0.0 })
        .collect()
}

/// The first and the last samples, and the padding around them.
fn edges(stft: &Stft, layout: Layout, borders: &[usize], whole: &[f32]) -> Vec<Edge> {
    let Layout {
        wanted,
        frames,
        hop,
        reach,
        ..
    } = layout;
    let mut right = stft.reciprocals(wanted);
    right.resize((wanted * hop + reach).max(right.len()), 0.0);
    let last = wanted * hop..(wanted * hop + reach).min(LANES * frames * hop);
    let samples = (0..reach.min(last.start)).chain(last);
    samples
        .filter(|&at| whole[at % hop] > 0.0)
        .map(|at| {
            let (lane, row) = (at / (frames * hop), at % (frames * hop));
            let block = borders.partition_point(|border| border * hop <= row) - 1;
            Edge {
                block,
                row: row - borders[block] * hop,
                lane,
                factor: right[at] / whole[at % hop],
            }
        })
        .collect()
}

/// Synthesis of one block.
struct Render<'a> {
    stft: &'a Stft,
    plan: &'a Batch,
    layout: Layout,
    bins: &'a [usize],
    reciprocals: &'a [f32],
    share: f32,
    first: Option<FirstPhase>,
    block: &'a mut Block,
    spectrum: &'a mut Spectrum,
    sums: &'a mut [Row],
}

impl Job for Render<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        choose(self.plan.size(), Sized { simd, job: self });
    }
}

/// The same for one length.
struct Sized<'a, S> {
    simd: S,
    job: Render<'a>,
}

impl<S: Simd> OfLength for Sized<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<L: Length>(self) {
        let Self { simd, job } = self;
        let (hop, places) = (job.layout.hop, job.bins.len());
        for (pair, magnitude) in job.block.magnitude.chunks_exact(places).enumerate() {
            let at = 2 * pair * hop;
            let source = Frames {
                window: &job.stft.window[..L::SIZE],
                even: &job.block.direction[at..][..L::SIZE],
                odd: &job.block.direction[at + hop..][..L::SIZE],
            };
            let mut sink = Overlap {
                window: &job.stft.synthesis_window[..L::SIZE],
                sums: &mut job.sums[at..][..L::SIZE + hop],
                hop,
            };
            if let Some(phase) = job.first {
                let mut bins = Start {
                    phase,
                    layout: job.layout,
                    frame: job.block.first + 2 * pair,
                    n_fft: L::SIZE,
                    bins: job.bins,
                    magnitude,
                };
                job.spectrum
                    .filter::<L, S>(simd, job.plan, &source, &mut bins, &mut sink);
            } else {
                let mut bins = Project { magnitude };
                job.spectrum
                    .filter::<L, S>(simd, job.plan, &source, &mut bins, &mut sink);
            }
            for part in [at, at + hop] {
                emit(
                    simd,
                    job.share,
                    job.reciprocals,
                    &mut job.sums[part..],
                    &mut job.block.audio[part..],
                    &mut job.block.direction[part..],
                );
            }
        }
        let rest = &mut job.sums[job.block.audio.len()..][..job.layout.reach];
        let hops = job.block.tail.chunks_mut(hop).zip(rest.chunks_mut(hop));
        for (tail, rest) in hops {
            for ((tail, sum), scale) in tail.iter_mut().zip(rest).zip(job.reciprocals) {
                (simd.load(sum) * simd.splat(*scale)).store(tail);
                *sum = Row::default();
            }
        }
    }
}

/// Converts one hop of finished sums to audio and direction.
#[inline(always)]
fn emit<S: Simd>(
    simd: S,
    share: f32,
    reciprocals: &[f32],
    sums: &mut [Row],
    audio: &mut [Row],
    direction: &mut [Row],
) {
    let share = simd.splat(share);
    let rows = sums.iter_mut().zip(audio).zip(direction).zip(reciprocals);
    for (((sum, audio), direction), scale) in rows {
        let sample = simd.load(sum) * simd.splat(*scale);
        simd.load(audio).neg_mul_add(share, sample).store(direction);
        sample.store(audio);
        *sum = Row::default();
    }
}

/// Two windowed frames of each stretch.
struct Frames<'a> {
    window: &'a [f32],
    even: &'a [Row],
    odd: &'a [Row],
}

impl Source for Frames<'_> {
    #[inline(always)]
    fn get<S: Simd>(&self, simd: S, index: usize) -> Complex<S::V> {
        let window = simd.splat(self.window[index]);
        Complex {
            re: simd.load(&self.even[index]) * window,
            im: simd.load(&self.odd[index]) * window,
        }
    }
}

/// Overlap-add of two frames of each stretch.
struct Overlap<'a> {
    window: &'a [f32],
    sums: &'a mut [Row],
    hop: usize,
}

impl Sink for Overlap<'_> {
    #[inline(always)]
    fn put<S: Simd>(&mut self, simd: S, index: usize, value: Complex<S::V>) {
        let window = simd.splat(self.window[index]);
        let even = &mut self.sums[index];
        value.im.mul_add(window, simd.load(even)).store(even);
        let odd = &mut self.sums[index + self.hop];
        value.re.mul_add(window, simd.load(odd)).store(odd);
    }
}

/// Sets the magnitudes of both frames and keeps their phases.
struct Project<'a> {
    magnitude: &'a [[Row; 2]],
}

impl Bins for Project<'_> {
    const READS: bool = true;

    #[inline(always)]
    fn pair<S: Simd>(
        &mut self,
        simd: S,
        index: usize,
        low: &mut Complex<S::V>,
        high: &mut Complex<S::V>,
    ) {
        let even = Complex {
            re: low.re + high.re,
            im: low.im - high.im,
        };
        let odd = Complex {
            re: low.im + high.im,
            im: high.re - low.re,
        };
        let [half_even, half_odd] = &self.magnitude[index];
        let even = scale_to(simd, even, half_even);
        let odd = scale_to(simd, odd, half_odd);
        (*low, *high) = join(even, odd);
    }
}

/// The pair of bins of two real frames, transformed as one complex frame; parts exchanged, as [`Bins`] requires.
#[inline(always)]
fn join<V: Vector>(even: Complex<V>, odd: Complex<V>) -> (Complex<V>, Complex<V>) {
    let high = Complex {
        re: odd.re - even.im,
        im: even.re + odd.im,
    };
    (even.add_i(odd).swap(), high)
}

/// Unit phase times twice `half`, by one Newton step from an estimate of the reciprocal root.
#[inline(always)]
fn scale_to<S: Simd>(simd: S, value: Complex<S::V>, half: &Row) -> Complex<S::V> {
    let power = value.re.mul_add(value.re, simd.splat(TINY));
    let power = value.im.mul_add(value.im, power);
    let estimate = power.rsqrt_estimate();
    let step = (power * estimate).neg_mul_add(estimate, simd.splat(3.0));
    value.scale(simd.load(half) * estimate * step)
}

/// Keeps the root of an empty bin's power finite: (2e-16)², far below audible power.
const TINY: f32 = 4e-32;

/// The magnitudes with their first phase.
struct Start<'a> {
    phase: FirstPhase,
    layout: Layout,
    frame: usize,
    n_fft: usize,
    bins: &'a [usize],
    magnitude: &'a [[Row; 2]],
}

impl Start<'_> {
    /// Real and imaginary parts of a bin, of the even or the odd frame of each stretch.
    #[inline(always)]
    fn rows(&self, index: usize, odd: usize) -> [Row; 2] {
        let (bin, mirror) = (self.bins[index], self.n_fft - self.bins[index]);
        // 0 for the two bins of a real signal that are real; a bin above the middle is its mirror's conjugate.
        let sign = if bin == 0 || bin == mirror {
            0.0
        } else if bin < mirror {
            1.0
        } else {
            -1.0
        };
        let mut parts = [Row::default(); 2];
        for lane in 0..LANES {
            let frame = lane * self.layout.frames + self.frame + odd;
            let phase = self.phase.at(frame, bin.min(mirror));
            let magnitude = 2.0 * self.magnitude[index][odd].0[lane];
            parts[0].0[lane] = magnitude * phase.re;
            parts[1].0[lane] = sign * magnitude * phase.im;
        }
        parts
    }
}

impl Bins for Start<'_> {
    const READS: bool = false;

    #[inline(always)]
    fn pair<S: Simd>(
        &mut self,
        simd: S,
        index: usize,
        low: &mut Complex<S::V>,
        high: &mut Complex<S::V>,
    ) {
        let [even, odd] = [0, 1].map(|part| {
            let [re, im] = self.rows(index, part);
            Complex {
                re: simd.load(&re),
                im: simd.load(&im),
            }
        });
        (*low, *high) = join(even, odd);
    }
}
