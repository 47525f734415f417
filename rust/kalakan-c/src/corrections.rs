//! Corrections of a voice's prosody and level; the rules are those of `kalakan.voices.corrections`.

use std::collections::HashMap;

use kalakan_text::PhonemeId;

use crate::reading::marks::{ends_sentence, is_mark, EXCLAMATION, QUESTION};

/// Share of the final fall that the last nucleus but one takes.
const PENULTIMATE: f64 = 0.6;
/// Share of the nuclei of a phrase that must have a tone for `with_tones` to apply in full.
const ENOUGH_TONES: f64 = 0.5;

/// Classes of units whose durations can be corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sound {
    ShortVowel,
    LongVowel,
    SyllabicNasal,
    PhraseEnd,
    StatementEnd,
    QuestionEnd,
    Pause,
}

impl Sound {
    /// Every class, by its name in `voice.json`.
    pub(crate) const NAMES: [(&'static str, Self); 7] = [
        ("short_vowel", Self::ShortVowel),
        ("long_vowel", Self::LongVowel),
        ("syllabic_nasal", Self::SyllabicNasal),
        ("phrase_end", Self::PhraseEnd),
        ("statement_end", Self::StatementEnd),
        ("question_end", Self::QuestionEnd),
        ("pause", Self::Pause),
    ];
}

/// Corrections of prosody; the defaults change nothing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Corrections {
    /// Factor of log F0 around the speaker's mean.
    pub pitch_range: f64,
    /// Semitones by which the end of a sentence is lower than its beginning.
    pub decline: f64,
    /// Semitones by which the last nucleus of a statement is lower.
    pub statement_fall: f64,
    /// The same for a question.
    pub question_fall: f64,
    /// Semitones by which all of an exclamation is higher.
    pub exclamation_rise: f64,
    /// Whether decline and falls apply in proportion to the nuclei with a tone.
    pub with_tones: bool,
    /// Factor of the duration of each class of `Sound::NAMES`.
    pub durations: [f64; Sound::NAMES.len()],
}

impl Default for Corrections {
    fn default() -> Self {
        Self {
            pitch_range: 1.0,
            decline: 0.0,
            statement_fall: 0.0,
            question_fall: 0.0,
            exclamation_rise: 0.0,
            with_tones: false,
            durations: [1.0; Sound::NAMES.len()],
        }
    }
}

impl Corrections {
    /// Whether `semitones` is not 0 everywhere.
    pub fn moves_pitch(&self) -> bool {
        [
            self.decline,
            self.statement_fall,
            self.question_fall,
            self.exclamation_rise,
        ]
        .iter()
        .any(|value| *value != 0.0)
    }

    /// Whether `factors` is not 1 everywhere.
    pub fn changes_durations(&self) -> bool {
        self.durations.iter().any(|factor| *factor != 1.0)
    }

    /// Shift [N] of the F0 of each id of a phrase.
    pub fn semitones(&self, ids: &[PhonemeId]) -> Vec<f32> {
        let nuclei = nuclei(ids);
        let Some(last) = nuclei.len().checked_sub(1) else {
            return vec![0.0; ids.len()];
        };
        let share = if self.with_tones {
            let tones = ids.iter().filter(|unit| unit.is_tone()).count();
            (tones as f64 / (ENOUGH_TONES * nuclei.len() as f64)).min(1.0)
        } else {
            1.0
        };
        let mut line: Vec<f64> = (0..nuclei.len())
            .map(|place| share * self.decline * (0.5 - place as f64 / last.max(1) as f64))
            .collect();
        if last == 0 {
            line[0] = 0.0;
        }
        let end = ids[ids.len() - 1];
        if end == *EXCLAMATION {
            for value in &mut line {
                *value += self.exclamation_rise;
            }
        }
        if ends_sentence(end) {
            let fall = share
                * if end == *QUESTION {
                    self.question_fall
                } else {
                    self.statement_fall
                };
            line[last] -= fall;
            if last > 0 {
                line[last - 1] -= PENULTIMATE * fall;
            }
        }
        let mut found = Vec::with_capacity(ids.len());
        for (place, value) in line.iter().enumerate() {
            let until = nuclei.get(place + 1).copied().unwrap_or(ids.len());
            found.resize(until, *value as f32);
        }
        found
    }

