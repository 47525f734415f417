//! Validation of options from Python.

use kalakan_text::normalize::{ChatSpelling, NormalizeOptions, Variety};
use pyo3::prelude::*;

use crate::error::kalakan_error;

/// Finds a named choice or raises `ConfigError` with the valid names.
pub(super) fn choose<T: Copy>(
    option: &str,
    value: &Bound<'_, PyAny>,
    choices: &[(&str, T)],
) -> PyResult<T> {
    let name = value.extract::<String>().ok();
    let found = choices
        .iter()
        .find(|(choice, _)| Some(*choice) == name.as_deref());
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let allowed: Vec<String> = choices
            .iter()
            .map(|(name, _)| format!("'{name}'"))
            .collect();
        let value = value
            .repr()
            .map_or_else(|_| "an object".into(), |repr| repr.to_string());
        kalakan_error(
            "ConfigError",
            format!("{option} is {value}; it must be {}", allowed.join(" or ")),
        )
    })
}

pub(super) fn flag(option: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value.extract().map_err(|_| {
        let value = value
            .repr()
            .map_or_else(|_| "an object".into(), |repr| repr.to_string());
        kalakan_error(
            "ConfigError",
            format!("{option} is {value}; it must be True or False"),
        )
    })
}

/// The validated options of the normalizer.
#[pyclass(frozen, module = "kalakan._rust")]
pub(super) struct TextOptions {
    pub options: NormalizeOptions,
}

#[pymethods]
impl TextOptions {
    #[new]
    #[pyo3(signature = (*, variety, human, chat, clock_to_hour))]
    fn new(
        variety: &Bound<'_, PyAny>,
        human: &Bound<'_, PyAny>,
        chat: &Bound<'_, PyAny>,
        clock_to_hour: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let varieties = [("asante", Variety::Asante), ("akuapem", Variety::Akuapem)];
        let chats = [
            ("off", ChatSpelling::Off),
            ("narrow", ChatSpelling::Narrow),
            ("wide", ChatSpelling::Wide),
        ];
        let options = NormalizeOptions {
            variety: choose("variety", variety, &varieties)?,
            human: flag("human", human)?,
            chat: choose("chat", chat, &chats)?,
            clock_to_hour: flag("clock_to_hour", clock_to_hour)?,
        };
        Ok(Self { options })
    }
}
