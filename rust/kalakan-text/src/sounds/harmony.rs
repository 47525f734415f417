//! Tongue-root harmony: selects one of two vowels for a letter (docs/frontend.md 3.4).
//!
//! e and o are ambiguous, i and u are +ATR, ɛ ɔ a are −ATR. Rules 1 to 5 in the order of the specification.

use super::graphemes::{Kind, Segment};
use crate::phoneme::{set_of, unit, PhonemeId};
use smallvec::SmallVec;

/// A vowel of a word: its letter, its position, and its tongue-root value if known.
struct Vowel {
    at: usize,
    letter: char,
    advanced: Option<bool>,
    raised: bool,
    nasal: bool,
}

/// Turns every vowel letter of a word into its unit.
pub(super) fn resolve_vowels(segments: &mut [Segment]) {
    let mut vowels = vowels(segments);
    fix_neighbors(segments, &mut vowels);
    spread_left(&mut vowels);
    raise_prefix(segments, &mut vowels);
    let mut next: Option<(usize, PhonemeId)> = None;
    for vowel in vowels.iter().rev() {
        let unit = unit_of(vowel, next);
        segments[vowel.at].kind = Kind::Unit(unit);
        next = Some((vowel.at, unit));
    }
}

fn vowels(segments: &[Segment]) -> SmallVec<[Vowel; 12]> {
    let known = |letter: char, nasal: bool| match letter {
        'i' | 'u' => Some(true),
        // The nasal mid letters have one unit only, and it is −ATR.
        'e' | 'o' if !nasal => None,
        _ => Some(false),
    };
    let vowel = |(at, segment): (usize, &Segment)| {
        let (letter, nasal) = (segment.vowel()?, segment.tilde);
        Some(Vowel {
            at,
            letter,
            advanced: known(letter, nasal),
            raised: false,
            nasal,
        })
    };
    segments.iter().enumerate().filter_map(vowel).collect()
}

/// Rules 1 and 2: e/o right after i/u, and e/o at the start of a word before a consonant.
fn fix_neighbors(segments: &[Segment], vowels: &mut [Vowel]) {
    for vowel in vowels.iter_mut().filter(|vowel| vowel.advanced.is_none()) {
        let after_high = vowel.at > 0 && matches!(segments[vowel.at - 1].vowel(), Some('i' | 'u'));
        let initial = vowel.at == 0 && segments.get(1).is_some_and(|next| next.vowel().is_none());
        if after_high || initial {
            vowel.advanced = Some(true);
        }
    }
}

/// Rule 3: a run of e/o follows the vowel after it; at the end of the word, the one before it.
fn spread_left(vowels: &mut [Vowel]) {
    let mut end = vowels.len();
    while end > 0 {
        if vowels[end - 1].advanced.is_some() {
            end -= 1;
            continue;
        }
        let start = vowels[..end]
            .iter()
            .rposition(|vowel| vowel.advanced.is_some())
            .map_or(0, |at| at + 1);
        let value = match vowels.get(end) {
            Some(next) => next.advanced,
            None => start
                .checked_sub(1)
                .and_then(|before| vowels[before].advanced),
        };
        for vowel in &mut vowels[start..end] {
            vowel.advanced = Some(value == Some(true));
        }
        end = start;
    }
}

/// Rule 4: before consonants and i/u every vowel of the verb's prefixes is raised (medi m i d i).
fn raise_prefix(segments: &[Segment], vowels: &mut [Vowel]) {
    let end = prefix_end(segments);
    let stem = &segments[end..];
    let consonants = stem
        .iter()
        .take_while(|segment| segment.vowel().is_none())
        .count();
    let high = stem.get(consonants).and_then(|segment| segment.vowel());
    if consonants > 0 && matches!(high, Some('i' | 'u')) {
        vowels
            .iter_mut()
            .filter(|vowel| vowel.at < end)
            .for_each(|vowel| vowel.raised = true);
    }
}

/// Where `^(ɔ|ɛ|yɛ|wɔ|mɛ|me|wo|mo)?(re)?(bɛ|kɔ)?` ends. The longest match is the only one that can occur
/// before consonants and i/u: a shorter one precedes a prefix, and no prefix has i or u.
fn prefix_end(segments: &[Segment]) -> usize {
    const Y: PhonemeId = unit!("j");
    const W: PhonemeId = unit!("w");
    const M: PhonemeId = unit!("m");
    let plain = |at: usize| segments.get(at).filter(|segment| !segment.tilde);
    let vowel = |at: usize| plain(at).and_then(|segment| segment.vowel());
    // A tilde on a consonant says nothing.
    let consonant = |at: usize| match segments.get(at).map(|segment| segment.kind) {
        Some(Kind::Unit(unit)) => Some(unit),
        _ => None,
    };
    let mut end = match (consonant(0), vowel(0), vowel(1)) {
        (None, Some('ɔ' | 'ɛ'), _) => 1,
        (Some(Y), _, Some('ɛ'))
        | (Some(W), _, Some('ɔ' | 'o'))
        | (Some(M), _, Some('ɛ' | 'e' | 'o')) => 2,
        _ => 0,
    };
    let pairs: [&[(PhonemeId, char)]; 2] = [
        &[(unit!("ɾ"), 'e')],
        &[(unit!("b"), 'ɛ'), (unit!("k"), 'ɔ')],
    ];
    for options in pairs {
        let found = options.iter().any(|&(onset, nucleus)| {
            consonant(end) == Some(onset) && vowel(end + 1) == Some(nucleus)
        });
        end += if found { 2 } else { 0 };
    }
    end
}

/// The unit of a vowel, given the place and unit of the next one for rule 5 (a becomes æ before +ATR).
fn unit_of(vowel: &Vowel, next: Option<(usize, PhonemeId)>) -> PhonemeId {
    let advanced = vowel.advanced == Some(true);
    match (
        vowel.letter,
        vowel.nasal,
        advanced || vowel.raised,
        vowel.raised,
    ) {
        ('i', true, ..) => unit!("ĩ"),
        ('u', true, ..) => unit!("ũ"),
        ('a', true, ..) => unit!("ã"),
        ('e', true, ..) => unit!("ɪ̃"),
        ('o', true, ..) => unit!("ʊ̃"),
        ('i', ..) | ('e', _, _, true) => unit!("i"),
        ('u', ..) | ('o', _, _, true) => unit!("u"),
        ('e', _, true, _) | ('ɛ', false, true, _) => unit!("e"),
        ('o', _, true, _) | ('ɔ', false, true, _) => unit!("o"),
        ('e', ..) => unit!("ɪ"),
        ('o', ..) => unit!("ʊ"),
        ('ɛ', ..) => unit!("ɛ"),
        ('ɔ', ..) => unit!("ɔ"),
        _ => match next {
            Some((_, unit)) if advances(unit) => unit!("æ"),
            Some((at, unit)) if unit == unit!("æ") && at == vowel.at + 1 => unit!("æ"),
            _ => unit!("a"),
        },
    }
}

fn advances(unit: PhonemeId) -> bool {
    const ADVANCED: u128 = set_of(&["i", "u", "e", "o", "ĩ", "ũ"]);
    unit.is_in(ADVANCED)
}
