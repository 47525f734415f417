//! Names of letters that are Twi words too: j and "received", o and the exclamation.

use std::ops::Range;
use std::sync::LazyLock;

use unicode_normalization::char::is_combining_mark;

use crate::alphabet::is_vowel;
use crate::phoneme::{unit, PhonemeId};
use crate::sounds::{by_rules, with_tones, ToneMode};
use crate::spelling::is_letter_name;
use crate::words::{bare_key, letters};

/// The name of the letter j; as a word its spelling is "received".
pub(super) const J: &[PhonemeId] = &[unit!("dʑ"), unit!("e"), unit!("e")];

/// The sounds of the consonants, for stammers.
static CONSONANTS: LazyLock<Vec<(char, Vec<PhonemeId>)>> = LazyLock::new(|| {
    let sound = |c: char| {
        let sounds = by_rules(None, &letters(c.encode_utf8(&mut [0; 1])));
        (c, with_tones(&sounds, ToneMode::Full))
    };
    ('b'..='z').filter(|c| !is_vowel(*c)).map(sound).collect()
});

/// Most repetitions of a consonant before its word.
const STAMMER: usize = 8;

/// Returns the sound of the consonant at `place` if it begins the next word as well: "k kofi" is a stammer.
pub(super) fn stammered(text: &str, place: &Range<usize>) -> Option<&'static [PhonemeId]> {
    if place.len() != 1 {
        return None;
    }
    let letter = text[place.clone()].chars().next()?;
    let (_, sounds) = CONSONANTS.iter().find(|(c, _)| *c == letter)?;
    let mut next = text[place.end..].strip_prefix(' ')?;
    for _ in 0..STAMMER {
        let again = next.strip_prefix(letter);
        let Some(rest) = again.and_then(|rest| rest.strip_prefix(' ')) else {
            break;
        };
        next = rest;
    }
    let word = next.strip_prefix(letter)?;
    word.starts_with(char::is_alphabetic).then_some(sounds)
}

/// Returns the units of the word at `place` if it is such a name: next to another letter, as in OTP and J. B.
pub(super) fn contested(text: &str, place: &Range<usize>) -> Option<&'static [PhonemeId]> {
    const O: &[PhonemeId] = &[unit!("o"), unit!("o")];
    if !matches!(place.len(), 2 | 4) {
        return None;
    }
    let units = match &text[place.clone()] {
        "gyee" => J,
        "oo" => O,
        _ => return None,
    };
    let before = text[..place.start].strip_suffix(' ').unwrap_or_default();
    let before = before.rsplit(' ').next().unwrap_or_default();
    let after = text[place.end..].strip_prefix(' ').unwrap_or_default();
    let end = after
        .find(|c: char| !c.is_alphabetic() && !is_combining_mark(c))
        .unwrap_or(after.len());
    // A letter's name with its tones marked is one too.
    let is_letter = |word: &str| is_letter_name(&bare_key(word));
    (is_letter(before) || is_letter(&after[..end])).then_some(units)
}
