//! Maps Rust errors to the exceptions of `kalakan.errors`, by kind.

use pyo3::prelude::*;
use pyo3::types::PyType;

/// Builds `kalakan.errors.<class>(message)`; falls back to `RuntimeError` only if the class cannot be imported.
pub(crate) fn kalakan_error(class: &str, message: String) -> PyErr {
    Python::attach(|py| {
        let class = py
            .import("kalakan.errors")
            .and_then(|module| module.getattr(class))
            .and_then(|class| Ok(class.cast_into::<PyType>()?));
        match class {
            Ok(class) => PyErr::from_type(class, message),
            Err(missing) => missing,
        }
    })
}

/// Maps `TextError` by kind. A function, because `From<TextError> for PyErr` would violate the orphan rule.
pub(crate) fn to_python_error(error: kalakan_text::TextError) -> PyErr {
    let class = match error {
        kalakan_text::TextError::UnknownPhoneme { .. } => "UnknownPhonemeError",
        kalakan_text::TextError::Lexicon { .. } => "TextError",
    };
    kalakan_error(class, error.to_string())
}
