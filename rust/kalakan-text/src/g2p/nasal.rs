//! m and n: onset or syllabic, place of articulation, and the stop that becomes a nasal (FRONTEND 3.3).

use super::graphemes::{unit, Kind, Segment};
use crate::phoneme::{id_of, PhonemeId};

/// Resolves every nasal of a word, right to left, since a nasal takes the place of what follows it.
pub(super) fn resolve_nasals(segments: &mut [Segment]) {
    for at in (0..segments.len()).rev() {
        if let Kind::Nasal(letter) = segments[at].kind {
            let next = segments.get(at + 1).map(|next| next.kind);
            // A written tone says that the nasal is a syllable.
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
        Some(Kind::Unit(unit)) => unit == unit!("ɾ") && after_another,
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
    match next.symbol().unwrap_or_default() {
        "tɕ" | "dʑ" | "ɕ" | "ɲ" | "tɕɥ" | "dʑɥ" | "ɕɥ" | "ɲɥ" | "j" | "ɲ̩" => {
            unit!("ɲ̩")
        }
        "k" | "ɡ" | "kʷ" | "ɡʷ" | "h" | "hʷ" | "ŋʷ" | "w" | "ŋ̩" => unit!("ŋ̩"),
        "p" | "b" | "f" | "v" | "m" | "m̩" => unit!("m̩"),
        _ => unit!("n̩"),
    }
}

/// Word-initial mb, nd, ng: the stop is said as the nasal (mba m̩ m a), after several nasals too.
fn nasalize_stop(segments: &mut [Segment]) {
    let symbol = |segment: &Segment| match segment.kind {
        Kind::Unit(unit) => unit.symbol(),
        _ => None,
    };
    let is_nasal = |segment: &&Segment| matches!(symbol(segment), Some("m̩" | "n̩" | "ŋ̩"));
    let nasals = segments.iter().take_while(is_nasal).count();
    if nasals == 0 || nasals == segments.len() {
        return;
    }
    let nasal = match (symbol(&segments[nasals - 1]), symbol(&segments[nasals])) {
        (Some("m̩"), Some("b")) => unit!("m"),
        (Some("n̩"), Some("d")) => unit!("n"),
        (Some("ŋ̩"), Some("ɡ")) => unit!("ŋ"),
        _ => return,
    };
    segments[nasals].kind = Kind::Unit(nasal);
}
