//! Predicted tones as marks in the text, and the reasons for them.

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::UnicodeNormalization;

use crate::g2p::{Language, TwiG2p};
use crate::options::NormalizeOptions;
use crate::sounds::nuclei;
use crate::tone::{Confidence, Decided, Pattern, Rules, Tones};
use crate::traced::Traced;
use crate::words::Tone;

/// A word and its predicted tones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The word, normalized.
    pub word: String,
    /// The word with its marks.
    pub form: String,
    /// The rules applied; `None` where no tone was predicted.
    pub rules: Option<Rules>,
    /// The lowest confidence of these rules.
    pub confidence: Option<Confidence>,
    /// The sources; empty where no tone was predicted.
    pub source: &'static str,
}

impl TwiG2p {
    /// The normalized text with the marks of the predicted tones. Existing marks are kept; a word for which
    /// no tone is predicted gets no marks. Reading the marked text gives the ids of the prediction.
    pub fn write_tones(
        &self,
        text: &str,
        options: Option<&NormalizeOptions>,
        language: Option<Language>,
    ) -> String {
        let normalized = self.normalized(Traced::plain(text), options, language);
        let text = normalized.text();
        let mut marked = String::with_capacity(text.len() * 3 / 2);
        let mut end = 0;
        self.read_words(text, language, Some(Tones::Predicted), |spoken| {
            marked.push_str(&text[end..spoken.text.start]);
            end = spoken.text.end;
            let word = self.own_words().shown(&text[spoken.text]);
            match shown(spoken.tones, word) {
                Some(tones) => marked.push_str(&with_marks(word, tones.pattern)),
                None => marked.push_str(word),
            }
        });
        marked.push_str(&text[end..]);
        marked
    }

    /// Every word of the normalized text, with its tones and the reason for them.
    pub fn explain_tones(
        &self,
        text: &str,
        options: Option<&NormalizeOptions>,
        language: Option<Language>,
    ) -> Vec<Explained> {
        let normalized = self.normalized(Traced::plain(text), options, language);
        let text = normalized.text();
        let mut found = Vec::new();
        self.read_words(text, language, Some(Tones::Predicted), |spoken| {
            let word = self.own_words().shown(&text[spoken.text]);
            let form = match shown(spoken.tones, word) {
                Some(tones) => with_marks(word, tones.pattern),
                None => word.to_owned(),
            };
            found.push(Explained {
                word: word.to_owned(),
                form,
                rules: spoken.tones.map(|tones| tones.rules),
                confidence: spoken.tones.map(|tones| tones.confidence),
                source: spoken.tones.map_or("", |tones| tones.source),
            });
        });
        found
    }
}

/// The tones to write into a word: predicted ones, or those of a lexicon's entry where the word has no marks of its own.
fn shown(tones: Option<Decided>, word: &str) -> Option<Decided> {
    tones.filter(|tones| {
        !tones.is_written() || nuclei(word).iter().all(|nucleus| nucleus.tone.is_none())
    })
}

/// A word without marks, with those of a pattern; unchanged where its letters do not match the nuclei.
fn with_marks(word: &str, pattern: Pattern) -> String {
    let nuclei = nuclei(word);
    if nuclei.len() != pattern.len() {
        return word.to_owned();
    }
    let mut marked = String::with_capacity(word.len() + 2 * nuclei.len());
    let mut rest = nuclei.iter().zip(0..).peekable();
    let mut letter = 0;
    let mut chars = word.chars().peekable();
    while let Some(c) = chars.next() {
        marked.push(c);
        if !c.is_alphanumeric() {
            continue;
        }
        while let Some(mark) = chars.next_if(|c| is_combining_mark(*c)) {
            marked.push(mark);
        }
        if let Some((_, at)) = rest.next_if(|(nucleus, _)| nucleus.letter == letter) {
            marked.extend(pattern.get(at).map(mark));
        }
        letter += 1;
    }
    marked.nfc().collect()
}

fn mark(tone: Tone) -> char {
    match tone {
        Tone::High => '\u{301}',
        Tone::Low => '\u{300}',
        Tone::Mid => '\u{304}',
    }
}
