//! The phoneme table.

use kalakan_text::{PhonemeId, PHONEMES};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::strings::read;
use crate::error::to_python_error;

/// Rows of the phoneme table: symbol, IPA, class, features; reserved rows have an empty symbol.
#[pyfunction]
pub(super) fn phoneme_table() -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    PHONEMES
        .iter()
        .map(|row| (row.symbol, row.ipa, row.class, row.features))
        .collect()
}

#[pyfunction]
pub(super) fn phoneme_table_text() -> &'static str {
    kalakan_text::table_text()
}

#[pyfunction]
pub(super) fn phoneme_table_hash() -> String {
    format!("{:016x}", kalakan_text::table_hash())
}

#[pyfunction]
#[pyo3(signature = (units, /))]
pub(super) fn parse_units(units: &Bound<'_, PyString>) -> PyResult<Vec<u16>> {
    let ids = kalakan_text::parse_units(&read(units)?).map_err(to_python_error)?;
    Ok(numbers(&ids))
}

/// `u16`, because `PyO3` converts a vector of bytes to `bytes`, not to a list.
pub(super) fn numbers(ids: &[PhonemeId]) -> Vec<u16> {
    ids.iter().map(|id| u16::from(id.get())).collect()
}

pub(super) fn symbols(ids: &[PhonemeId]) -> Vec<&'static str> {
    ids.iter()
        .map(|id| id.symbol().unwrap_or("<unk>"))
        .collect()
}
