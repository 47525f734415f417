//! Passes over a matrix of cells: columns in, rows through a function of the bins, columns out.

use std::marker::PhantomData;

use super::complex::Complex;
use super::length::Length;
use super::plan::Batch;
use super::short::{Scratch, Short, Sink, Source, LIMIT};
use crate::simd::{Cell, Job, Simd};

/// Processing of a spectrum between the forward and the inverse transform.
///
/// Bins come as pairs `k`, `size - k`, each pair once, in the plan's order: `Batch::bins`.
pub(crate) trait Bins {
    /// Whether it reads the spectrum, so that the forward transform is needed.
    const READS: bool;
    /// Processes pair `index` of the order; leaves real and imaginary parts **exchanged** for the inverse transform.
    fn pair<S: Simd>(
        &mut self,
        simd: S,
        index: usize,
        low: &mut Complex<S::V>,
        high: &mut Complex<S::V>,
    );
}

/// Buffers of one thread.
pub(crate) struct Spectrum {
    cells: Vec<Cell>,
    /// Two rows that mirror each other.
    rows: Box<[Cell; 2 * LIMIT]>,
    scratch: Box<Scratch>,
}

/// A run of bin pairs: in adjacent rows, pair 0 is 0 and `first`, pair `i` is `i` and `top - i`.
#[derive(Clone, Copy)]
struct Run {
    count: usize,
    first: usize,
    top: usize,
}

impl Run {
    fn mirror(self, low: usize) -> usize {
        if low == 0 {
            self.first
        } else {
            self.top - low
        }
    }
}

impl Run {
    /// The pairs of `row` and its mirror.
    fn new(row: usize, height: usize, width: usize) -> Self {
        let (count, first, top) = if row == 0 {
            (width / 2 + 1, 0, width)
        } else if 2 * row == height {
            (width.div_ceil(2), width - 1, width - 1)
        } else {
            (width, 2 * width - 1, 2 * width - 1)
        };
        Run { count, first, top }
    }
}

impl Batch {
    /// The bin that is `low` in each pair, in the order in which [`Bins`] gets them; `high` is its mirror.
    pub(crate) fn bins(&self) -> Vec<usize> {
        let height = self.height;
        let rows = (0..=height / 2).flat_map(|row| {
            let count = Run::new(row, height, self.size / height).count;
            (0..count).map(move |column| row + height * column)
        });
        rows.collect()
    }
}

impl Spectrum {
    pub(crate) fn new(plan: &Batch) -> Self {
        Self {
            cells: vec![Cell::default(); plan.size + plan.height],
            rows: Box::new([Cell::default(); 2 * LIMIT]),
            scratch: Box::new([Cell::default(); LIMIT]),
        }
    }

    /// Transforms `source`, applies `bins` to the spectrum, and transforms back to `sink`, exchanged and unnormalized.
    ///
    /// Each step is a separate function: as one they would take minutes to compile.
    #[inline(always)]
    pub(crate) fn filter<L: Length, S: Simd>(
        &mut self,
        simd: S,
        plan: &Batch,
        source: &impl Source,
        bins: &mut impl Bins,
        sink: &mut impl Sink,
    ) {
        let spectrum = self;
        columns_in::<L, S, _>(simd, plan, source, bins, spectrum);
        simd.call(Rows {
            length: PhantomData::<L>,
            plan,
            bins,
            spectrum,
        });
        simd.call(ColumnsOut {
            length: PhantomData::<L>,
            plan,
            sink,
            spectrum,
        });
    }
}

#[inline(always)]
fn columns_in<L: Length, S: Simd, B: Bins>(
    simd: S,
    plan: &Batch,
    source: &impl Source,
    _: &B,
    spectrum: &mut Spectrum,
) {
    if B::READS {
        simd.call(ColumnsIn {
            length: PhantomData::<L>,
            plan,
            source,
            spectrum,
        });
    }
}

struct ColumnsIn<'a, L, T> {
    length: PhantomData<L>,
    plan: &'a Batch,
    source: &'a T,
    spectrum: &'a mut Spectrum,
}

impl<L: Length, T: Source> Job for ColumnsIn<'_, L, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let plan = self.plan;
        let Spectrum { cells, scratch, .. } = self.spectrum;
        let cells = &mut cells[..L::HEIGHT * L::STRIDE];
        let between = &plan.between[..L::SIZE];
        for column in 0..L::WIDTH {
            let turns = &between[column * L::HEIGHT..][..L::HEIGHT];
            let source = Strided {
                source: self.source,
                offset: column,
                stride: L::WIDTH,
            };
            let mut sink = Turned {
                cells: &mut cells[column..],
                stride: L::STRIDE,
                turns,
            };
            L::High::transform(simd, &plan.high, &source, &mut sink, scratch);
        }
    }
}

struct Rows<'a, L, B> {
    length: PhantomData<L>,
    plan: &'a Batch,
    bins: &'a mut B,
    spectrum: &'a mut Spectrum,
}