    /// Factor [N] of the duration of each id of a phrase.
    pub fn factors(&self, ids: &[PhonemeId]) -> Vec<f32> {
        let factor = |kind: Option<Sound>| kind.map_or(1.0, |kind| self.durations[kind as usize]);
        sound_classes(ids)
            .into_iter()
            .map(|kind| factor(kind) as f32)
            .collect()
    }
}

/// Points [quantity, gain in decibels] in ascending order.
pub(crate) type Curve = Vec<(f64, f64)>;

/// Gains that keep a speaker's level, by speaker and quantity.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Levels(pub HashMap<String, HashMap<String, Curve>>);

impl Levels {
    /// Gain in decibels at a value of a quantity; 0 without a curve.
    pub fn gain(&self, speaker: &str, quantity: &str, value: f64) -> f64 {
        let curve = self
            .0
            .get(speaker)
            .and_then(|curves| curves.get(quantity))
            .map_or(&[][..], Vec::as_slice);
        let (Some(first), Some(last)) = (curve.first(), curve.last()) else {
            return 0.0;
        };
        if value <= first.0 {
            return first.1;
        }
        for pair in curve.windows(2) {
            let ((low, from), (high, to)) = (pair[0], pair[1]);
            if value <= high {
                return from + (to - from) * (value - low) / (high - low);
            }
        }
        last.1
    }
}

fn nuclei(ids: &[PhonemeId]) -> Vec<usize> {
    (0..ids.len())
        .filter(|place| ids[*place].is_nucleus())
        .collect()
}

/// The class of each id of a phrase; `None` for units of no class.
fn sound_classes(ids: &[PhonemeId]) -> Vec<Option<Sound>> {
    let mut found: Vec<Option<Sound>> = ids
        .iter()
        .map(|unit| is_mark(*unit).then_some(Sound::Pause))
        .collect();
    // How long the silence after a sentence is no recording says.
    if let Some(last) = found.last_mut() {
        *last = None;
    }
    let sounds: Vec<usize> = (0..ids.len())
        .filter(|place| !ids[*place].is_tone())
        .collect();
    let mut rank = vec![0; ids.len()];
    for (number, place) in sounds.iter().enumerate() {
        rank[*place] = number;
    }
    let nuclei = nuclei(ids);
    for place in nuclei.iter().copied() {
        found[place] = Some(if ids[place].is_vowel() {
            let number = rank[place];
            let before = number.checked_sub(1).map(|number| sounds[number]);
            let around = [before, sounds.get(number + 1).copied()];
            let is_long = around
                .into_iter()
                .flatten()
                .any(|other| ids[other] == ids[place]);
            if is_long {
                Sound::LongVowel
            } else {
                Sound::ShortVowel
            }
        } else {
            Sound::SyllabicNasal
        });
    }
    let end = ids.len().saturating_sub(1);
    for mark in (0..ids.len()).filter(|place| is_mark(ids[*place])) {
        let count = nuclei.partition_point(|place| *place < mark);
        let Some(last) = count.checked_sub(1).map(|index| nuclei[index]) else {
            continue;
        };
        let kind = match ids[mark] {
            unit if mark < end || !ends_sentence(unit) => Sound::PhraseEnd,
            unit if unit == *QUESTION => Sound::QuestionEnd,
            _ => Sound::StatementEnd,
        };
        found[last] = Some(kind);
        if let Some(before) = count.checked_sub(2).map(|index| nuclei[index]) {
            if ids[before] == ids[last] && rank[last] - rank[before] == 1 {
                found[before] = Some(kind);
            }
        }
    }
    found
}
