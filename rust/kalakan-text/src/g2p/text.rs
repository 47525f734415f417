//! A normalized text to ids: its words and pauses in order.

use super::language::Language;
use super::letter_names;
use super::reader::TwiG2p;
use super::sequence::{Sequence, Spoken};
use crate::phoneme::{unit, PhonemeId};
use crate::tone::Tones;
use crate::words::DOWNSTEPS;

impl TwiG2p {
    /// Ids of a normalized text. `_` separates two words, a pause mark directly after the last unit of
    /// its word and in place of the `_`. A mark before the first word is dropped, of several in a row the
    /// first one is kept.
    pub fn text_to_ids(&self, text: &str) -> Vec<PhonemeId> {
        self.read_words(text, None, None, |_| {})
    }

    /// Does what [`text_to_ids`](Self::text_to_ids) does in a language, with the tones from another source where they
    /// are given, and reports every word with a sound.
    pub(crate) fn read_words(
        &self,
        text: &str,
        language: Option<Language>,
        tones: Option<Tones>,
        found: impl FnMut(Spoken),
    ) -> Vec<PhonemeId> {
        let tones = tones.unwrap_or(self.tones);
        let mut sequence = Sequence::new(self, text, tones, found);
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let length = word_length(rest);
            if length > 0 {
                let start = text.len() - rest.len();
                let place = start..start + length;
                let named = letter_names::contested(text, &place);
                match named.or_else(|| letter_names::stammered(text, &place)) {
                    Some(units) => sequence.letter(place, units),
                    None => sequence.word(place, language),
                }
                rest = &rest[length..];
                continue;
            }
            if let Some(pause) = pause(c) {
                sequence.pause(pause);
            }
            rest = &rest[c.len_utf8()..];
        }
        sequence.finish()
    }
}

/// Length in bytes of the word at the start of a text: letters with their marks, and inside it apostrophes, hyphens and
/// downstep marks that a letter follows. 0 if there is none.
fn word_length(text: &str) -> usize {
    // Words of plain small letters before a space or a mark are by far the most common.
    let plain = plain_length(text.as_bytes());
    match text.as_bytes().get(plain) {
        None | Some(b' ' | b',' | b'.' | b'?' | b':' | b';') => return plain,
        _ => {}
    }
    let mut length = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next_is_letter = chars
            .peek()
            .is_some_and(|&(_, next)| next.is_alphanumeric());
        if c.is_alphanumeric() || (length > 0 && unicode_normalization::char::is_combining_mark(c))
        {
            length = at + c.len_utf8();
        } else if !(next_is_letter
            && (DOWNSTEPS.contains(&c) || (length > 0 && matches!(c, '\'' | '’' | '-'))))
        {
            break;
        }
    }
    length
}

/// Length in bytes of the run of small letters of the alphabet at the start of a text.
fn plain_length(text: &[u8]) -> usize {
    let mut length = 0;
    loop {
        length += match text[length..] {
            [b'a'..=b'z', ..] => 1,
            // ɛ and ɔ
            [0xC9, 0x9B | 0x94, ..] => 2,
            _ => return length,
        }
    }
}

fn pause(c: char) -> Option<PhonemeId> {
    Some(match c {
        ',' => unit!(","),
        '.' => unit!("."),
        '?' => unit!("?"),
        '!' => unit!("!"),
        ';' => unit!(";"),
        ':' => unit!(":"),
        '…' => unit!("…"),
        _ => return None,
    })
}
