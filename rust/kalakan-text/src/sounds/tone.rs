//! Written tone to tone units, each directly after its vowel or syllabic nasal (docs/frontend.md 3.6).

use crate::phoneme::{unit, PhonemeId};
use crate::words::Tone;

/// How the tone marks of a text are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ToneMode {
    /// A mark is on every syllable whose tone is known; an unmarked syllable has no known tone.
    #[default]
    Full,
    /// A mark is where the tone changes: bare before the first mark is low, bare after a mark is as the mark.
    Economic,
}

/// A unit with the marks that were written on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sound {
    pub unit: PhonemeId,
    pub tone: Option<Tone>,
    pub downstep: bool,
}

/// Units of a word with its tone units inline. A word without any mark gets none in either mode.
pub(crate) fn with_tones(sounds: &[Sound], mode: ToneMode) -> Vec<PhonemeId> {
    let marked = sounds
        .iter()
        .any(|sound| sound.tone.is_some() || sound.downstep);
    if !marked {
        return sounds.iter().map(|sound| sound.unit).collect();
    }
    let mut units = Vec::with_capacity(2 * sounds.len());
    let mut spreading = (mode == ToneMode::Economic).then_some(Tone::Low);
    let mut downstep = false;
    for sound in sounds {
        units.push(sound.unit);
        downstep |= sound.downstep;
        if !sound.unit.is_nucleus() {
            continue;
        }
        if downstep {
            units.push(unit!("ꜜ"));
        }
        // Only a high tone is stepped down, so in economic marking the downstep alone implies high.
        let stepped = (downstep && spreading.is_some()).then_some(Tone::High);
        let tone = sound.tone.or(stepped).or(spreading);
        spreading = spreading.and(tone);
        units.extend(tone.map(tone_unit));
        downstep = false;
    }
    units
}

/// Transfers the marks of a written word to a lexicon entry, nucleus by nucleus.
/// `None` if the two have different numbers of nuclei: the marks cannot be placed then.
pub(crate) fn transfer(written: &[Sound], reading: &[PhonemeId]) -> Option<Vec<Sound>> {
    let marks = nuclei_marks(written);
    let bare: Vec<PhonemeId> = reading
        .iter()
        .copied()
        .filter(|unit| !unit.is_tone())
        .collect();
    if marks.len() != bare.iter().filter(|unit| unit.is_nucleus()).count() {
        return None;
    }
    let mut marks = marks.into_iter();
    let sound = |unit: PhonemeId| {
        let (tone, downstep) = if unit.is_nucleus() {
            marks.next().unwrap_or_default()
        } else {
            (None, false)
        };
        Sound {
            unit,
            tone,
            downstep,
        }
    };
    Some(bare.into_iter().map(sound).collect())
}

fn nuclei_marks(sounds: &[Sound]) -> Vec<(Option<Tone>, bool)> {
    let mut downstep = false;
    let mut marks = Vec::new();
    for sound in sounds {
        downstep |= sound.downstep;
        if sound.unit.is_nucleus() {
            marks.push((sound.tone, std::mem::take(&mut downstep)));
        }
    }
    marks
}

fn tone_unit(tone: Tone) -> PhonemeId {
    match tone {
        Tone::High => unit!("˥"),
        Tone::Low => unit!("˩"),
        Tone::Mid => unit!("˧"),
    }
}
