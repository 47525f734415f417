//! A stage's waiting room: one bounded queue a priority, and the right to stand in it.

#[cfg(not(loom))]
use crossbeam_queue::ArrayQueue;

use crate::request::Priority;
use crate::signal::Signal;
use crate::sync::{thread, AtomicUsize, Ordering};

/// Bounded queues, one for each [`Priority`].
///
/// Who wants to push takes a place first and gives it back when its request leaves the stage, so that a push never
/// fails, and a worker can hold a place in the next stage before it begins work whose result must go there.
pub(crate) struct Lanes<T> {
    lanes: [Lane<T>; Priority::ALL.len()],
}

struct Lane<T> {
    items: ArrayQueue<T>,
    places: AtomicUsize,
    freed: Signal,
}

impl<T> Lanes<T> {
    /// Lanes of `capacity` places each: a backlog of one priority does not keep the others out.
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

    /// Takes a place, if one is free.
    pub(crate) fn take_place(&self, priority: Priority) -> bool {
        let places = &self.lane(priority).places;
        let taken = places.fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| {
            free.checked_sub(1)
        });
        taken.is_ok()
    }

    /// Gives a place back and wakes one who waits for it in [`Self::freed`].
    pub(crate) fn free_place(&self, priority: Priority) {
        let lane = self.lane(priority);
        lane.places.fetch_add(1, Ordering::AcqRel);
        lane.freed.wake_one();
    }

    /// Where to wait for a place.
    pub(crate) fn freed(&self, priority: Priority) -> &Signal {
        &self.lane(priority).freed
    }

    pub(crate) fn wake_all(&self) {
        for lane in &self.lanes {
            lane.freed.wake_all();
        }
    }

    /// Queues an item whose place is taken.
    pub(crate) fn push(&self, priority: Priority, item: T) {
        let mut item = item;
        // Places are as many as slots, so this turns only while another thread is between claiming and emptying one.
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

    /// Items that wait now, of all priorities.
    pub(crate) fn len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.items.len()).sum()
    }
}

/// What the model checker takes for a queue: items behind a lock, and beside them a length that promises no more than
/// crossbeam's does, so that what the scheduler does about an empty queue is explored and not the queue itself.
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
        // The length changes under the lock: a second worker must not turn in circles while this one is between.
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
