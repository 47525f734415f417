//! Which words of a Twi text are English (docs/frontend.md 3.8).

use super::foreign::is_foreign;
use super::letters::letters;
use super::lexicon::is_name;

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
    English,
}

/// English words that people mix into Twi all day, whose spelling could be Twi though no word of Twi has it.
#[rustfmt::skip]
const LOOKALIKES: &[&str] = &[
    "again", "agenda", "agree", "alone", "anyone", "area", "brain", "damage", "data", "date", "degree", "done", "dream",
    "drama", "engine", "file", "fine", "free", "from", "future", "game", "gate", "gone", "grade", "guide", "headline",
    "heritage", "house", "human", "image", "imagine", "inside", "language", "late", "life", "like", "line", "loan",
    "lounge", "make", "manage", "marriage", "media", "minute", "mobile", "name", "nature", "new", "nine", "note",
    "now", "online", "open", "outside", "page", "pain", "premium", "prepare", "program", "programme", "promote", "radio",
    "rain", "rate", "remain", "remote", "room", "routine", "same", "some", "someone", "soon", "studio", "sure", "take",
    "team", "time", "timeline", "trade", "train", "true", "union", "wife", "window", "woman", "women", "you",
    "youtube",
];

#[rustfmt::skip]
const EITHER: &[&str] = &[
    "a", "am", "an", "are", "be", "do", "go", "he", "here", "him", "home", "how", "i", "in", "man", "men", "more", "on", "one",
    "see", "to", "too", "we", "were",
];

/// The longest row of words of either language that is taken for English.
pub(super) const LONGEST_BRIDGE: usize = 2;

pub(super) fn spelling(word: &str) -> Spelling {
    let bases: String = letters(word).iter().map(|letter| letter.base).collect();
    // No English word has ɛ or ɔ, whatever an English lexicon lists.
    if bases.contains(['ɛ', 'ɔ']) || is_name(&bases) {
        Spelling::Twi
    } else if EITHER.contains(&word) {
        Spelling::Either
    } else if LOOKALIKES.contains(&word) || is_foreign(word) {
        Spelling::English
    } else {
        Spelling::Twi
    }
}
