//! A stage: what is done, how many at once, and who waits for it.

use std::time::Duration;

use crate::metrics::StageMetrics;
use crate::queue::Lanes;
use crate::request::Priority;
use crate::signal::Signal;
use crate::sync::{AtomicBool, Ordering};

/// Where a payload goes after a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<T> {
    /// To the next stage; after the last one it is the result.
    Next(T),
    /// Back to the end of this stage's queue: long work in slices, so that others come in between.
    Again(T),
    /// It is the result, whatever stages follow.
    Done(T),
}

impl<T> Step<T> {
    /// The same step with another payload.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Step<U> {
        match self {
            Self::Next(payload) => Step::Next(change(payload)),
            Self::Again(payload) => Step::Again(change(payload)),
            Self::Done(payload) => Step::Done(change(payload)),
        }
    }
}

/// What a stage does with a micro-batch: one result for each payload, in their order.
pub type Work<T, E> = Box<dyn Fn(Vec<T>) -> Vec<Result<Step<T>, E>> + Send + Sync>;

/// How a stage works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageOptions {
    /// Its name in metrics and errors.
    pub name: String,
    /// Requests of one priority that may be in the stage, waiting or in work.
    pub capacity: usize,
    /// Payloads of one call at most.
    pub max_batch: usize,
    /// How long a worker waits for a batch to fill up, from its first payload on.
    pub max_wait: Duration,
    /// The pool whose workers serve it.
    pub pool: usize,
}

impl StageOptions {
    /// A stage of pool 0 that takes payloads one by one, with 64 places.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            capacity: 64,
            max_batch: 1,
            max_wait: Duration::ZERO,
            pool: 0,
        }
    }

    /// What of the options is out of range, for a pipeline with this many pools.
    pub(crate) fn fault(&self, pools: usize) -> Option<String> {
        let Self {
            name,
            capacity,
            max_batch,
            max_wait,
            pool,
        } = self;
        let most = 1 << 20;
        if *max_batch == 0 || *max_batch > *capacity || *capacity > most {
            return Some(format!(
                "stage {name}: capacity is {capacity} and max_batch {max_batch}; \
                 it must be 1 <= max_batch <= capacity <= {most}"
            ));
        }
        if *max_wait > Duration::from_secs(60) {
            return Some(format!(
                "stage {name}: max_wait is {max_wait:?}; it must be at most 60 s"
            ));
        }
        (*pool >= pools)
            .then(|| format!("stage {name}: pool is {pool}; the pipeline has {pools} of them"))
    }
}

/// A stage in service; `Q` is what its queues hold.
pub(crate) struct Stage<T, E, Q> {
    pub(crate) options: StageOptions,
    pub(crate) work: Work<T, E>,
    pub(crate) lanes: Lanes<Q>,
    pub(crate) metrics: StageMetrics,
    /// True while a worker waits for its batch to fill up: what arrives is that worker's.
    is_gathering: AtomicBool,
    /// Where that worker sleeps.
    pub(crate) arrival: Signal,
}

impl<T, E, Q> Stage<T, E, Q> {
    pub(crate) fn new(options: StageOptions, work: Work<T, E>) -> Self {
        Self {
            work,
            lanes: Lanes::new(options.capacity),
            metrics: StageMetrics::default(),
            is_gathering: AtomicBool::new(false),
            arrival: Signal::default(),
            options,
        }
    }

    /// Whether a worker may wait for more before it works.
    pub(crate) fn gathers(&self) -> bool {
        self.options.max_batch > 1 && !self.options.max_wait.is_zero()
    }

    pub(crate) fn is_gathering(&self) -> bool {
        self.gathers() && self.is_gathering.load(Ordering::Acquire)
    }

    /// Becomes the one who gathers, if there is none.
    pub(crate) fn begin_gathering(&self) -> bool {
        !self.is_gathering.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn end_gathering(&self) {
        self.is_gathering.store(false, Ordering::Release);
    }

    pub(crate) fn has_waiting(&self) -> bool {
        Priority::ALL.iter().any(|lane| !self.lanes.is_empty(*lane))
    }
}
