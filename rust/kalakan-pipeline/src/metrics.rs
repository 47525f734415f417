//! Metrics of a running pipeline. Counters are relaxed: each is exact, but they are not a consistent snapshot.

use std::array;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Buckets: one per value below 8, then four per doubling, up to 2^34.
const BUCKETS: usize = 8 + 4 * 31;

/// A histogram with steps of at most a quarter of a doubling.
pub(crate) struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum: AtomicU64,
    greatest: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: array::from_fn(|_| AtomicU64::new(0)),
            sum: AtomicU64::new(0),
            greatest: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    pub(crate) fn record(&self, value: u64) {
        self.buckets[bucket(value)].fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
        if self.greatest.load(Relaxed) < value {
            self.greatest.fetch_max(value, Relaxed);
        }
    }

    fn summary(&self) -> Summary {
        let counts: Vec<u64> = self
            .buckets
            .iter()
            .map(|count| count.load(Relaxed))
            .collect();
        let count: u64 = counts.iter().sum();
        let greatest = self.greatest.load(Relaxed);
        let quantile = |share: f64| {
            let rank = (count as f64 * share).ceil() as u64;
            let mut below = 0;
            let found = counts.iter().position(|at| {
                below += at;
                below >= rank && below > 0
            });
            found.map_or(0, ceiling).min(greatest)
        };
        Summary {
            count,
            mean: self.sum.load(Relaxed) as f64 / count.max(1) as f64,
            p50: quantile(0.5),
            p99: quantile(0.99),
            greatest,
        }
    }
}

fn bucket(value: u64) -> usize {
    if value < 8 {
        return value as usize;
    }
    let octave = value.ilog2() as usize; // 3 and up
    let quarter = (value >> (octave - 2)) as usize & 3;
    (8 + 4 * (octave - 3) + quarter).min(BUCKETS - 1)
}

/// The largest value of a bucket.
fn ceiling(bucket: usize) -> u64 {
    if bucket < 8 {
        return bucket as u64;
    }
    let (octave, quarter) = ((bucket - 8) / 4 + 3, (bucket - 8) % 4);
    ((5 + quarter as u64) << (octave - 2)) - 1
}

/// Statistics of the values so far; quantiles are at most a quarter too large.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Number of values.
    pub count: u64,
    /// Mean.
    pub mean: f64,
    /// Median.
    pub p50: u64,
    /// 99th percentile.
    pub p99: u64,
    /// Maximum.
    pub greatest: u64,
}

#[derive(Default)]
pub(crate) struct StageMetrics {
    pub(crate) wait: Histogram,
    pub(crate) service: Histogram,
    pub(crate) batch: Histogram,
    pub(crate) in_work: AtomicUsize,
}

impl StageMetrics {
    pub(crate) fn snapshot(&self, name: &str, depth: usize) -> StageSnapshot {
        StageSnapshot {
            name: name.to_owned(),
            depth,
            in_work: self.in_work.load(Relaxed),
            wait_us: self.wait.summary(),
            service_us: self.service.summary(),
            batch: self.batch.summary(),
        }
    }
}

/// Whole microseconds, rounded down.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// A snapshot of a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct StageSnapshot {
    /// Its name.
    pub name: String,
    /// Number of waiting requests.
    pub depth: usize,
    /// Number of requests being processed.
    pub in_work: usize,
    /// Microseconds from a request's arrival at the stage to the start of its work, per request.
    pub wait_us: Summary,
    /// Microseconds of work per call.
    pub service_us: Summary,
    /// Payloads per call.
    pub batch: Summary,
}

/// How requests ended; requests cancelled while a stage processed them count as cancelled.
#[derive(Default)]
pub(crate) struct Endings {
    pub(crate) done: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) expired: AtomicU64,
    pub(crate) aborted: AtomicU64,
}

/// A snapshot of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Number of requests in the pipeline.
    pub open: usize,
    /// Number of requests with a result.
    pub done: u64,
    /// Number of requests that failed in a stage: by an error, a panic or a wrong number of results.
    pub failed: u64,
    /// Number of cancelled requests that have left.
    pub cancelled: u64,
    /// Number of requests whose deadline passed.
    pub expired: u64,
    /// Number of requests ended by an abort.
    pub aborted: u64,
    /// Its stages in order.
    pub stages: Vec<StageSnapshot>,
}

impl Endings {
    pub(crate) fn snapshot(&self, open: usize, stages: Vec<StageSnapshot>) -> Snapshot {
        Snapshot {
            open,
            done: self.done.load(Relaxed),
            failed: self.failed.load(Relaxed),
            cancelled: self.cancelled.load(Relaxed),
            expired: self.expired.load(Relaxed),
            aborted: self.aborted.load(Relaxed),
            stages,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_ends_where_the_next_begins() {
        for at in 0..BUCKETS - 1 {
            assert_eq!(bucket(ceiling(at)), at);
            assert_eq!(bucket(ceiling(at) + 1), at + 1);
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_at_most_a_quarter_too_great() {
        let histogram = Histogram::default();
        assert_eq!(histogram.summary().p99, 0);
        (1..=1000).for_each(|value| histogram.record(value));
        let summary = histogram.summary();
        assert_eq!((summary.count, summary.greatest), (1000, 1000));
        assert!((summary.mean - 500.5).abs() < 1e-9);
        assert!((500..=625).contains(&summary.p50), "{summary:?}");
        assert!((990..=1000).contains(&summary.p99), "{summary:?}");
    }
}
