//! Bindings of `kalakan-text`, one file per stage.

mod g2p;
mod normalize;
mod options;
mod phonemes;
mod strings;

use pyo3::prelude::*;

/// Adds this module's functions and classes to `kalakan._rust`.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<options::TextOptions>()?;
    module.add_class::<g2p::EnglishLexicon>()?;
    module.add_class::<g2p::G2p>()?;
    module.add_function(wrap_pyfunction!(normalize::normalize_text, module)?)?;
    module.add_function(wrap_pyfunction!(normalize::normalize_counting, module)?)?;
    module.add_function(wrap_pyfunction!(normalize::clean_text, module)?)?;
    module.add_function(wrap_pyfunction!(normalize::split_sentences, module)?)?;
    module.add_function(wrap_pyfunction!(normalize::letter_names, module)?)?;
    module.add_function(wrap_pyfunction!(normalize::sign_names, module)?)?;
    module.add_function(wrap_pyfunction!(normalize::currency_signs, module)?)?;
    module.add_function(wrap_pyfunction!(normalize::currency_look_alikes, module)?)?;
    module.add_function(wrap_pyfunction!(g2p::is_foreign, module)?)?;
    module.add_function(wrap_pyfunction!(phonemes::phoneme_table, module)?)?;
    module.add_function(wrap_pyfunction!(phonemes::phoneme_table_text, module)?)?;
    module.add_function(wrap_pyfunction!(phonemes::phoneme_table_hash, module)?)?;
    module.add_function(wrap_pyfunction!(phonemes::parse_units, module)?)?;
    Ok(())
}
