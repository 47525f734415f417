//! Which ids each word of the raw text is read as, across repairs and number expansion.

use std::ops::Range;

use crate::g2p::{Language, TwiG2p};
use crate::normalize::{english, normalize_traced};
use crate::options::{ChatSpelling, NormalizeOptions};
use crate::phoneme::PhonemeId;
use crate::tone::Tones;
use crate::traced::Traced;

/// A text as read: its ids, and the ids of each of its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The ids of the text.
    pub ids: Vec<PhonemeId>,
    /// Spans in the order of the text; every character other than whitespace lies in exactly one.
    pub words: Vec<WordSpan>,
}

/// A stretch of raw text and the ids it is read as: one word as written, or several that are read as one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordSpan {
    /// Bytes of the raw text, from the start of a word as written to the end of one.
    pub text: Range<usize>,
    /// Range in the ids; empty for text without sound.
    pub ids: Range<usize>,
}

impl TwiG2p {
    /// The ids of a raw text: those of [`text_to_ids`](Self::text_to_ids) after
    /// [`normalize`](crate::normalize::normalize), with figures read in English if the language is English. Without
    /// options the text is read as it is; without a language the spelling of the words decides.
    pub fn read_ids(
        &self,
        text: &str,
        options: Option<&NormalizeOptions>,
        language: Option<Language>,
        tones: Option<Tones>,
    ) -> Vec<PhonemeId> {
        let text = self.normalized(Traced::plain(text), options, language);
        self.read_words(text.text(), language, tones, |_| {})
    }

    /// Reads a raw text as [`read_ids`](Self::read_ids) does and returns which ids each of its words is read as.
    ///
    /// Words as written are separated by whitespace. They share a span where the reading does not keep them
    /// apart, as "GHS 25.50". Ids outside all spans are word boundaries and pauses.
    pub fn read(
        &self,
        text: &str,
        options: Option<&NormalizeOptions>,
        language: Option<Language>,
        tones: Option<Tones>,
    ) -> Reading {
        let normalized = self.normalized(Traced::raw(text), options, language);
        let mut words = Vec::new();
        let ids = self.read_words(normalized.text(), language, tones, |spoken| {
            let text = trim(text, normalized.source(spoken.text, text.len()));
            let ids = spoken.ids;
            words.push(WordSpan { text, ids });
        });
        let words = spans(text, &words);
        Reading { ids, words }
    }

    /// The text that is read: normalized, with figures read in English if the language is English.
    pub(crate) fn normalized<'t>(
        &self,
        text: Traced<'t>,
        options: Option<&NormalizeOptions>,
        language: Option<Language>,
    ) -> Traced<'t> {
        let Some(options) = options else {
            return text;
        };
        let own = self.own_words();
        let text = if own.is_empty() {
            text
        } else {
            text.rewrite(|text, writer| own.put(text, writer))
        };
        if language != Some(Language::English) {
            return normalize_traced(text, options);
        }
        let options = NormalizeOptions {
            chat: ChatSpelling::Off,
            ..options.clone()
        };
        let repaired = crate::clean::repair(text, &options);
        normalize_traced(repaired.rewrite(english::speak), &options)
    }
}

fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + part.len() - part.trim_start().len();
    start..start + part.trim().len()
}

/// Spans of whole words as written around the `spoken` ones, which may share or straddle them.
fn spans(text: &str, spoken: &[WordSpan]) -> Vec<WordSpan> {
    let mut spoken = spoken.iter().peekable();
    let mut written = written(text).peekable();
    let mut found: Vec<WordSpan> = Vec::new();
    while let Some(first) = written.next() {
        let silent = found.last().map_or(0, |last| last.ids.end);
        let mut span = WordSpan {
            text: first,
            ids: silent..silent,
        };
        while let Some(word) = spoken.next_if(|word| word.text.start < span.text.end) {
            while let Some(next) = written.next_if(|next| next.start < word.text.end) {
                span.text.end = next.end;
            }
            let begin = if span.ids.is_empty() {
                word.ids.start
            } else {
                span.ids.start
            };
            span.ids = begin..word.ids.end;
        }
        found.push(span);
    }
    found
}

/// Byte ranges of whitespace-separated words.
fn written(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    text.split_whitespace().map(|word| {
        let start = word.as_ptr() as usize - text.as_ptr() as usize;
        start..start + word.len()
    })
}
