//! Tones of unmarked Twi: from what sources say of words, from the form of a verb, from the words beside it.
//!
//! `data/TONES.md` names the sources and the rules. Nothing is predicted for foreign words and for names without
//! evidence; what the writer marks stays as it is written, and its neighbours take notice of it.

mod noun;
mod pattern;
mod phrase;
mod rule;
mod table;
mod verb;
mod word;
mod write;

pub use rule::{Confidence, Rules};
pub use write::Explained;

pub(crate) use phrase::{Decided, Phrase};
pub(crate) use word::{analyze, Tonal};

/// Where the tones of a text come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tones {
    /// Only from the marks that are written.
    #[default]
    Written,
    /// From these, and on words without marks from rules and tables.
    Predicted,
}
