//! Fourier transforms of eight signals at once, one in each lane: butterflies need no shuffles across lanes.
//!
//! A length is split in two, `size = height * width`, and each part in one or two radices. Columns of `height` values
//! are transformed first and leave a matrix of cells `[height][width]` in the second-level cache; its rows then give
//! the bins `row + height * column`. D. Bailey, "FFTs in external or hierarchical memory", 1990, without the
//! transpose: what filters or projects a spectrum works on the rows, and the inverse takes the same steps in reverse
//! order.

mod complex;
mod length;
mod plan;
mod radix;
mod short;
mod spectrum;

pub(crate) use complex::Complex;
pub(crate) use length::{choose, Length, OfLength};
pub(crate) use plan::Batch;
pub(crate) use short::{Sink, Source};
pub(crate) use spectrum::{Bins, Spectrum};

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::simd::{Cell, Job, Machine, Row, Simd, LANES};

    /// Value `index` of lane `lane`.
    fn value(index: usize, lane: usize) -> [f64; 2] {
        let mix = |i: usize| f64::from((i as u32).wrapping_mul(0x9E37_79B9) >> 16) / 65_536.0;
        [mix(index + 5 * lane), mix(3 * index + lane + 1) - 0.5]
    }

    struct Values<'a>(&'a [Cell]);

    impl Source for Values<'_> {
        #[inline(always)]
        fn get<S: Simd>(&self, simd: S, index: usize) -> Complex<S::V> {
            Complex::load(simd, &self.0[index])
        }
    }

    struct Kept<'a>(&'a mut [Cell]);

    impl Sink for Kept<'_> {
        #[inline(always)]
        fn put<S: Simd>(&mut self, _: S, index: usize, value: Complex<S::V>) {
            value.swap().store(&mut self.0[index]);
        }
    }

    /// Records the spectrum's pairs and passes them on unchanged.
    #[derive(Default)]
    struct Watch(Vec<[Cell; 2]>);

    impl Bins for Watch {
        const READS: bool = true;
        #[inline(always)]
        fn pair<S: Simd>(
            &mut self,
            _: S,
            index: usize,
            low: &mut Complex<S::V>,
            high: &mut Complex<S::V>,
        ) {
            let mut cells = [Cell::default(); 2];
            low.store(&mut cells[0]);
            high.store(&mut cells[1]);
            assert_eq!(index, self.0.len());
            self.0.push(cells);
            (*low, *high) = (low.swap(), high.swap());
        }
    }

    struct Pass<'a> {
        plan: &'a Batch,
        from: &'a [Cell],
        to: &'a mut [Cell],
        watch: &'a mut Watch,
    }

    impl Job for Pass<'_> {
        type Output = ();
        fn run<S: Simd>(self, simd: S) {
            choose(self.plan.size(), OnLength { simd, job: self }).expect("a length of the list");
        }
    }

    struct OnLength<'a, S> {
        simd: S,
        job: Pass<'a>,
    }

    impl<S: Simd> OfLength for OnLength<'_, S> {
        type Output = ();
        #[inline(always)]
        fn run<L: Length>(self) {
            let (source, mut sink) = (Values(self.job.from), Kept(self.job.to));
            Spectrum::new(self.job.plan).filter::<L, S>(
                self.simd,
                self.job.plan,
                &source,
                self.job.watch,
                &mut sink,
            );
        }
    }

    fn expected(size: usize, lane: usize, bin: usize) -> [f64; 2] {
        (0..size).fold([0.0; 2], |[re, im], n| {
            let (sin, cos) = (-TAU * (n * bin % size) as f64 / size as f64).sin_cos();
            let [a, b] = value(n, lane);
            [re + a * cos - b * sin, im + a * sin + b * cos]
        })
    }

    fn near(cell: &Cell, lane: usize, wanted: [f64; 2], scale: f64) -> bool {
        let found = [cell.re.0[lane], cell.im.0[lane]];
        let mut parts = found.iter().zip(wanted);
        parts.all(|(found, wanted)| (f64::from(*found) - wanted).abs() < 1e-6 * scale)
    }

    fn there_and_back(machine: Machine, plan: &Batch) -> (Watch, Vec<Cell>) {
        let cell = |n: usize| {
            let part = |i: usize| Row(std::array::from_fn(|lane| value(n, lane)[i] as f32));
            Cell {
                re: part(0),
                im: part(1),
            }
        };
        let from: Vec<_> = (0..plan.size()).map(cell).collect();
        let (mut to, mut watch) = (from.clone(), Watch::default());
        machine.run(Pass {
            plan,
            from: &from,
            to: &mut to,
            watch: &mut watch,
        });
        (watch, to)
    }

    #[test]
    fn every_length_agrees_with_the_definition_there_and_back() {
        let cases = Machine::all().flat_map(|m| length::LENGTHS.iter().map(move |size| (m, *size)));
        for (machine, size) in cases {
            let plan = Batch::new(size).expect("a length of the list");
            let (watch, back) = there_and_back(machine, &plan);
            let bins = plan.bins();
            for (bin, [low, high]) in bins.iter().zip(&watch.0).step_by(11) {
                let pair = [(low, *bin), (high, (size - bin) % size)];
                for (lane, (cell, bin)) in [0, LANES - 1].into_iter().zip(pair) {
                    let wanted = expected(size, lane, bin);
                    assert!(
                        near(cell, lane, wanted, size as f64),
                        "{machine:?} {size} {bin}"
                    );
                }
            }
            let mut bins: Vec<_> = bins.into_iter().map(|bin| bin.min(size - bin)).collect();
            bins.sort_unstable();
            assert!(bins.into_iter().eq(0..=size / 2));
            for (n, cell) in back.iter().enumerate() {
                let wanted = value(n, 3).map(|x| x * size as f64);
                assert!(near(cell, 3, wanted, size as f64), "{machine:?} {size} {n}");
            }
        }
    }
}
