//! Words of the user's lexicon that the normalizer would otherwise expand: ECG, COVID-19, Dr, 5G.
//!
//! Each gets a placeholder word that does not occur in texts and that the normalizer keeps. It replaces the entry
//! while the text is normalized, and is then read as the entry.

use std::collections::HashMap;
use std::ops::Range;

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::UnicodeNormalization;

use crate::normalize::normalize;
use crate::options::NormalizeOptions;
use crate::traced::Writer;
use crate::words::word_key;

/// Prefix of all placeholders.
const STAND_IN: &str = "zjavxa";

/// Maximum number of parts of an entry, as the two of COVID-19.
const MOST_PARTS: usize = 6;

/// Placeholders by the lexicon key of a word.
#[derive(Debug, Default)]
pub(crate) struct OwnWords {
    words: HashMap<String, OwnWord>,
}

#[derive(Debug)]
struct OwnWord {
    stand_in: String,
    /// It is an abbreviation: a dot after it does not end a sentence.
    takes_dot: bool,
}

/// Letters and figures in sequence.
struct Part {
    place: Range<usize>,
    /// One hyphen, apostrophe or dot separates it from the previous part.
    joined: bool,
}

/// Returns whether a word is a placeholder for one of the user's.
pub(crate) fn is_stand_in(word: &str) -> bool {
    word.starts_with(STAND_IN)
}

impl OwnWords {
    /// The words that the normalizer would change among `keys`, as a lexicon keeps them.
    pub fn new<'k>(keys: impl Iterator<Item = &'k str>) -> Self {
        let mut words = HashMap::new();
        for key in keys {
            let takes_dot = takes_dot(key);
            if takes_dot || is_changed(key) {
                let stand_in = stand_in(words.len());
                let own = OwnWord {
                    stand_in,
                    takes_dot,
                };
                words.insert(key.to_owned(), own);
            }
        }
        Self { words }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Each word and its placeholder.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.words.iter();
        pairs.map(|(key, own)| (key.as_str(), own.stand_in.as_str()))
    }

    /// The user's word in place of its placeholder; any other word as it is.
    pub fn shown<'w>(&'w self, word: &'w str) -> &'w str {
        if !is_stand_in(word) {
            return word;
        }
        let found = self.iter().find(|(_, stand_in)| *stand_in == word);
        found.map_or(word, |(key, _)| key)
    }

    /// Writes `text` with placeholders.
    pub fn put(&self, text: &str, writer: &mut Writer) {
        let parts = parts(text);
        let (mut row, mut read) = (0, 0);
        while row < parts.len() {
            let Some((last, own)) = self.longest(text, &parts[row..]) else {
                row += 1;
                continue;
            };
            keep(text, read..parts[row].place.start, writer);
            writer.text.push_str(&own.stand_in);
            read = parts[row + last].place.end;
            let after_dot = text[read..].strip_prefix('.').filter(|_| own.takes_dot);
            read += usize::from(after_dot.is_some_and(|rest| !rest.trim().is_empty()));
            writer.cut(read);
            row += last + 1;
        }
        keep(text, read..text.len(), writer);
    }

    /// The longest word that starts with the first part, and its last part.
    fn longest(&self, text: &str, parts: &[Part]) -> Option<(usize, &OwnWord)> {
        let joined = parts[1..].iter().take_while(|part| part.joined).count();
        (0..=joined.min(MOST_PARTS - 1)).rev().find_map(|last| {
            let word = &text[parts[0].place.start..parts[last].place.end];
            Some((last, self.words.get(&word_key(word))?))
        })
    }
}

/// Copies a stretch of the text unchanged.
fn keep(text: &str, place: Range<usize>, writer: &mut Writer) {
    for (at, c) in text[place.clone()].char_indices() {
        writer.cut(place.start + at);
        writer.text.push(c);
    }
    writer.cut(place.end);
}

fn parts(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut open = false;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        let continues = open && is_combining_mark(c);
        if !(c.is_alphanumeric() || continues) {
            open = false;
            continue;
        }
        if let Some(last) = parts.last_mut().filter(|_| open) {
            last.place.end = end;
            continue;
        }
        let before = parts.last().map_or("", |last| &text[last.place.end..at]);
        parts.push(Part {
            place: at..end,
            joined: matches!(before, "-" | "'" | "’" | "."),
        });
        open = true;
    }
    parts
}

fn said(text: &str) -> String {
    normalize(text, &NormalizeOptions::default())
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.collect::<String>() + chars.as_str()
}

fn takes_dot(key: &str) -> bool {
    let dotted = capitalized(&key.replace('\'', "."));
    !said(&format!("aa {dotted}. Aa")).contains('.')
}

/// Returns whether the normalizer changes a word, in lower case or in capitals. A word with figures or
/// separated by a sign is always changed by some rule.
fn is_changed(key: &str) -> bool {
    let same = |word: &str| said(&format!("aa {word} aa")) == format!("aa {} aa", key.nfc());
    let plain = |c: char| !c.is_numeric() && c != '\'';
    !(key.chars().all(plain) && same(key) && same(&capitalized(key)) && same(&key.to_uppercase()))
}

/// Syllables that no rule of the normalizer looks for.
fn stand_in(mut number: usize) -> String {
    const CONSONANTS: &[u8] = b"bdfgklmnprstvwz";
    let mut word = String::from(STAND_IN);
    loop {
        word.push(CONSONANTS[number % CONSONANTS.len()].into());
        word.push('a');
        number /= CONSONANTS.len();
        if number == 0 {
            return word;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_stand_in, stand_in, OwnWords};
    use crate::normalize::normalize;
    use crate::options::NormalizeOptions;
    use crate::traced::Traced;

    fn put(keys: &[&str], text: &str) -> String {
        let own = OwnWords::new(keys.iter().copied());
        let text = Traced::plain(text).rewrite(|text, writer| own.put(text, writer));
        let mut text = text.into_text().into_owned();
        for (key, stand_in) in own.iter() {
            text = text.replace(stand_in, &format!("<{key}>"));
        }
        text
    }

    #[test]
    fn words_that_a_rule_would_say_are_put_aside() {
        let keys = ["ecg", "covid'19", "dr", "5g", "e'g", "kofi", "npp"];
        assert_eq!(
            put(&keys, "ECG's 5G, COVID-19."),
            "<ecg>'s <5g>, <covid'19>."
        );
        assert_eq!(put(&keys, "Dr. Ama ne Dr Esi"), "<dr> Ama ne <dr> Esi");
        assert_eq!(put(&keys, "ɔyɛ Dr."), "ɔyɛ <dr>.");
        assert_eq!(put(&keys, "NPP-ECG e.g. KOFI"), "<npp>-<ecg> <e'g> KOFI");
        assert_eq!(put(&keys, "ECGs COVID"), "ECGs COVID");
    }

    #[test]
    fn stand_ins_stay_what_they_are() {
        for number in [0, 1, 14, 15, 16, 224, 225, 100_000] {
            let word = stand_in(number);
            assert!(is_stand_in(&word));
            for text in [&word, &format!("5 {word}. Kofi {word} II")] {
                assert!(
                    normalize(text, &NormalizeOptions::default()).contains(&word),
                    "{text}"
                );
            }
        }
    }
}
