//! A stage: its work, batch size, and queue.

use std::time::Duration;

use crate::metrics::StageMetrics;
use crate::queue::Lanes;
use crate::request::Priority;
use crate::signal::Signal;
use crate::sync::{AtomicBool, Ordering};

/// Where a payload goes after a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<T> {
    /// To the next stage; after the last stage, the payload is the result.
    Next(T),
    /// Back to the end of this stage's queue, to process long work in slices and let others run in between.
    Again(T),
    /// The payload is the result; later stages are skipped.
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

/// The function of a stage for a micro-batch: one result per payload, in order.
pub type Work<T, E> = Box<dyn Fn(Vec<T>) -> Vec<Result<Step<T>, E>> + Send + Sync>;

/// Options of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageOptions {
    /// Its name in metrics and errors.
    pub name: String,
    /// Maximum number of requests of one priority in the stage, waiting or running.
    pub capacity: usize,
    /// Maximum number of payloads per call.
    pub max_batch: usize,
    /// How long a worker waits for a batch to fill up after its first payload.
    pub max_wait: Duration,
    /// Index of the pool whose workers serve it.
    pub pool: usize,
}

impl StageOptions {
    /// A stage of pool 0 with 64 places that takes payloads one at a time.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            capacity: 64,
            max_batch: 1,
            max_wait: Duration::ZERO,
            pool: 0,
        }
    }

    /// Which option is out of range, for a pipeline with this many pools.
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

/// A running stage; `Q` is the item type of its queues.
pub(crate) struct Stage<T, E, Q> {
    pub(crate) options: StageOptions,
    pub(crate) work: Work<T, E>,
    pub(crate) lanes: Lanes<Q>,
    pub(crate) metrics: StageMetrics,
    /// True while a worker waits for its batch to fill up; arriving items go to that worker.
    is_gathering: AtomicBool,
    /// Signal on which that worker sleeps.
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

    /// Whether a worker may wait for more payloads before it starts.
    pub(crate) fn gathers(&self) -> bool {
        self.options.max_batch > 1 && !self.options.max_wait.is_zero()
    }

    pub(crate) fn is_gathering(&self) -> bool {
        self.gathers() && self.is_gathering.load(Ordering::Acquire)
    }

    /// Becomes the gathering worker, if there is none.
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
