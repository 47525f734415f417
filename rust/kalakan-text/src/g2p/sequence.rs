//! The ids of a text under construction: words, boundaries, pauses.

use std::ops::Range;

use smallvec::SmallVec;

use super::language::{Language, Spelling, LONGEST_BRIDGE};
use super::TwiG2p;
use crate::phoneme::{PhonemeId, WORD_BOUNDARY};

pub(super) struct Sequence<'t, F> {
    reader: &'t TwiG2p,
    text: &'t str,
    found: F,
    ids: Vec<PhonemeId>,
    /// The last word is English, and no pause stands behind it or behind the words that wait.
    after_english: bool,
    /// Words of either language that follow an English one: the next word decides.
    waiting: SmallVec<[Range<usize>; LONGEST_BRIDGE]>,
}

impl<'t, F: FnMut(Range<usize>, Range<usize>)> Sequence<'t, F> {
    pub fn new(reader: &'t TwiG2p, text: &'t str, found: F) -> Self {
        Self {
            reader,
            text,
            found,
            ids: Vec::with_capacity(text.len() + 1),
            after_english: false,
            waiting: SmallVec::new(),
        }
    }

    /// Reads the word at `place`, in a language or in the one that its spelling and its neighbours tell.
    pub fn word(&mut self, place: Range<usize>, language: Option<Language>) {
        let reading = self.reader.reading(&self.text[place.clone()], language);
        let spelling = language.map_or(reading.spelling, |_| Spelling::Twi);
        if spelling == Spelling::Either && self.after_english && self.waiting.len() < LONGEST_BRIDGE
        {
            self.waiting.push(place);
            return;
        }
        let english = spelling == Spelling::English;
        self.settle(english.then_some(Language::English));
        self.push(place, &reading.units);
        self.after_english = english;
    }

    /// Reads the word at `place` as a letter with these units.
    pub fn letter(&mut self, place: Range<usize>, units: &[PhonemeId]) {
        self.settle(None);
        self.push(place, units);
        self.after_english = false;
    }

    pub fn pause(&mut self, pause: PhonemeId) {
        self.settle(None);
        self.after_english = false;
        if self.ids.last().is_some_and(|last| !last.is_pause()) {
            self.ids.push(pause);
        }
    }

    pub fn finish(mut self) -> Vec<PhonemeId> {
        self.settle(None);
        self.ids
    }

    /// Reads the words that wait, now that it is known in which language.
    fn settle(&mut self, language: Option<Language>) {
        for place in std::mem::take(&mut self.waiting) {
            let reading = self.reader.reading(&self.text[place.clone()], language);
            self.push(place, &reading.units);
        }
    }

    fn push(&mut self, place: Range<usize>, units: &[PhonemeId]) {
        if units.is_empty() {
            return;
        }
        if self.ids.last().is_some_and(|last| !last.is_pause()) {
            self.ids.push(WORD_BOUNDARY);
        }
        let start = self.ids.len();
        self.ids.extend_from_slice(units);
        (self.found)(place, start..self.ids.len());
    }
}
