//! Words whose pronunciation does not follow from their letters: the built-in list and the user's own.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

use super::language::Language;
use super::letters::{letters, Letter, Tone};
use super::tone::ToneMode;
use super::word::{read_by_rules, read_word};
use crate::error::TextError;
use crate::phoneme::{parse_units, PhonemeId, UNK, WORD_BOUNDARY};

const BUILT_IN: &str = include_str!("../../data/lexicon.tsv");

/// Names in English spelling, and their Twi spelling.
const NAMES: &str = include_str!("../../data/names.tsv");

static EXCEPTIONS: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon::default();
    for line in BUILT_IN.lines().skip(1) {
        let mut fields = line.split('\t');
        if let (Some(word), Some(units)) = (
            fields.next(),
            fields.next().filter(|units| !units.is_empty()),
        ) {
            // The golden test reads every entry, so a bad line is detected.
            let _ = lexicon.insert(word, units, "data/lexicon.tsv");
        }
    }
    for (name, spelling) in names() {
        lexicon.put(&letters(name), read_by_rules(spelling).into());
    }
    lexicon
});

static TWI_NAMES: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| names().map(|(name, _)| name).collect());

fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    NAMES.lines().skip(1).filter_map(|row| row.split_once('\t'))
}

/// Returns whether a word of small letters is a name of a Twi person or place in English spelling.
pub(super) fn is_name(word: &str) -> bool {
    TWI_NAMES.contains(word)
}

/// Twi words that look foreign: rows of the built-in list without a reading.
pub(super) static TWI_WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let rows = BUILT_IN
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect::<Vec<_>>());
    rows.filter(|row| row.get(2) == Some(&"twi"))
        .map(|row| row[0])
        .collect()
});

/// A map from a word to its units. Case, Unicode form and the shape of an apostrophe do not matter.
#[derive(Debug, Clone)]
pub struct Lexicon {
    words: HashMap<String, Box<[PhonemeId]>>,
    /// Bit set of its words' shapes: most words of a text need no further lookup.
    shapes: [u64; 64],
}

impl Default for Lexicon {
    fn default() -> Self {
        Self {
            words: HashMap::new(),
            shapes: [0; 64],
        }
    }
}

impl Lexicon {
    /// The built-in list.
    pub fn built_in() -> &'static Self {
        &EXCEPTIONS
    }

    /// Adds one word; a later entry replaces an earlier one. Its reading is units, or `=` and a respelling in
    /// Twi letters, as in `=waifai`.
    ///
    /// # Errors
    /// [`TextError`] naming `place`: no word or more than one, no units, units that are not speech sounds, a symbol
    /// outside the table, or a respelling that is not made of Twi letters.
    pub fn insert(&mut self, word: &str, units: &str, place: &str) -> Result<(), TextError> {
        let wrong = |reason: String| TextError::Lexicon {
            place: place.into(),
            reason,
        };
        let folded: String = word.trim().nfc().collect();
        if folded.is_empty() || folded.contains(char::is_whitespace) {
            return Err(wrong(format!("{word:?} is not one word")));
        }
        let ids = match units.trim().strip_prefix('=') {
            Some(spelling) => respelled(spelling).map_err(wrong)?,
            None => parse_units(units).map_err(|error| match error {
                TextError::UnknownPhoneme { symbol, .. } => TextError::UnknownPhoneme {
                    symbol,
                    place: place.into(),
                },
                lexicon @ TextError::Lexicon { .. } => lexicon,
            })?,
        };
        let silent = |id: &&PhonemeId| {
            **id != WORD_BOUNDARY
                && matches!(
                    id.row().class,
                    "special" | "boundary" | "pause" | "language" | "reserved"
                )
        };
        if let Some(id) = ids.iter().find(silent) {
            return Err(wrong(format!(
                "{:?} cannot stand in a word",
                id.symbol().unwrap_or_default()
            )));
        }
        if ids.is_empty() {
            return Err(wrong(format!("{word:?} has no units")));
        }
        let letters = letters(&folded);
        if letters.is_empty() {
            return Err(wrong(format!("{word:?} has no letters")));
        }
        self.put(&letters, ids.into());
        Ok(())
    }

    fn put(&mut self, letters: &[Letter], ids: Box<[PhonemeId]>) {
        let (word, bit) = shape(letters);
        self.shapes[word] |= bit;
        self.words.insert(key(letters, true), ids);
    }

    /// The keys of its words, as [`word_key`] builds them.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.words.keys().map(String::as_str)
    }

    /// Copies the entry of `key` to `other`.
    pub(super) fn read_alike(&mut self, key: &str, other: &str) {
        if let Some(ids) = self.words.get(key).cloned() {
            self.put(&letters(other), ids);
        }
    }

    /// The units of a key made by [`key`].
    pub(super) fn get(&self, key: &str) -> Option<&[PhonemeId]> {
        self.words.get(key).map(AsRef::as_ref)
    }

    /// The units of a word, ignoring its tone marks.
    pub(super) fn find(&self, letters: &[Letter]) -> Option<&[PhonemeId]> {
        let (word, bit) = shape(letters);
        if self.shapes[word] & bit == 0 {
            return None;
        }
        self.get(&key(letters, false))
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

/// The units of one or more words of Twi spelling, or the reason why there are none.
fn respelled(spelling: &str) -> Result<Vec<PhonemeId>, String> {
    let mut ids = Vec::new();
    for word in spelling.split_whitespace() {
        let units = read_word(
            word,
            Language::Twi,
            &Lexicon::default(),
            None,
            ToneMode::Full,
        );
        if units.is_empty() || units.contains(&UNK) {
            return Err(format!(
                "the respelling {word:?} is not a word of Twi letters"
            ));
        }
        if !ids.is_empty() {
            ids.push(WORD_BOUNDARY);
        }
        ids.extend(units);
    }
    if ids.is_empty() {
        return Err("the respelling after = is empty".into());
    }
    Ok(ids)
}

/// A small hash of a word's letters without their marks, as an index of [`Lexicon::shapes`].
fn shape(letters: &[Letter]) -> (usize, u64) {
    let mix =
        |hash: u32, letter: &Letter| (hash ^ u32::from(letter.base)).wrapping_mul(0x0100_0193);
    let hash = letters.iter().fold(0x811c_9dc5_u32, mix);
    ((hash >> 26) as usize, 1 << (hash >> 20 & 63))
}

/// The key of a word, with its tone marks.
pub(crate) fn word_key(word: &str) -> String {
    key(&letters(word), true)
}

/// The key of a word; without `tones` its tone marks are removed.
pub(super) fn key(letters: &[Letter], tones: bool) -> String {
    let mut key = String::with_capacity(letters.len() + 4);
    for (at, letter) in letters.iter().enumerate() {
        if letter.apart && !letter.downstep && at > 0 {
            key.push('\'');
        }
        if letter.downstep && tones {
            key.push('!');
        }
        key.push(letter.base);
        if letter.tilde {
            key.push('\u{303}');
        }
        match letter.tone.filter(|_| tones) {
            Some(Tone::High) => key.push('\u{301}'),
            Some(Tone::Low) => key.push('\u{300}'),
            Some(Tone::Mid) => key.push('\u{304}'),
            None => {}
        }
    }
    key
}
