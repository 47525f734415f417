//! Why a request has no result, and why a pipeline cannot be built.

use std::fmt;

/// Why an admitted request has no result; `E` is the error type of its stages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure<E> {
    /// The stage returned an error for it.
    Stage(E),
    /// The stage panicked with this message; the worker continues.
    Panicked(String),
    /// The stage returned a different number of results than payloads.
    Count {
        /// Name of the stage.
        stage: String,
        /// Number of payloads in the call.
        expected: usize,
        /// Number of returned results.
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

/// Why a pipeline cannot be built; displays as one line for a user.
#[derive(Debug)]
pub enum BuildError {
    /// An option is out of range.
    Options(String),
    /// The system could not create a thread.
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
