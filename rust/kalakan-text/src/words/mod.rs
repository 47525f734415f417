//! Written words and the lists of them that several stages ask: what is Twi, what is English, what cannot be either.

mod english;
mod exceptions;
mod foreign;
mod key;
mod letters;
mod names;
mod twi;

pub use english::EnglishLexicon;
pub(crate) use english::{common_class, common_phones, english_key, is_common_english};
pub(crate) use exceptions::readings;
pub use foreign::is_foreign;
pub(crate) use key::{bare_key, key, word_key};
pub(crate) use letters::{letters, Letter, Tone, DOWNSTEPS, SHORT};
pub(crate) use names::{is_name, names};
pub(crate) use twi::is_twi_word;
