//! Text to words: cleaning, normalizing, sentences, and the names that the rules use.

use std::collections::BTreeMap;

use kalakan_text::clean::clean;
use kalakan_text::normalize::{self, normalize};
use kalakan_text::{currency, sentence, spelling};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::options::TextOptions;
use super::strings::{characters, read};

#[pyfunction]
#[pyo3(signature = (text, options, /))]
pub(super) fn normalize_text(
    py: Python<'_>,
    text: &Bound<'_, PyString>,
    options: &TextOptions,
) -> PyResult<String> {
    let text = read(text)?;
    Ok(py.detach(|| normalize(&text, &options.options)))
}

#[pyfunction]
#[pyo3(signature = (text, options, /))]
pub(super) fn clean_text(
    py: Python<'_>,
    text: &Bound<'_, PyString>,
    options: &TextOptions,
) -> PyResult<String> {
    let text = read(text)?;
    Ok(py.detach(|| clean(&text, &options.options)))
}

/// The result of `normalize_text`, and the count of each character without a reading.
#[pyfunction]
#[pyo3(signature = (text, options, /))]
pub(super) fn normalize_counting(
    py: Python<'_>,
    text: &Bound<'_, PyString>,
    options: &TextOptions,
) -> PyResult<(String, BTreeMap<char, u64>)> {
    let text = read(text)?;
    Ok(py.detach(|| normalize::normalize_counting(&text, &options.options)))
}

/// Spans of the sentences of a text, in characters.
#[pyfunction]
#[pyo3(signature = (text, /))]
pub(super) fn split_sentences(
    py: Python<'_>,
    text: &Bound<'_, PyString>,
) -> PyResult<Vec<(usize, usize)>> {
    let text = read(text)?;
    Ok(py.detach(|| characters(&text, &sentence::split_sentences(&text))))
}

/// Letters and their names.
#[pyfunction]
pub(super) fn letter_names() -> Vec<(char, &'static str)> {
    spelling::letters().collect()
}

/// Signs and their names in addresses and codes.
#[pyfunction]
pub(super) fn sign_names() -> Vec<(char, &'static str)> {
    spelling::signs().collect()
}

/// Signs and codes of money, longest first, and whether each occurs only after its figure.
#[pyfunction]
pub(super) fn currency_signs() -> Vec<(&'static str, bool)> {
    currency::signs().collect()
}

/// Characters that are typed for a sign of money, and the sign.
#[pyfunction]
pub(super) fn currency_look_alikes() -> Vec<(char, &'static str)> {
    currency::typed().collect()
}
