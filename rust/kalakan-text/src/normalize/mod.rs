//! Written Twi to spoken Twi: numbers, money, dates and the like become words.
//!
//! One scanner walks the repaired text once. Each class of number or word is a file that adds its
//! rules to the scanner; the order in which they are asked is in `scanner.rs`.

mod abbreviation;
pub(crate) mod address;
mod bible;
mod capitals;
mod clock;
mod currency;
mod date;
mod number;
mod options;
mod ordinal;
mod phone;
mod plain;
pub(crate) mod punctuation;
mod quantity;
mod scanner;
mod spoken;
mod unit;
mod value;
mod word;

pub(crate) use abbreviation::keeps_sentence;
pub use number::number_words;
pub use options::{ChatSpelling, NormalizeOptions, Variety};

/// A second reading settles what the first one uncovered; deeper nesting does not occur in text.
const MAX_PASSES: usize = 6;

/// Returns `text` as words and pause marks only, in the closed alphabet of normalized text.
///
/// Total, idempotent, NFC, lower case; no digit is dropped without a word for it.
pub fn normalize(text: &str, options: &NormalizeOptions) -> String {
    // Only wide chat spelling rewrites letters of the alphabet.
    let wide = options.chat == ChatSpelling::Wide;
    let short_way = |text: &str| {
        let rewritten = wide && text.contains(['c', 'q', 'C', 'Q']);
        (!rewritten).then(|| plain::lower(text)).flatten()
    };
    if let Some(normalized) = short_way(text) {
        return normalized;
    }
    let mut normalized = scanner::read(&crate::clean::repair(text, options), options);
    for _ in 0..MAX_PASSES {
        if short_way(&normalized).is_some_and(|again| again == normalized) {
            break;
        }
        let again = scanner::read(&crate::clean::repair(&normalized, options), options);
        if again == normalized {
            break;
        }
        normalized = again;
    }
    normalized
}
