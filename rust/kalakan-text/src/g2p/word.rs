//! One written word to units: from a lexicon, or by the rules.

use super::english::{self, EnglishSource};
use super::language::Language;
use super::letter_names;
use super::lexicon::Lexicon;
use crate::alphabet::is_vowel;
use crate::phoneme::{unit, PhonemeId};
use crate::sounds::{by_rules, respell, split_clitic, transfer, with_tones, Sound, ToneMode};
use crate::words::{key, letters, Letter};

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
    spelled(&letters, mode).unwrap_or_else(|| with_tones(&sounds, mode))
}

/// Most letters of a word that is spelled.
const SPELLED: usize = 5;

/// The names of the letters of a word without a vowel, as x, yd, pls and cl: consonants alone cannot be heard. Not of
/// hm and mmm, which are said, of shh, whose letters are drawn, and of the beginnings of Twi syllables, as ky.
fn spelled(letters: &[Letter], mode: ToneMode) -> Option<Vec<PhonemeId>> {
    let bases: String = letters.iter().map(|letter| letter.base).collect();
    let plain = letters
        .iter()
        .all(|letter| !letter.is_marked() && !letter.downstep);
    let consonant = |c: char| c.is_ascii_lowercase() && !is_vowel(c) && c != 'y';
    let silent = bases
        .strip_prefix('y')
        .unwrap_or(&bases)
        .chars()
        .all(consonant);
    let hummed = bases.chars().all(|c| matches!(c, 'h' | 'm' | 'n'));
    let drawn = bases.as_bytes().windows(2).any(|pair| pair[0] == pair[1]);
    let begins = matches!(
        bases.as_bytes(),
        [b'k' | b'g' | b'h', b'y'] | [b't' | b'd' | b'k' | b'g' | b'h', b'w'] | [_, b'r']
    );
    let fits = plain && silent && !(bases.len() > 1 && hummed || drawn || begins);
    let single_nasal = matches!(bases.as_str(), "m" | "n");
    if !fits || single_nasal || !(1..=SPELLED).contains(&bases.len()) {
        return None;
    }
    let mut units = Vec::new();
    for base in bases.chars() {
        if base == 'j' {
            units.extend(letter_names::J);
            continue;
        }
        let name = crate::spelling::letter_names(base.encode_utf8(&mut [0; 1]));
        units.extend(read_word(
            &name,
            Language::Twi,
            Lexicon::built_in(),
            None,
            mode,
        ));
    }
    Some(units)
}

/// The letters before an English possessive 's.
fn owner(letters: &[Letter]) -> Option<&[Letter]> {
    match letters {
        [owner @ .., last] if last.apart && last.base == 's' => Some(owner),
        _ => None,
    }
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
