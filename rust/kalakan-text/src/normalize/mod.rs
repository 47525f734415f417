//! Written Twi to spoken Twi: numbers, money, dates and the like become words.
//!
//! One scanner walks the repaired text once. Each class of number or word is a file that adds its
//! rules to the scanner; the order in which they are asked is in `scanner.rs`.

mod abbreviation;
pub(crate) mod address;
mod arithmetic;
mod bible;
mod capitals;
mod clock;
mod code;
mod currency;
mod date;
pub(crate) mod english;
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

pub(crate) use abbreviation::{keeps_sentence, keeps_sentence_before, may_end_sentence};
pub(crate) use capitals::is_letter_name;
pub use number::number_words;
pub use options::{ChatSpelling, NormalizeOptions, Variety};

use crate::origin::Origin;

/// A second reading settles what the first one uncovered; deeper nesting does not occur in text.
const MAX_PASSES: usize = 6;

/// Returns `text` as words and pause marks only, in the closed alphabet of normalized text.
///
/// Total, idempotent, NFC, lower case; no digit is dropped without a word for it.
pub fn normalize(text: &str, options: &NormalizeOptions) -> String {
    normalize_from(text, options, &mut Origin::Off)
}

/// Does what [`normalize`] does and puts into `origin` where the result comes from.
pub(crate) fn normalize_from(
    text: &str,
    options: &NormalizeOptions,
    origin: &mut Origin,
) -> String {
    // Only wide chat spelling rewrites letters of the alphabet.
    let wide = options.chat == ChatSpelling::Wide;
    let short_way = |text: &str| {
        let rewritten = wide && text.contains(['c', 'q', 'C', 'Q']);
        (!rewritten).then(|| plain::lower(text)).flatten()
    };
    if let Some(normalized) = short_way(text) {
        return normalized;
    }
    let mut normalized = pass(text, options, origin);
    for _ in 0..MAX_PASSES {
        if short_way(&normalized).is_some_and(|again| again == normalized) {
            break;
        }
        let mut next = origin.restart();
        let again = pass(&normalized, options, &mut next);
        if again == normalized {
            break;
        }
        origin.then(next);
        normalized = again;
    }
    normalized
}

fn pass(text: &str, options: &NormalizeOptions, origin: &mut Origin) -> String {
    let repaired = crate::clean::repair(text, options, origin);
    scanner::read(&repaired, options, origin)
}
