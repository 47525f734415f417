//! A mailbox for the replies of many requests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use crate::request::{Outcome, Reply};
use crate::signal::Signal;
use crate::sync::{lock, AtomicUsize, Mutex, Ordering};

/// The order in which a mailbox returns outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The order in which requests end.
    FirstDone,
    /// The order in which replies were requested.
    Submitted,
}

/// Holds outcomes with the keys of their requests until they are taken. Clones share one mailbox.
pub struct Mailbox<K, T, E>(Arc<Inner<K, T, E>>);

struct Inner<K, T, E> {
    order: Order,
    letters: Mutex<Letters<K, T, E>>,
    /// Number of outcomes available now; read without a lock.
    ready: AtomicUsize,
    arrived: Signal,
}

/// A key and the outcome of its request.
type Letter<K, T, E> = (K, Outcome<T, E>);

struct Letters<K, T, E> {
    ready: VecDeque<Letter<K, T, E>>,
    /// Issued numbers without an answer; `Some` if the answer waits for an earlier one.
    open: BTreeMap<u64, Option<Letter<K, T, E>>>,
    next: u64,
}

impl<K, T, E> Clone for Mailbox<K, T, E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, T, E> Mailbox<K, T, E> {
    /// An empty mailbox.
    pub fn new(order: Order) -> Self {
        Self(Arc::new(Inner {
            order,
            letters: Mutex::new(Letters {
                ready: VecDeque::new(),
                open: BTreeMap::new(),
                next: 0,
            }),
            ready: AtomicUsize::new(0),
            arrived: Signal::default(),
        }))
    }

    /// The next outcome; waits for it until `deadline`, or forever. None after the deadline.
    pub fn take(&self, deadline: Option<Instant>) -> Option<(K, Outcome<T, E>)> {
        let inner = &*self.0;
        loop {
            let found = lock(&inner.letters).ready.pop_front();
            if found.is_some() {
                inner.ready.fetch_sub(1, Ordering::AcqRel);
                return found;
            }
            let has_letter = || inner.ready.load(Ordering::Acquire) > 0;
            if !inner.arrived.wait_until(deadline, has_letter) {
                return None;
            }
        }
    }

    /// Number of requests whose outcome has not been taken: still running, or in the mailbox.
    pub fn len(&self) -> usize {
        let letters = lock(&self.0.letters);
        letters.ready.len() + letters.open.len()
    }

    /// Whether no outcomes are pending.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Send + 'static, T: Send + 'static, E: Send + 'static> Mailbox<K, T, E> {
    /// The reply for one request. If it is dropped unused, for example with a refused request, it leaves no gap in the
    /// order.
    pub fn reply(&self, key: K) -> Reply<T, E> {
        let number = {
            let mut letters = lock(&self.0.letters);
            let number = letters.next;
            letters.next += 1;
            letters.open.insert(number, None);
            number
        };
        let pending = Pending {
            inner: Arc::clone(&self.0),
            number,
            letter: None,
        };
        Box::new(move |outcome| pending.answer((key, outcome)))
    }
}

/// An issued number. It is answered when it is dropped, with or without an outcome.
struct Pending<K, T, E> {
    inner: Arc<Inner<K, T, E>>,
    number: u64,
    letter: Option<Letter<K, T, E>>,
}

impl<K, T, E> Pending<K, T, E> {
    fn answer(mut self, letter: Letter<K, T, E>) {
        self.letter = Some(letter);
    }
}

impl<K, T, E> Drop for Pending<K, T, E> {
    fn drop(&mut self) {
        let mut letters = lock(&self.inner.letters);
        let before = letters.ready.len();
        match (self.letter.take(), self.inner.order) {
            (Some(letter), Order::Submitted) => {
                letters.open.insert(self.number, Some(letter));
            }
            (letter, _) => {
                letters.open.remove(&self.number);
                letters.ready.extend(letter);
            }
        }
        if self.inner.order == Order::Submitted {
            while let Some(first) = letters.open.first_entry() {
                if first.get().is_none() {
                    break;
                }
                let letter = first.remove();
                letters.ready.extend(letter);
            }
        }
        let more = letters.ready.len() - before;
        self.inner.ready.fetch_add(more, Ordering::AcqRel);
        drop(letters);
        for _ in 0..more {
            self.inner.arrived.wake_one();
        }
    }
}
