//! The gate of a pipeline: whether requests may come in, and how many are in.

use crate::signal::Signal;
use crate::sync::{fence, AtomicU8, AtomicUsize, Ordering};

/// Who may come in, and how many are in.
#[derive(Default)]
pub(crate) struct Gate {
    /// Requests that are in the pipeline, and callers that are about to find out whether they may be.
    open: AtomicUsize,
    phase: AtomicU8,
    /// Worker threads that have not ended.
    pub(crate) workers: AtomicUsize,
    /// Where one waits for `open` or `workers` to become zero.
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

    /// Closed for good: nothing is in, and nothing can come in.
    pub(crate) fn is_over(&self) -> bool {
        self.is_closed() && self.open() == 0
    }

    /// Counts a request in. Whoever closes the gate sees it, or it sees the gate closed and must [`Self::leave`].
    pub(crate) fn enter(&self) -> bool {
        self.open.fetch_add(1, Ordering::AcqRel);
        fence(Ordering::SeqCst);
        !self.is_closed()
    }

    /// Counts a request out; true for the last one through a closed gate.
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
