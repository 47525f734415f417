//! Threads that sleep until something is true, and are woken without a lock while nobody sleeps.

use std::sync::PoisonError;
use std::time::Instant;

use crate::sync::{fence, lock, AtomicUsize, Condvar, Mutex, Ordering};

/// A place to wait at.
///
/// Whoever makes a condition true calls a `wake` after it; whoever waits counts itself in first and looks after that.
/// Between the two halves of each side stands a sequentially consistent fence, so that at least one side sees the
/// other: either the sleeper finds its condition true, or the waker finds the sleeper. From the look to the sleep the
/// sleeper holds the lock, and the waker passes through it, so that no call falls between the two.
#[derive(Default)]
pub(crate) struct Signal {
    sleepers: AtomicUsize,
    door: Mutex<()>,
    bell: Condvar,
}

impl Signal {
    /// Waits until `is_ready`: spins, then yields, then sleeps. Returns false where `deadline` comes first.
    pub(crate) fn wait_until(
        &self,
        deadline: Option<Instant>,
        is_ready: impl Fn() -> bool,
    ) -> bool {
        // The model checker explores a sleep; a spin would only repeat itself there.
        #[cfg(not(loom))]
        {
            let backoff = crossbeam_utils::Backoff::new();
            while !backoff.is_completed() {
                if is_ready() {
                    return true;
                }
                backoff.snooze();
            }
        }
        self.sleepers.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let mut guard = lock(&self.door);
        let found = loop {
            // The condition before the clock: a bell that rings at the deadline is answered, not lost.
            if is_ready() {
                break true;
            }
            guard = match deadline {
                None => self
                    .bell
                    .wait(guard)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let left = at.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break false;
                    }
                    let woken = self.bell.wait_timeout(guard, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        };
        drop(guard);
        self.sleepers.fetch_sub(1, Ordering::Relaxed);
        found
    }

    /// Whether a thread sleeps here; the caller has fenced what it did before it asks.
    fn has_sleepers(&self) -> bool {
        fence(Ordering::SeqCst);
        self.sleepers.load(Ordering::Relaxed) > 0
    }

    /// Wakes one sleeper, for one thing that one thread can take.
    pub(crate) fn wake_one(&self) {
        self.wake_one_if(|| true);
    }

    /// Wakes one sleeper if there is a reason, which is only asked for where someone sleeps.
    pub(crate) fn wake_one_if(&self, has_reason: impl FnOnce() -> bool) {
        if self.has_sleepers() && has_reason() {
            drop(lock(&self.door));
            self.bell.notify_one();
        }
    }

    /// Wakes all, for what concerns everybody.
    pub(crate) fn wake_all(&self) {
        if self.has_sleepers() {
            drop(lock(&self.door));
            self.bell.notify_all();
        }
    }
}
