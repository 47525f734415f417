//! Names of letters that are Twi words too: j and "received", o and the exclamation.

use std::ops::Range;

use super::graphemes::unit;
use crate::phoneme::{id_of, PhonemeId};
use crate::spelling::is_letter_name;

/// Returns the units of the word at `place` if it is such a name: next to another letter, as in OTP and J. B.
pub(super) fn contested(text: &str, place: &Range<usize>) -> Option<&'static [PhonemeId]> {
    const J: &[PhonemeId] = &[unit!("dʑ"), unit!("e"), unit!("e")];
    const O: &[PhonemeId] = &[unit!("o"), unit!("o")];
    let units = match &text[place.clone()] {
        "gyee" => J,
        "oo" => O,
        _ => return None,
    };
    let before = text[..place.start].strip_suffix(' ').unwrap_or_default();
    let before = before.rsplit(' ').next().unwrap_or_default();
    let after = text[place.end..].strip_prefix(' ').unwrap_or_default();
    let end = after
        .find(|c: char| !c.is_alphabetic())
        .unwrap_or(after.len());
    (is_letter_name(before) || is_letter_name(&after[..end])).then_some(units)
}
