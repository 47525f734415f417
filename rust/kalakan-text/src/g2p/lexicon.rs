//! Words whose pronunciation does not follow from their letters, and their units.

use std::collections::HashMap;

use crate::phoneme::PhonemeId;
use crate::words::{key, letters, Letter};

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
    /// Adds a word with its marks; a later entry replaces an earlier one.
    pub(super) fn put(&mut self, letters: &[Letter], ids: Box<[PhonemeId]>) {
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

/// A small hash of a word's letters without their marks, as an index of [`Lexicon::shapes`].
fn shape(letters: &[Letter]) -> (usize, u64) {
    let mix =
        |hash: u32, letter: &Letter| (hash ^ u32::from(letter.base)).wrapping_mul(0x0100_0193);
    let hash = letters.iter().fold(0x811c_9dc5_u32, mix);
    ((hash >> 26) as usize, 1 << (hash >> 20 & 63))
}
