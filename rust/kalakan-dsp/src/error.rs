//! Errors of sizes and samples.

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

/// Rejects an empty signal, or one with NaN or infinity, naming the first bad position.
pub(crate) fn check_finite(name: &str, values: &[f32]) -> Result<(), DspError> {
    if values.is_empty() {
        return Err(DspError::Input(format!("{name} is empty")));
    }
    if values.chunks(BLOCK).all(is_finite) {
        return Ok(());
    }
    Err(not_finite(name, values))
}

/// Names the first of `values` that is NaN or infinity.
pub(crate) fn not_finite(name: &str, values: &[f32]) -> DspError {
    let at = values.iter().position(|x| !x.is_finite()).unwrap_or(0);
    DspError::Input(format!(
        "{name} has {} at position {at}; every value must be finite",
        values[at]
    ))
}

/// Values that `is_finite` checks before it may return early.
const BLOCK: usize = 1024;

/// Integer addition is associative, so the compiler can vectorize the sum; a sum of floats has a fixed order.
#[inline(always)]
pub(crate) fn is_finite(values: &[f32]) -> bool {
    const EXPONENT: u32 = 0x7F80_0000;
    let bad: u32 = values
        .iter()
        .map(|x| u32::from(x.to_bits() & EXPONENT == EXPONENT))
        .sum();
    bad == 0
}

/// Rejects a frame-major matrix whose length is not a whole number of rows.
pub(crate) fn check_rows(name: &str, length: usize, row: usize) -> Result<usize, DspError> {
    if length == 0 || length % row != 0 {
        return Err(DspError::Input(format!(
            "{name} has {length} values; it must be a positive multiple of {row}"
        )));
    }
    Ok(length / row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_found_wherever_it_stands() {
        for at in [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK + 4] {
            let mut values = vec![f32::MAX; 2 * BLOCK + 5];
            assert!(check_finite("f0", &values).is_ok());
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                values[at] = bad;
                let refused = check_finite("f0", &values).expect_err("a value that is not finite");
                assert!(refused.to_string().contains(&format!("at position {at};")));
            }
        }
        assert!(check_finite("f0", &[]).is_err());
    }
}
