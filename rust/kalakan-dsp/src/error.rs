//! What can be wrong with sizes or samples.

use std::fmt;

/// Why a plan cannot be built or a signal not be processed; displays as one line for a user.
#[derive(Debug, Clone, PartialEq)]
pub enum DspError {
    /// A size or frequency of a plan is out of range.
    Config(String),
    /// A signal is empty, of the wrong length, or not finite.
    Input(String),
}

impl fmt::Display for DspError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(text) | Self::Input(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for DspError {}

/// Refuses an empty signal, or one with NaN or infinity, naming the first bad position.
pub(crate) fn check_finite(name: &str, values: &[f32]) -> Result<(), DspError> {
    if values.is_empty() {
        return Err(DspError::Input(format!("{name} is empty")));
    }
    // x * 0 is NaN for NaN and infinities only; a sum has no branch, so it vectorises.
    if values.iter().map(|x| x * 0.0).sum::<f32>() == 0.0 {
        return Ok(());
    }
    let at = values.iter().position(|x| !x.is_finite()).unwrap_or(0);
    Err(DspError::Input(format!(
        "{name} has {} at position {at}; every value must be finite",
        values[at]
    )))
}

/// Refuses a frame-major matrix whose length is not a whole number of rows.
pub(crate) fn check_rows(name: &str, length: usize, row: usize) -> Result<usize, DspError> {
    if length == 0 || length % row != 0 {
        return Err(DspError::Input(format!(
            "{name} has {length} values; it must be a positive multiple of {row}"
        )));
    }
    Ok(length / row)
}
