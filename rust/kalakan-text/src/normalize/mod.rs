//! Written Twi to spoken Twi: numbers, money, dates and the like become words.
//!
//! One scanner walks the repaired text once. Each class of number or word is a file that adds its
//! rules to the scanner; the order in which they are tried is in `rules.rs`.

mod abbreviation;
mod address;
mod arithmetic;
mod aside;
mod bible;
mod capitals;
mod clock;
mod code;
mod currency;
mod date;
mod doubled;
mod duration;
pub(crate) mod english;
mod marks;
mod number;
mod ordinal;
mod people;
mod phone;
mod plain;
mod quantity;
mod read;
mod rules;
mod scanner;
mod spoken;
mod unit;
mod value;
mod word;

pub use crate::options::{ChatSpelling, NormalizeOptions, Variety};
pub(crate) use abbreviation::{keeps_sentence, keeps_sentence_before, may_end_sentence};
pub use number::number_words;

use std::collections::BTreeMap;

use crate::clean::{has_chat_letters, may_be_drawn};
use crate::traced::Traced;

/// A second pass resolves what the first one uncovered; deeper nesting does not occur in text.
const MAX_PASSES: usize = 6;

/// Returns `text` as words and pause marks only, in the closed alphabet of normalized text.
///
/// Total, idempotent, NFC, lower case; no digit is dropped without a word for it.
pub fn normalize(text: &str, options: &NormalizeOptions) -> String {
    normalize_traced(Traced::plain(text), options)
        .into_text()
        .into_owned()
}

/// Does what [`normalize`] does and counts the characters that have no reading, as letters of other scripts and emoji.
/// Whitespace, quotes, brackets, invisible characters and marks of emphasis are visual only and not counted.
pub fn normalize_counting(text: &str, options: &NormalizeOptions) -> (String, BTreeMap<char, u64>) {
    normalize_traced(Traced::counting(text), options).into_parts()
}

/// Does what [`normalize`] does and records the source positions of the result.
pub(crate) fn normalize_traced<'t>(text: Traced<'t>, options: &NormalizeOptions) -> Traced<'t> {
    // Only chat spelling replaces letters of the alphabet.
    let short_way = |text: &str| {
        let rewritten = has_chat_letters(text, options.chat) || may_be_drawn(text);
        (!rewritten).then(|| plain::lower(text)).flatten()
    };
    if let Some(normalized) = short_way(text.text()) {
        return text.in_place(normalized);
    }
    let mut normalized = pass(text, options);
    for _ in 0..MAX_PASSES {
        if short_way(normalized.text()).is_some_and(|again| again == normalized.text()) {
            break;
        }
        let again = pass(normalized.fresh(), options);
        if again.text() == normalized.text() {
            break;
        }
        normalized = normalized.then(again);
    }
    normalized
}

fn pass<'t>(text: Traced<'t>, options: &NormalizeOptions) -> Traced<'t> {
    crate::clean::repair(text, options).rewrite(|text, writer| read::read(text, options, writer))
}
