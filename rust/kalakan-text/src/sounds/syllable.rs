//! Syllables `V`, `CV`, `CrV` and `N` (docs/frontend.md 3.7).

use crate::phoneme::{unit, PhonemeId};

/// Splits a word's units into syllables. A tone unit stays with its nucleus; a consonant that fits no onset
/// (loans only) closes the syllable before it, or opens the first one.
/// Boundaries and pauses separate words and are omitted.
pub fn syllables(units: &[PhonemeId]) -> Vec<Vec<PhonemeId>> {
    let silent = |unit: &PhonemeId| unit.is_pause() || unit.row().class == "boundary";
    units.split(silent).flat_map(word_syllables).collect()
}

fn word_syllables(units: &[PhonemeId]) -> Vec<Vec<PhonemeId>> {
    let mut found: Vec<Vec<PhonemeId>> = Vec::new();
    let mut waiting: Vec<PhonemeId> = Vec::new();
    for &unit in units {
        if unit.is_tone() && waiting.is_empty() {
            found.last_mut().unwrap_or(&mut waiting).push(unit);
        } else if unit.is_nucleus() {
            let onset = if unit.is_vowel() {
                onset_start(&waiting)
            } else {
                waiting.len()
            };
            let onset = if found.is_empty() { 0 } else { onset };
            let mut syllable = waiting.split_off(onset);
            if let Some(last) = found.last_mut() {
                last.append(&mut waiting);
            }
            syllable.push(unit);
            found.push(syllable);
        } else {
            waiting.push(unit);
        }
    }
    if let Some(last) = found.last_mut() {
        last.append(&mut waiting);
    } else if !waiting.is_empty() {
        found.push(waiting);
    }
    found
}

/// Index of the onset in the consonants before a vowel: the last one, or the last two if the last is ɾ.
fn onset_start(consonants: &[PhonemeId]) -> usize {
    let tap = consonants.last() == Some(&unit!("ɾ"));
    consonants.len().saturating_sub(if tap { 2 } else { 1 })
}
