//! Requests, the reasons for refusing them, and their replies.

use std::fmt;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use crate::error::Failure;
use crate::sync::{lock, Mutex};

/// The order of service: a worker takes no lower-priority request while a higher-priority one is waiting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// For requests that someone is waiting for.
    High,
    /// The default.
    #[default]
    Normal,
    /// For requests that may wait for all others.
    Low,
}

impl Priority {
    /// All priorities in order of service.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];
}

/// A payload to submit.
#[derive(Debug, Clone)]
pub struct Request<T> {
    /// The input of the stages.
    pub payload: T,
    /// The order of service.
    pub priority: Priority,
    /// No stage starts work on it after this time.
    pub deadline: Option<Instant>,
    /// Index of its first stage.
    pub stage: usize,
}

impl<T> Request<T> {
    /// A request of normal priority, without a deadline, that starts at the first stage.
    pub fn new(payload: T) -> Self {
        Self {
            payload,
            priority: Priority::default(),
            deadline: None,
            stage: 0,
        }
    }
}

/// Why a request was not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its stage had no free place within the caller's patience.
    Full,
    /// The pipeline is draining, was aborted, or has ended.
    Closed,
    /// It names a stage that does not exist.
    UnknownStage,
}

/// A request that was not admitted, with its payload.
#[derive(Debug)]
pub struct Refused<T> {
    /// The reason.
    pub reason: Reason,
    /// The original request.
    pub request: Request<T>,
}

impl<T> fmt::Display for Refused<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::Full => f.write_str("the pipeline is full"),
            Reason::Closed => f.write_str("the pipeline takes no more requests: it was closed"),
            Reason::UnknownStage => {
                write!(f, "the pipeline has no stage {}", self.request.stage)
            }
        }
    }
}

impl<T: fmt::Debug> std::error::Error for Refused<T> {}

/// How a request ended.
pub type Outcome<T, E> = Result<T, Failure<E>>;

/// Receives an outcome; called once, from a worker or from the thread that cancels or aborts. Must not block.
pub type Reply<T, E> = Box<dyn FnOnce(Outcome<T, E>) + Send>;

/// The single reply of a request; the thread that takes it settles the request.
pub(crate) struct Settlement<T, E>(Mutex<Option<Reply<T, E>>>);

impl<T, E> Settlement<T, E> {
    pub(crate) fn new(reply: Reply<T, E>) -> Self {
        Self(Mutex::new(Some(reply)))
    }

    /// Settles the request unless it is already settled. A panicking reply does not affect other requests.
    pub(crate) fn settle(&self, outcome: Outcome<T, E>) -> bool {
        let Some(reply) = lock(&self.0).take() else {
            return false;
        };
        // The panic hook has already reported it.
        drop(catch_unwind(AssertUnwindSafe(|| reply(outcome))));
        true
    }

    pub(crate) fn is_settled(&self) -> bool {
        lock(&self.0).is_none()
    }
}

/// The caller's handle to an admitted request. Dropping it has no effect.
pub struct Ticket<T, E> {
    pub(crate) settlement: Arc<Settlement<T, E>>,
}

impl<T, E> Ticket<T, E> {
    /// Settles the request as [`Failure::Cancelled`] immediately, from this thread; false if it was already settled.
    ///
    /// A stage that is processing it is not interrupted; its result is dropped. A waiting request leaves the queue when
    /// its turn comes.
    pub fn cancel(&self) -> bool {
        self.settlement.settle(Err(Failure::Cancelled))
    }

    /// Whether the reply has received the outcome.
    pub fn is_settled(&self) -> bool {
        self.settlement.is_settled()
    }
}

impl<T, E> fmt::Debug for Ticket<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("is_settled", &self.is_settled())
            .finish()
    }
}
