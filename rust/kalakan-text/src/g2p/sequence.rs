//! The ids of a text under construction: words, boundaries, pauses.

use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use super::language::{Language, Spelling, LONGEST_BRIDGE};
use super::reader::{Reading, TwiG2p};
use crate::options::Variety;
use crate::phoneme::{PhonemeId, WORD_BOUNDARY};
use crate::tone::{Decided, Phrase, Tonal, Tones};

/// A word that has been appended to the ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spoken {
    /// Its bytes in the text.
    pub text: Range<usize>,
    /// Its range in the ids.
    pub ids: Range<usize>,
    /// Its tones and the rules behind them; `None` where no tone was predicted.
    pub tones: Option<Decided>,
}

pub(super) struct Sequence<'t, F> {
    reader: &'t TwiG2p,
    text: &'t str,
    tones: Tones,
    found: F,
    ids: Vec<PhonemeId>,
    /// The last word is English, and no pause follows it or the pending words.
    after_english: bool,
    /// Pending words, whose language depends on the next ones: ambiguous words after an English word, or words that are
    /// English next to one, without any before them.
    waiting: SmallVec<[Range<usize>; LONGEST_BRIDGE]>,
    /// Words since the last pause whose tones depend on each other.
    phrase: Vec<Token>,
}

struct Token {
    place: Range<usize>,
    units: Units,
}

/// The units of a word, and whose word it is.
enum Units {
    Twi(Arc<Reading>),
    English(Arc<Reading>),
    /// English by its spelling alone, as Ghana is.
    Spelled(Arc<Reading>),
    Letter(&'static [PhonemeId]),
}

impl Units {
    fn of(reading: Arc<Reading>, is_twi: bool) -> Self {
        if is_twi {
            Self::Twi(reading)
        } else {
            Self::English(reading)
        }
    }
}

impl Token {
    fn units(&self) -> &[PhonemeId] {
        match &self.units {
            Units::Twi(reading) | Units::English(reading) | Units::Spelled(reading) => {
                &reading.units
            }
            Units::Letter(units) => units,
        }
    }

    fn tonal(&self, text: &str, variety: Variety) -> Option<&Tonal> {
        let word = &text[self.place.clone()];
        match &self.units {
            Units::Twi(reading) => Some(reading.tonal(word, variety)),
            Units::Spelled(reading) => {
                Some(reading.tonal(word, variety)).filter(|tonal| tonal.is_name())
            }
            _ => None,
        }
    }
}

impl<'t, F: FnMut(Spoken)> Sequence<'t, F> {
    pub fn new(reader: &'t TwiG2p, text: &'t str, tones: Tones, found: F) -> Self {
        let predicted = tones == Tones::Predicted;
        Self {
            reader,
            text,
            tones,
            found,
            ids: Vec::with_capacity(text.len() + 1 + if predicted { text.len() / 2 } else { 0 }),
            after_english: false,
            waiting: SmallVec::new(),
            phrase: Vec::with_capacity(if predicted { 16 } else { 0 }),
        }
    }

    /// Reads the word at `place`, in a language or in the one detected from its spelling and its neighbors.
    pub fn word(&mut self, place: Range<usize>, language: Option<Language>) {
        let reading = self.reader.reading(&self.text[place.clone()], language);
        match language.map_or(reading.spelling, |_| Spelling::Twi) {
            Spelling::Twi => {
                let is_twi = language != Some(Language::English);
                self.twi(place, Units::of(reading, is_twi));
            }
            Spelling::English => {
                self.settle(Some(Language::English));
                self.push(place, Units::Spelled(reading));
                self.after_english = true;
            }
            Spelling::Beside if self.after_english && self.waiting.is_empty() => {
                self.waiting.push(place);
                self.settle(Some(Language::English));
            }
            Spelling::Beside if self.waits() => self.waiting.push(place),
            Spelling::Either if self.after_english && self.waits() => self.waiting.push(place),
            // Too many pending words, or no English word before them.
            Spelling::Beside => {
                self.settle(None);
                self.after_english = false;
                self.waiting.push(place);
            }
            Spelling::Either => self.twi(place, Units::Twi(reading)),
        }
    }

    /// Whether one more word may be pending: the number is limited only after an English word.
    fn waits(&self) -> bool {
        !self.after_english || self.waiting.len() < LONGEST_BRIDGE
    }

    fn twi(&mut self, place: Range<usize>, units: Units) {
        self.settle(None);
        self.push(place, units);
        self.after_english = false;
    }

    /// Reads the word at `place` as a letter with these units.
    pub fn letter(&mut self, place: Range<usize>, units: &'static [PhonemeId]) {
        self.settle(None);
        self.push(place, Units::Letter(units));
        self.after_english = false;
    }

    pub fn pause(&mut self, pause: PhonemeId) {
        self.settle(None);
        self.after_english = false;
        self.end_phrase();
        if self.ids.last().is_some_and(|last| !last.is_pause()) {
            self.ids.push(pause);
        }
    }

    pub fn finish(mut self) -> Vec<PhonemeId> {
        self.settle(None);
        self.end_phrase();
        self.ids
    }

    /// Reads the pending words in the language that is now known.
    fn settle(&mut self, language: Option<Language>) {
        for place in std::mem::take(&mut self.waiting) {
            let reading = self.reader.reading(&self.text[place.clone()], language);
            self.push(place, Units::of(reading, language.is_none()));
        }
    }

    fn push(&mut self, place: Range<usize>, units: Units) {
        let token = Token { place, units };
        if token.units().is_empty() {
            return;
        }
        if self.tones == Tones::Predicted {
            self.phrase.push(token);
        } else {
            self.write(token.place.clone(), token.units(), None);
        }
    }

    /// Predicts the tones of the words since the last pause and writes them.
    fn end_phrase(&mut self) {
        if self.phrase.is_empty() {
            return;
        }
        let variety = self.reader.variety();
        let tokens = std::mem::take(&mut self.phrase);
        let mut phrase = Phrase::new(self.ids.is_empty(), variety);
        for (at, token) in tokens.iter().enumerate() {
            let next = tokens
                .get(at + 1)
                .and_then(|next| next.tonal(self.text, variety));
            let tones = phrase.next(token.tonal(self.text, variety), next);
            self.write(token.place.clone(), token.units(), tones);
        }
        self.phrase = tokens;
        self.phrase.clear();
    }

    fn write(&mut self, place: Range<usize>, units: &[PhonemeId], tones: Option<Decided>) {
        if self.ids.last().is_some_and(|last| !last.is_pause()) {
            self.ids.push(WORD_BOUNDARY);
        }
        let start = self.ids.len();
        match tones {
            Some(tones) if !tones.is_written() => tones.pattern.write(units, &mut self.ids),
            _ => self.ids.extend_from_slice(units),
        }
        (self.found)(Spoken {
            text: place,
            ids: start..self.ids.len(),
            tones,
        });
    }
}
