//! The gate of a pipeline: whether it accepts requests, and how many it contains.

use crate::signal::Signal;
use crate::sync::{fence, AtomicU8, AtomicUsize, Ordering};

/// Admission state and the number of requests.
#[derive(Default)]
pub(crate) struct Gate {
    /// Number of requests in the pipeline, including callers whose admission is being decided.
    open: AtomicUsize,
    phase: AtomicU8,
    /// Number of worker threads that have not ended.
    pub(crate) workers: AtomicUsize,
    /// Signal for `open` or `workers` reaching zero.
    pub(crate) quiet: Signal,
}

const RUNNING: u8 = 0;
pub(crate) const DRAINING: u8 = 1;
pub(crate) const ABORTING: u8 = 2;

impl Gate {
    pub(crate) fn is_closed(&self) -> bool {
        self.phase.load(Ordering::Acquire) != RUNNING
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.phase.load(Ordering::Acquire) == ABORTING
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// Permanently closed: empty, and accepts nothing.
    pub(crate) fn is_over(&self) -> bool {
        self.is_closed() && self.open() == 0
    }

    /// Counts a request. Either the thread that closes the gate sees it, or it sees the gate closed and must
    /// [`Self::leave`].
    pub(crate) fn enter(&self) -> bool {
        self.open.fetch_add(1, Ordering::AcqRel);
        fence(Ordering::SeqCst);
        !self.is_closed()
    }

    /// Removes a request from the count; true for the last one after the gate was closed.
    pub(crate) fn leave(&self) -> bool {
        let was_last = self.open.fetch_sub(1, Ordering::AcqRel) == 1;
        fence(Ordering::SeqCst);
        was_last && self.is_closed()
    }

    pub(crate) fn close(&self, phase: u8) {
        self.phase.fetch_max(phase, Ordering::AcqRel);
        fence(Ordering::SeqCst);
    }

    pub(crate) fn worker_ended(&self) {
        self.workers.fetch_sub(1, Ordering::AcqRel);
        self.quiet.wake_all();
    }
}
