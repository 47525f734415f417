//! A written word to sounds by the rules alone: segments, nasals, vowels (docs/frontend.md 3).

use smallvec::SmallVec;

use super::graphemes::{first_letters, segments, Kind};
use super::harmony::resolve_vowels;
use super::nasal::{onset, resolve_nasals};
use super::tone::Sound;
use crate::phoneme::{unit, PhonemeId, UNK};
use crate::words::{letters, Letter, Tone, SHORT};

/// Reads a word by the rules alone, without tones.
pub(crate) fn read_by_rules(word: &str) -> Vec<PhonemeId> {
    let sounds = by_rules(None, &letters(word));
    sounds.iter().map(|sound| sound.unit).collect()
}

/// A vowel or syllabic nasal of a written word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nucleus {
    /// The mark on its letter; a high that is stepped down is `Mid`, however it is written.
    pub tone: Option<Tone>,
    /// Index of its letter in the word.
    pub letter: usize,
}

/// The nuclei of a word as read by the rules without its marks, and the marks on their letters.
pub(crate) fn nuclei(word: &str) -> SmallVec<[Nucleus; 12]> {
    let marked = letters(word);
    let mut bare = marked.clone();
    for letter in &mut bare {
        (letter.tone, letter.downstep) = (None, false);
    }
    let (clitic, host) = split_clitic(&bare);
    let before = bare.len() - host.len();
    let sounds = by_rules(clitic, host);
    let places = first_letters(host);
    let places = clitic
        .map(|_| 0)
        .into_iter()
        .chain(places.iter().map(|at| before + at));
    let mut found = SmallVec::new();
    let mut stepped = 0;
    for (sound, letter) in sounds.iter().zip(places) {
        if sound.unit.is_nucleus() {
            let downstep = marked[stepped..=letter]
                .iter()
                .any(|letter| letter.downstep);
            stepped = letter + 1;
            let tone = if downstep {
                Some(Tone::Mid)
            } else {
                marked[letter].tone
            };
            found.push(Nucleus { tone, letter });
        }
    }
    found
}

/// Splits the clitic m', n' or w' from its vowel-initial host. The host keeps the form that it has alone,
/// so what the rules say of the start of a word holds for it.
pub(crate) fn split_clitic(letters: &[Letter]) -> (Option<PhonemeId>, &[Letter]) {
    match letters {
        [first, host @ ..]
            if host
                .first()
                .is_some_and(|next| next.apart && next.is_vowel()) =>
        {
            let clitic = match first.base {
                _ if first.is_marked() => return (None, letters),
                'm' | 'n' => onset(first.base),
                'w' if host[0].is_front_vowel() => unit!("ɥ"),
                'w' => unit!("w"),
                _ => return (None, letters),
            };
            (Some(clitic), host)
        }
        _ => (None, letters),
    }
}

/// The sounds of a host with the clitic before it.
pub(crate) fn by_rules(clitic: Option<PhonemeId>, host: &[Letter]) -> SmallVec<[Sound; SHORT]> {
    let mut segments = segments(host);
    resolve_nasals(&mut segments);
    resolve_vowels(&mut segments);
    let clitic = clitic.map(|unit| Sound {
        unit,
        tone: None,
        downstep: false,
    });
    let sounds = segments.into_iter().map(|segment| {
        let unit = match segment.kind {
            Kind::Unit(unit) => unit,
            Kind::Nasal(_) | Kind::Vowel(_) => UNK,
        };
        Sound {
            unit,
            tone: segment.tone,
            downstep: segment.downstep,
        }
    });
    clitic.into_iter().chain(sounds).collect()
}
