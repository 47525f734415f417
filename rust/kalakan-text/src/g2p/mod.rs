//! Words to units and text to ids.

mod built_in;
mod english;
mod entry;
mod fold;
mod language;
mod letter_names;
mod lexicon;
mod reader;
mod sequence;
mod text;
mod word;

pub use english::EnglishSource;
pub use language::Language;
pub use lexicon::Lexicon;
pub use reader::{G2pOptions, TwiG2p};
