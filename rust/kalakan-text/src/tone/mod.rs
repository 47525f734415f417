//! Tones of unmarked Twi: from word lists of the sources, from verb forms, from neighboring words.
//!
//! `data/TONES.md` names the sources and the rules. Nothing is predicted for foreign words and for names without
//! evidence; written marks are kept, and the tones of their neighbors depend on them.

mod noun;
mod pattern;
mod phrase;
mod rule;
mod table;
mod verb;
mod word;

pub use rule::{Confidence, Rules};

pub(crate) use pattern::Pattern;
pub(crate) use phrase::{Decided, Phrase};
pub(crate) use word::{analyze, Tonal};

/// Where the tones of a text come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tones {
    /// Only the written marks.
    #[default]
    Written,
    /// The written marks, and rules and tables for words without marks.
    Predicted,
}
