//! Fast path for text that is already words and marks.

use crate::alphabet::{is_base_letter, is_mark, is_vowel};

use super::abbreviation::{is_abbreviation, is_bare_suffix, is_bare_title};
use super::capitals::is_small_initials;
use super::date::is_short_day;

/// Returns `text` in lower case if that is all it takes to normalize it.
pub(super) fn lower(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut word = 0;
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        let fits = match c {
            'a'..='z' | 'ɛ' | 'ɔ' => true,
            'A'..='Z' | 'Ɛ' | 'Ɔ' => !is_part_of_word(before) && next.is_some_and(is_lower),
            ' ' => next.is_some_and(is_part_of_word) && before != ' ',
            '\'' => is_part_of_word(before) && next.is_some_and(is_part_of_word),
            '\u{300}' | '\u{301}' | '\u{304}' | '\u{303}' => {
                matches!(before, 'ɛ' | 'ɔ' | 'Ɛ' | 'Ɔ')
            }
            _ if is_composed(c) => true,
            _ if is_mark(c) => is_part_of_word(before) && matches!(next, None | Some(' ')),
            _ => false,
        };
        if !fits {
            return None;
        }
        // Spaces, apostrophes and all marks but one come before the letters in ASCII.
        if (c < 'A' || c == '…') && is_read_otherwise(&out[word..], &text[word..out.len()]) {
            return None;
        }
        if c == '.' && !is_open(&out[word..]) || c == ' ' && is_bare_title(&text[word..out.len()]) {
            return None;
        }
        out.push(crate::alphabet::lower(c));
        if c == ' ' {
            word = out.len();
        }
        before = c;
    }
    (!is_read_otherwise(&out[word..], &text[word..])).then_some(out)
}

/// Returns whether a word, in small letters and as written, has a reading other than its letters wherever it stands.
fn is_read_otherwise(low: &str, written: &str) -> bool {
    is_small_initials(low) || is_bare_suffix(written) || is_short_day(written)
}

fn is_lower(c: char) -> bool {
    c.is_ascii_lowercase() || matches!(c, 'ɛ' | 'ɔ' | '\'') || is_composed(c)
}

fn is_part_of_word(c: char) -> bool {
    is_base_letter(c)
        || is_composed(c)
        || matches!(c, '\u{300}' | '\u{301}' | '\u{303}' | '\u{304}')
}

/// Lower-case Twi vowels and nasals with a mark, in their composed form.
fn is_composed(c: char) -> bool {
    matches!(
        c,
        'à' | 'á'
            | 'ā'
            | 'ã'
            | 'è'
            | 'é'
            | 'ē'
            | 'ẽ'
            | 'ì'
            | 'í'
            | 'ī'
            | 'ĩ'
            | 'ò'
            | 'ó'
            | 'ō'
            | 'õ'
            | 'ù'
            | 'ú'
            | 'ū'
            | 'ũ'
            | 'ǹ'
            | 'ń'
            | 'ḿ'
    )
}

/// Returns whether a dot after `word` can only end a sentence.
fn is_open(word: &str) -> bool {
    !is_abbreviation(word) && (word.len() > 1 || word.starts_with(is_vowel))
}
