//! `kalakan._rust`: the Python bindings of the Rust core. Conversion, GIL release and error mapping only.

use pyo3::prelude::*;

mod dsp;
mod error;
mod pipeline;
mod text;
mod vocoder;

/// The compiled core of Kalakan.
#[pymodule]
fn _rust(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("TEXT_RULES", env!("KALAKAN_TEXT_RULES"))?;
    text::register(module)?;
    dsp::register(module)?;
    vocoder::register(module)?;
    pipeline::register(module)?;
    Ok(())
}
