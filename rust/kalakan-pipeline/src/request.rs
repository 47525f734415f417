//! What a caller asks for, why it is refused, and what ties it to the answer.

use std::fmt;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use crate::error::Failure;
use crate::sync::{lock, Mutex};

/// Who is served first: a worker takes nothing of a lower priority while something of a higher one waits for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Somebody waits for it now.
    High,
    /// The default.
    #[default]
    Normal,
    /// May wait as long as there is anything else.
    Low,
}

impl Priority {
    /// Every priority, the first served first.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];
}

/// A payload on its way in.
#[derive(Debug, Clone)]
pub struct Request<T> {
    /// What the stages work on.
    pub payload: T,
    /// Who is served first.
    pub priority: Priority,
    /// No stage begins work on it after this.
    pub deadline: Option<Instant>,
    /// The stage that it enters at.
    pub stage: usize,
}

impl<T> Request<T> {
    /// A request of normal priority, without a deadline, that enters at the first stage.
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
    /// Its stage had no place until the caller's patience ended.
    Full,
    /// The pipeline drains, is aborted, or has ended.
    Closed,
    /// It names a stage that the pipeline does not have.
    UnknownStage,
}

/// A request that was not admitted, whole.
#[derive(Debug)]
pub struct Refused<T> {
    /// Why.
    pub reason: Reason,
    /// What the caller gave.
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

/// Where an outcome goes; called once, from a worker or from who cancels or aborts. It should not block.
pub type Reply<T, E> = Box<dyn FnOnce(Outcome<T, E>) + Send>;

/// The one reply of a request: whoever takes it settles the request.
pub(crate) struct Settlement<T, E>(Mutex<Option<Reply<T, E>>>);

impl<T, E> Settlement<T, E> {
    pub(crate) fn new(reply: Reply<T, E>) -> Self {
        Self(Mutex::new(Some(reply)))
    }

    /// Settles the request unless that was done before. A reply that panics harms nobody else.
    pub(crate) fn settle(&self, outcome: Outcome<T, E>) -> bool {
        let Some(reply) = lock(&self.0).take() else {
            return false;
        };
        // The panic hook has told about it; there is nobody left to tell here.
        drop(catch_unwind(AssertUnwindSafe(|| reply(outcome))));
        true
    }

    pub(crate) fn is_settled(&self) -> bool {
        lock(&self.0).is_none()
    }
}

/// The caller's hold on an admitted request. Dropping it changes nothing.
pub struct Ticket<T, E> {
    pub(crate) settlement: Arc<Settlement<T, E>>,
}

impl<T, E> Ticket<T, E> {
    /// Settles the request as [`Failure::Cancelled`], at once, from this thread; false where it was settled before.
    ///
    /// A stage that works on it is not interrupted; what it returns is dropped. What waits leaves the queue when its
    /// turn comes.
    pub fn cancel(&self) -> bool {
        self.settlement.settle(Err(Failure::Cancelled))
    }

    /// Whether the outcome went to the reply.
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
