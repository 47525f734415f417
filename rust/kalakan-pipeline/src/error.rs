//! Why a request has no result, why one was not admitted, and why a pipeline cannot be built.

use std::fmt;

use crate::request::Request;

/// Why an admitted request has no result; `E` is what its stages fail with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure<E> {
    /// The stage returned an error for it.
    Stage(E),
    /// The stage panicked with this message; the worker lives on.
    Panicked(String),
    /// The stage returned another number of results than the number of payloads it was given.
    Count {
        /// Name of the stage.
        stage: String,
        /// Payloads of the call.
        expected: usize,
        /// Results that came back.
        got: usize,
    },
    /// Its ticket was cancelled.
    Cancelled,
    /// Its deadline passed while it waited.
    Expired,
    /// The pipeline was aborted.
    Aborted,
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stage(error) => error.fmt(f),
            Self::Panicked(message) => write!(f, "the stage panicked: {message}"),
            Self::Count {
                stage,
                expected,
                got,
            } => write!(
                f,
                "stage {stage} returned {got} results for {expected} payloads; it must return one for each"
            ),
            Self::Cancelled => f.write_str("the request was cancelled"),
            Self::Expired => f.write_str("the request's deadline passed before it was done"),
            Self::Aborted => f.write_str("the pipeline was aborted before the request was done"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for Failure<E> {}

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

/// Why a pipeline cannot be built; displays as one line for a user.
#[derive(Debug)]
pub enum BuildError {
    /// An option is out of range.
    Options(String),
    /// The system gave no thread.
    Thread(std::io::Error),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(text) => f.write_str(text),
            Self::Thread(error) => write!(f, "no thread for a worker: {error}"),
        }
    }
}

impl std::error::Error for BuildError {}
