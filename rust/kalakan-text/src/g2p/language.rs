//! Which words of a Twi text are English (docs/frontend.md 3.8).

use super::english::{common_class, entry, EnglishSource};
use super::foreign::is_foreign;
use super::letters::letters;
use super::lexicon::is_name;
use super::twi_words::is_twi_word;
use crate::own_words::is_stand_in;

/// A language that a stretch of text is said to be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Every word is read by the rules of Twi.
    Twi,
    /// Every word is read as English, digits and signs too.
    English,
}

/// What the spelling of a word says of its language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    Twi,
    /// A short word of either language: English where English words stand on both sides of it.
    Either,
    /// A word whose letters could be Twi: English where an English word stands beside it.
    Beside,
    English,
}

/// Ends of English words that words of Twi do not have, but for names.
const ENDINGS: [&str; 8] = ["tion", "sion", "ture", "sure", "ium", "age", "ian", "ean"];

/// Letters from which a word with such an end is English beside English, and anywhere.
const LONG_BESIDE: usize = 6;
const LONG: usize = 7;

/// The longest row of words that is taken for English between two English words.
pub(super) const LONGEST_BRIDGE: usize = 2;

pub(super) fn spelling(word: &str, more: Option<&EnglishSource>) -> Spelling {
    let letters = letters(word);
    let bases: String = letters.iter().map(|letter| letter.base).collect();
    // No English word has ɛ or ɔ, whatever an English lexicon lists.
    if bases.contains(['ɛ', 'ɔ']) || is_name(&bases) || is_stand_in(&bases) {
        return Spelling::Twi;
    }
    match common_class(&entry(&letters)) {
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

/// Tells whether a word that could be Twi by its letters is one of the English words that `more` has beside
/// the common ones. That lexicon has many Twi names too, so the end of the word has to be English as well.
fn is_rare_english(bases: &str, more: Option<&EnglishSource>) -> bool {
    bases.len() >= LONG_BESIDE
        && ENDINGS.iter().any(|end| bases.ends_with(end))
        && !is_twi_word(bases)
        && more
            .and_then(EnglishSource::lexicon)
            .is_some_and(|lexicon| lexicon.phones(bases).is_some())
}
