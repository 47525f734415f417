//! Errors by kind.

use std::fmt;

/// The kind of an error: the values of `kalakan_status` in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    /// No error.
    Ok = 0,
    /// An invalid argument or option.
    Argument = 1,
    /// The text has nothing to pronounce, or, with `strict`, a part without a reading.
    Text = 2,
    /// The voice is missing, damaged, or for another version.
    Voice = 3,
    /// onnxruntime cannot be loaded, or failed.
    Runtime = 4,
    /// A feature that only the Python package has.
    Unsupported = 5,
    /// A bug in Kalakan.
    Internal = 6,
    /// The caller's function requested a stop.
    Stopped = 7,
}

/// An error: its kind, and a one-line message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Its kind.
    pub status: Status,
    /// One line: the thing, the value, and the way out.
    pub message: String,
}

impl Error {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, message }
    }

    pub(crate) fn voice(message: impl Into<String>) -> Self {
        Self::new(Status::Voice, message)
    }

    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new(Status::Argument, message)
    }

    pub(crate) fn runtime(message: impl Into<String>) -> Self {
        Self::new(Status::Runtime, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

pub(crate) type Result<T> = std::result::Result<T, Error>;
