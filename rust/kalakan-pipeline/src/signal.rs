//! Lets threads sleep until a condition is true; waking takes no lock while nobody sleeps.

use std::sync::PoisonError;
use std::time::Instant;

use crate::sync::{fence, lock, AtomicUsize, Condvar, Mutex, Ordering};

/// A point where threads wait.
///
/// A thread that makes a condition true then calls a `wake`. A thread that waits first registers and then checks the
/// condition. A sequentially consistent fence separates the two steps on each side, so that at least one side sees the
/// other: either the sleeper finds its condition true, or the waker finds the sleeper. The sleeper holds the lock from
/// the check to the sleep, and the waker passes through the lock, so that no wake-up is lost in between.
#[derive(Default)]
pub(crate) struct Signal {
    sleepers: AtomicUsize,
    door: Mutex<()>,
    bell: Condvar,
}

impl Signal {
    /// Waits until `is_ready`: spins, then yields, then sleeps. Returns false if `deadline` comes first.
    pub(crate) fn wait_until(
        &self,
        deadline: Option<Instant>,
        is_ready: impl Fn() -> bool,
    ) -> bool {
        // The model checker explores the sleep; spinning would only repeat states.
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
            // Checks the condition before the clock, so that a wake-up at the deadline is not lost.
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

    /// Whether a thread sleeps here; the caller must have issued a fence after its own changes.
    fn has_sleepers(&self) -> bool {
        fence(Ordering::SeqCst);
        self.sleepers.load(Ordering::Relaxed) > 0
    }

    /// Wakes one sleeper, for an item that one thread can take.
    pub(crate) fn wake_one(&self) {
        self.wake_one_if(|| true);
    }

    /// Wakes one sleeper if there is a reason, which is checked only if a thread sleeps.
    pub(crate) fn wake_one_if(&self, has_reason: impl FnOnce() -> bool) {
        if self.has_sleepers() && has_reason() {
            drop(lock(&self.door));
            self.bell.notify_one();
        }
    }

    /// Wakes all sleepers, for changes that concern all of them.
    pub(crate) fn wake_all(&self) {
        if self.has_sleepers() {
            drop(lock(&self.door));
            self.bell.notify_all();
        }
    }
}
