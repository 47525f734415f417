//! The rules from letters to sounds, for one word.

mod graphemes;
mod harmony;
mod loan;
mod nasal;
mod rules;
mod syllable;
mod tone;

pub(crate) use graphemes::is_unknown;
pub(crate) use loan::respell;
pub(crate) use rules::{by_rules, nuclei, read_by_rules, split_clitic, Nucleus};
pub use syllable::syllables;
pub use tone::ToneMode;
pub(crate) use tone::{transfer, with_tones, Sound};
