//! m and n: onset or syllabic, place of articulation, and the stop that becomes a nasal (docs/frontend.md 3.3).

use super::graphemes::{Kind, Segment};
use crate::phoneme::{set_of, unit, PhonemeId};

// Places of articulation that n assimilates to; elsewhere it stays alveolar.
const PALATALS: u128 = set_of(&["tɕ", "dʑ", "ɕ", "ɲ", "tɕɥ", "dʑɥ", "ɕɥ", "ɲɥ", "j", "ɲ̩"]);
const VELARS: u128 = set_of(&["k", "ɡ", "kʷ", "ɡʷ", "h", "hʷ", "ŋʷ", "w", "ŋ̩"]);
const LABIALS: u128 = set_of(&["p", "b", "f", "v", "m", "m̩"]);
/// The syllabic nasals that a word can begin with before the stop that they nasalize.
const CHANGING: u128 = set_of(&["m̩", "n̩", "ŋ̩"]);

/// Resolves every nasal of a word, right to left, since a nasal assimilates to the sound after it.
pub(super) fn resolve_nasals(segments: &mut [Segment]) {
    for at in (0..segments.len()).rev() {
        if let Kind::Nasal(letter) = segments[at].kind {
            let next = segments.get(at + 1).map(|next| next.kind);
            // A written tone marks the nasal as syllabic.
            let unit = if segments[at].tone.is_none() && is_onset(next, at > 0) {
                onset(letter)
            } else {
                syllabic(letter, next)
            };
            segments[at].kind = Kind::Unit(unit);
        }
    }
    nasalize_stop(segments);
}

fn is_onset(next: Option<Kind>, after_another: bool) -> bool {
    match next {
        Some(Kind::Vowel(_)) => true,
        Some(Kind::Unit(unit)) => unit.is_vowel() || unit == unit!("ɾ") && after_another,
        _ => false,
    }
}

/// The unit of m or n before its vowel.
pub(super) fn onset(letter: char) -> PhonemeId {
    if letter == 'm' {
        unit!("m")
    } else {
        unit!("n")
    }
}

fn syllabic(letter: char, next: Option<Kind>) -> PhonemeId {
    let Some(Kind::Unit(next)) = next.filter(|_| letter == 'n') else {
        return if letter == 'm' {
            unit!("m̩")
        } else {
            unit!("n̩")
        };
    };
    if next.is_in(PALATALS) {
        unit!("ɲ̩")
    } else if next.is_in(VELARS) {
        unit!("ŋ̩")
    } else if next.is_in(LABIALS) {
        unit!("m̩")
    } else {
        unit!("n̩")
    }
}

/// Word-initial mb, nd, ng: the stop becomes the nasal (mba m̩ m a), after several nasals too.
fn nasalize_stop(segments: &mut [Segment]) {
    const CHANGES: [(PhonemeId, PhonemeId, PhonemeId); 3] = [
        (unit!("m̩"), unit!("b"), unit!("m")),
        (unit!("n̩"), unit!("d"), unit!("n")),
        (unit!("ŋ̩"), unit!("ɡ"), unit!("ŋ")),
    ];
    let is_nasal =
        |segment: &&Segment| matches!(segment.kind, Kind::Unit(unit) if unit.is_in(CHANGING));
    let nasals = segments.iter().take_while(is_nasal).count();
    if nasals == 0 || nasals == segments.len() {
        return;
    }
    let (before, stop) = (segments[nasals - 1].kind, segments[nasals].kind);
    let change = CHANGES
        .iter()
        .find(|change| before == Kind::Unit(change.0) && stop == Kind::Unit(change.1));
    if let Some((.., nasal)) = change {
        segments[nasals].kind = Kind::Unit(*nasal);
    }
}
