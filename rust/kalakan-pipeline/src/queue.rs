//! The queues of a stage: one bounded queue per priority, with reserved places.

#[cfg(not(loom))]
use crossbeam_queue::ArrayQueue;

use crate::request::Priority;
use crate::signal::Signal;
use crate::sync::{thread, AtomicUsize, Ordering};

/// Bounded queues, one per [`Priority`].
///
/// A producer reserves a place before it pushes, and the place is released when the request leaves the stage. A push
/// therefore never fails, and a worker can reserve a place in the next stage before it starts work whose result goes
/// there.
pub(crate) struct Lanes<T> {
    lanes: [Lane<T>; Priority::ALL.len()],
}

struct Lane<T> {
    items: ArrayQueue<T>,
    places: AtomicUsize,
    freed: Signal,
}

impl<T> Lanes<T> {
    /// Queues with `capacity` places each, so that a backlog of one priority does not block the others.
    pub(crate) fn new(capacity: usize) -> Self {
        let lane = |_| Lane {
            items: ArrayQueue::new(capacity),
            places: AtomicUsize::new(capacity),
            freed: Signal::default(),
        };
        Self {
            lanes: Priority::ALL.map(lane),
        }
    }

    fn lane(&self, priority: Priority) -> &Lane<T> {
        &self.lanes[priority as usize]
    }

    pub(crate) fn has_place(&self, priority: Priority) -> bool {
        self.lane(priority).places.load(Ordering::Acquire) > 0
    }

    /// Reserves a place, if one is free.
    pub(crate) fn take_place(&self, priority: Priority) -> bool {
        let places = &self.lane(priority).places;
        let taken = places.fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| {
            free.checked_sub(1)
        });
        taken.is_ok()
    }

    /// Releases a place and wakes one thread that waits for it in [`Self::freed`].
    pub(crate) fn free_place(&self, priority: Priority) {
        let lane = self.lane(priority);
        lane.places.fetch_add(1, Ordering::AcqRel);
        lane.freed.wake_one();
    }

    /// Signal for free places.
    pub(crate) fn freed(&self, priority: Priority) -> &Signal {
        &self.lane(priority).freed
    }

    pub(crate) fn wake_all(&self) {
        for lane in &self.lanes {
            lane.freed.wake_all();
        }
    }

    /// Queues an item with a reserved place.
    pub(crate) fn push(&self, priority: Priority, item: T) {
        let mut item = item;
        // There are as many places as slots, so this loops only while another thread is emptying a slot.
        while let Err(refused) = self.lane(priority).items.push(item) {
            item = refused;
            thread::yield_now();
        }
    }

    pub(crate) fn pop(&self, priority: Priority) -> Option<T> {
        self.lane(priority).items.pop()
    }

    pub(crate) fn is_empty(&self, priority: Priority) -> bool {
        self.lane(priority).items.is_empty()
    }

    /// Number of waiting items of all priorities.
    pub(crate) fn len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.items.len()).sum()
    }
}

/// The queue for the model checker: items behind a lock, with a length that guarantees no more than crossbeam's, so
/// that it explores how the scheduler handles an empty queue, and not the queue itself.
#[cfg(loom)]
struct ArrayQueue<T> {
    items: crate::sync::Mutex<std::collections::VecDeque<T>>,
    length: AtomicUsize,
    capacity: usize,
}

#[cfg(loom)]
impl<T> ArrayQueue<T> {
    fn new(capacity: usize) -> Self {
        Self {
            items: crate::sync::Mutex::default(),
            length: AtomicUsize::new(0),
            capacity,
        }
    }

    fn push(&self, item: T) -> Result<(), T> {
        let mut items = crate::sync::lock(&self.items);
        if items.len() == self.capacity {
            return Err(item);
        }
        items.push_back(item);
        self.length.fetch_add(1, Ordering::Release);
        Ok(())
    }

    fn pop(&self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        // The length changes under the lock, so that a second worker does not spin while this one is in between.
        let mut items = crate::sync::lock(&self.items);
        let found = items.pop_front();
        self.length
            .fetch_sub(usize::from(found.is_some()), Ordering::Release);
        found
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.length.load(Ordering::Acquire)
    }
}
