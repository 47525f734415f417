//! Bindings of one core crate.

use pyo3::prelude::*;

/// Adds this module's functions and classes to `kalakan._rust`.
pub(crate) fn register(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
