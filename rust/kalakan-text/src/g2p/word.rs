//! One written word to sounds: letters, segments, nasals, vowels.

use smallvec::SmallVec;

use super::english::{self, EnglishSource};
use super::graphemes::{first_letters, segments, unit, Kind};
use super::harmony::resolve_vowels;
use super::language::Language;
use super::letters::{letters, Letter, Tone, SHORT};
use super::lexicon::{key, Lexicon};
use super::loan::respell;
use super::nasal::{onset, resolve_nasals};
use super::tone::{transfer, with_tones, Sound, ToneMode};
use crate::phoneme::{id_of, PhonemeId, UNK};

/// Reads a word: the user's lexicon, then the built-in one, then common English and `wider` if the word is English,
/// then the rules.
pub(super) fn read_word(
    word: &str,
    language: Language,
    user: &Lexicon,
    wider: Option<&EnglishSource>,
    mode: ToneMode,
) -> Vec<PhonemeId> {
    let letters = letters(word);
    let is_english = language == Language::English;
    if !user.is_empty() {
        if let Some(reading) = user.get(&key(&letters, true)) {
            return reading.to_vec();
        }
    }
    let (clitic, host) = split_clitic(&letters);
    let sounds = if is_english {
        by_rules(clitic, &respell(host))
    } else {
        by_rules(clitic, host)
    };
    for lexicon in [user, Lexicon::built_in()] {
        if let Some(reading) = lexicon.find(&letters) {
            return with_marks(reading, &sounds, mode);
        }
        if let Some((clitic, reading)) = clitic.zip(clitic.and_then(|_| lexicon.find(host))) {
            return with_marks(&[&[clitic], reading].concat(), &sounds, mode);
        }
        let owner = owner(&letters).and_then(|owner| lexicon.find(owner));
        if let Some(reading) = owner {
            return with_marks(&[reading, &[unit!("s")]].concat(), &sounds, mode);
        }
    }
    let reading = is_english.then(|| english::find(&letters, wider)).flatten();
    if let Some(reading) = reading {
        return with_marks(&reading, &sounds, mode);
    }
    with_tones(&sounds, mode)
}

/// The letters before an English possessive 's.
fn owner(letters: &[Letter]) -> Option<&[Letter]> {
    match letters {
        [owner @ .., last] if last.apart && last.base == 's' => Some(owner),
        _ => None,
    }
}

/// Reads a word by the rules alone, without tones.
pub(super) fn read_by_rules(word: &str) -> Vec<PhonemeId> {
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

/// The letters of a word in lower case, without tone marks; an apostrophe inside it is kept.
pub(crate) fn bare_key(word: &str) -> String {
    key(&letters(word), false)
}

/// Splits the clitic m', n' or w' from its vowel-initial host. The host keeps the form that it has alone,
/// so what the rules say of the start of a word holds for it.
fn split_clitic(letters: &[Letter]) -> (Option<PhonemeId>, &[Letter]) {
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

fn by_rules(clitic: Option<PhonemeId>, host: &[Letter]) -> SmallVec<[Sound; SHORT]> {
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

/// Marks written on a word override the tones of its lexicon entry, where they can be placed.
fn with_marks(reading: &[PhonemeId], written: &[Sound], mode: ToneMode) -> Vec<PhonemeId> {
    if written
        .iter()
        .all(|sound| sound.tone.is_none() && !sound.downstep)
    {
        return reading.to_vec();
    }
    transfer(written, reading).map_or_else(|| reading.to_vec(), |sounds| with_tones(&sounds, mode))
}
