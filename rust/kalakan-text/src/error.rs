//! Errors of the text front-end. Converting a text never fails; only tables and lexicons can be invalid.

use std::fmt;

/// An error of the text front-end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextError {
    /// A unit is not in the closed phoneme table.
    UnknownPhoneme {
        /// The symbol as written.
        symbol: String,
        /// Where it occurred: a unit string, a lexicon line.
        place: String,
    },
    /// A user lexicon has a line or an entry that cannot be used.
    Lexicon {
        /// The line or the entry.
        place: String,
        /// The problem.
        reason: String,
    },
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPhoneme { symbol, place } => {
                write!(
                    f,
                    "{symbol:?} in {place} is not a symbol of the phoneme table"
                )
            }
            Self::Lexicon { place, reason } => write!(f, "{place}: {reason}"),
        }
    }
}

impl std::error::Error for TextError {}
