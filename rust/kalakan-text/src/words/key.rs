//! Keys of words: one for all ways in which a word may be written.

use super::letters::{letters, Letter, Tone};

/// The key of a word, with its tone marks.
pub(crate) fn word_key(word: &str) -> String {
    key(&letters(word), true)
}

/// The key of a word; without `tones` its tone marks are removed.
pub(crate) fn key(letters: &[Letter], tones: bool) -> String {
    let mut key = String::with_capacity(letters.len() + 4);
    for (at, letter) in letters.iter().enumerate() {
        if letter.apart && !letter.downstep && at > 0 {
            key.push('\'');
        }
        if letter.downstep && tones {
            key.push('!');
        }
        key.push(letter.base);
        if letter.tilde {
            key.push('\u{303}');
        }
        match letter.tone.filter(|_| tones) {
            Some(Tone::High) => key.push('\u{301}'),
            Some(Tone::Low) => key.push('\u{300}'),
            Some(Tone::Mid) => key.push('\u{304}'),
            None => {}
        }
    }
    key
}

/// The letters of a word in lower case, without tone marks; an apostrophe inside it is kept.
pub(crate) fn bare_key(word: &str) -> String {
    key(&letters(word), false)
}
