//! Which words of a Twi text are English (docs/frontend.md 3.8).

use super::english::EnglishSource;
use crate::own_words::is_stand_in;
use crate::words::{common_class, english_key, is_foreign, is_name, is_twi_word, letters};

/// A language given for a stretch of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Every word is read by the rules of Twi.
    Twi,
    /// Every word is read as English, digits and signs too.
    English,
}

/// Language evidence from the spelling of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    Twi,
    /// A short word of either language: English between English words.
    Either,
    /// A word whose letters could be Twi: English next to an English word.
    Beside,
    English,
}

/// Endings of English words that Twi words do not have, except names.
const ENDINGS: [&str; 8] = ["tion", "sion", "ture", "sure", "ium", "age", "ian", "ean"];

/// Minimum letters of a word with such an ending to be English next to English, and anywhere.
const LONG_BESIDE: usize = 6;
const LONG: usize = 7;

/// Maximum number of words that are treated as English between two English words.
pub(super) const LONGEST_BRIDGE: usize = 2;

pub(super) fn spelling(word: &str, more: Option<&EnglishSource>) -> Spelling {
    let letters = letters(word);
    let bases: String = letters.iter().map(|letter| letter.base).collect();
    // No English word has ɛ or ɔ, even if an English lexicon lists it.
    if bases.contains(['ɛ', 'ɔ']) || is_name(&bases) || is_stand_in(&bases) {
        return Spelling::Twi;
    }
    match common_class(&english_key(&letters)) {
        Some("either") => Spelling::Either,
        Some("beside") => Spelling::Beside,
        Some(_) => Spelling::English,
        None if is_foreign(word) => Spelling::English,
        None if is_rare_english(&bases, more) => {
            if bases.len() < LONG {
                Spelling::Beside
            } else {
                Spelling::English
            }
        }
        None => Spelling::Twi,
    }
}

/// Returns whether a word that could be Twi by its letters is one of the English words that `more` adds to
/// the common ones. That lexicon has many Twi names too, so the word's ending has to be English as well.
fn is_rare_english(bases: &str, more: Option<&EnglishSource>) -> bool {
    bases.len() >= LONG_BESIDE
        && ENDINGS.iter().any(|end| bases.ends_with(end))
        && !is_twi_word(bases)
        && more
            .and_then(EnglishSource::lexicon)
            .is_some_and(|lexicon| lexicon.phones(bases).is_some())
}