impl<L: Length, B: Bins> Job for Rows<'_, L, B> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { plan, bins, .. } = self;
        let Spectrum {
            cells,
            rows,
            scratch,
        } = self.spectrum;
        let (height, width, stride) = (L::HEIGHT, L::WIDTH, L::STRIDE);
        let mut place = 0;
        for row in 0..=height / 2 {
            let mirror = (height - row) % height;
            let both = [row, mirror];
            let both = &both[..=usize::from(mirror != row)];
            if B::READS {
                for (part, row) in both.iter().enumerate() {
                    simd.call(RowTransform {
                        length: PhantomData::<L>,
                        plan,
                        from: &cells[row * stride..][..width],
                        to: &mut rows[part * width..][..width],
                        scratch,
                    });
                }
            }
            let run = Run::new(row, height, width);
            for low in 0..run.count {
                let high = run.mirror(low);
                let mut a = Complex::load(simd, &rows[low]);
                let mut b = Complex::load(simd, &rows[high]);
                bins.pair(simd, place + low, &mut a, &mut b);
                a.store(&mut rows[low]);
                b.store(&mut rows[high]);
            }
            place += run.count;
            for (part, row) in both.iter().enumerate() {
                simd.call(RowTransform {
                    length: PhantomData::<L>,
                    plan,
                    from: &rows[part * width..][..width],
                    to: &mut cells[row * stride..][..width],
                    scratch,
                });
            }
        }
    }
}

struct RowTransform<'a, L> {
    length: PhantomData<L>,
    plan: &'a Batch,
    from: &'a [Cell],
    to: &'a mut [Cell],
    scratch: &'a mut Scratch,
}

impl<L: Length> Job for RowTransform<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (from, to) = (&self.from[..L::WIDTH], &mut self.to[..L::WIDTH]);
        let (source, mut sink) = (Cells(from), Plain(to));
        L::Wide::transform(simd, &self.plan.wide, &source, &mut sink, self.scratch);
    }
}

struct ColumnsOut<'a, L, T> {
    length: PhantomData<L>,
    plan: &'a Batch,
    sink: &'a mut T,
    spectrum: &'a mut Spectrum,
}

impl<L: Length, T: Sink> Job for ColumnsOut<'_, L, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let plan = self.plan;
        let Spectrum { cells, scratch, .. } = self.spectrum;
        let cells = &mut cells[..L::HEIGHT * L::STRIDE];
        let between = &plan.between[..L::SIZE];
        for column in 0..L::WIDTH {
            let turns = &between[column * L::HEIGHT..][..L::HEIGHT];
            let source = TurnedSource {
                cells: &cells[column..],
                stride: L::STRIDE,
                turns,
            };
            let mut sink = StridedSink {
                sink: &mut *self.sink,
                offset: column,
                stride: L::WIDTH,
            };
            L::High::transform(simd, &plan.high, &source, &mut sink, scratch);
        }
    }
}

struct Strided<'a, T> {
    source: &'a T,
    offset: usize,
    stride: usize,
}

impl<T: Source> Source for Strided<'_, T> {
    #[inline(always)]
    fn get<S: Simd>(&self, simd: S, index: usize) -> Complex<S::V> {
        self.source.get(simd, self.offset + index * self.stride)
    }
}

struct StridedSink<'a, T> {
    sink: &'a mut T,
    offset: usize,
    stride: usize,
}

impl<T: Sink> Sink for StridedSink<'_, T> {
    #[inline(always)]
    fn put<S: Simd>(&mut self, simd: S, index: usize, value: Complex<S::V>) {
        self.sink
            .put(simd, self.offset + index * self.stride, value);
    }
}

struct Turned<'a> {
    cells: &'a mut [Cell],
    stride: usize,
    turns: &'a [[f32; 2]],
}

impl Sink for Turned<'_> {
    #[inline(always)]
    fn put<S: Simd>(&mut self, simd: S, index: usize, value: Complex<S::V>) {
        value
            .twiddle(simd, self.turns[index])
            .store(&mut self.cells[index * self.stride]);
    }
}

struct TurnedSource<'a> {
    cells: &'a [Cell],
    stride: usize,
    turns: &'a [[f32; 2]],
}

impl Source for TurnedSource<'_> {
    #[inline(always)]
    fn get<S: Simd>(&self, simd: S, index: usize) -> Complex<S::V> {
        Complex::load(simd, &self.cells[index * self.stride]).twiddle(simd, self.turns[index])
    }
}

struct Cells<'a>(&'a [Cell]);

impl Source for Cells<'_> {
    #[inline(always)]
    fn get<S: Simd>(&self, simd: S, index: usize) -> Complex<S::V> {
        Complex::load(simd, &self.0[index])
    }
}

struct Plain<'a>(&'a mut [Cell]);

impl Sink for Plain<'_> {
    #[inline(always)]
    fn put<S: Simd>(&mut self, _: S, index: usize, value: Complex<S::V>) {
        value.store(&mut self.0[index]);
    }
}
