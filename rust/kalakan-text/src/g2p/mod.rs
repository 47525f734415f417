//! Words to units and text to ids.

mod foreign;
mod graphemes;
mod harmony;
mod letters;
mod lexicon;
mod nasal;
mod syllable;
mod tone;
mod word;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

pub use foreign::is_foreign;
pub use lexicon::Lexicon;
pub use syllable::syllables;
pub use tone::ToneMode;

use crate::cache::{CacheInfo, PhonemeCache};
use crate::phoneme::{id_of, PhonemeId, UNK, WORD_BOUNDARY};
use letters::DOWNSTEPS;

/// Settings of a [`TwiG2p`].
#[derive(Debug, Clone)]
pub struct G2pOptions {
    /// How written tone marks are read.
    pub tone: ToneMode,
    /// Words whose reading the user gave; they beat everything else.
    pub lexicon: Lexicon,
    /// The most words that the cache holds; 0 turns it off.
    pub cache_size: usize,
}

impl Default for G2pOptions {
    fn default() -> Self {
        Self {
            tone: ToneMode::Full,
            lexicon: Lexicon::default(),
            cache_size: 8192,
        }
    }
}

/// Grapheme to phoneme for Twi. Total: every text has a reading, a letter without one is `<unk>` and counted.
pub struct TwiG2p {
    tone: ToneMode,
    lexicon: Lexicon,
    cache: PhonemeCache,
    unknown: Mutex<BTreeMap<char, u64>>,
}

impl TwiG2p {
    /// A reader with these settings.
    pub fn new(options: G2pOptions) -> Self {
        Self {
            tone: options.tone,
            lexicon: options.lexicon,
            cache: PhonemeCache::new(options.cache_size),
            unknown: Mutex::default(),
        }
    }

    /// Ids of a normalized text. `_` stands between two words, a pause mark directly after the last unit of
    /// its word and in place of the `_`. A mark before the first word is dropped, of several in a row the
    /// first one counts.
    pub fn text_to_ids(&self, text: &str) -> Vec<PhonemeId> {
        self.read_words(text, |_, _| {})
    }

    /// Does what [`text_to_ids`](Self::text_to_ids) does and tells of every word with a sound its bytes in the
    /// text and its place in the ids.
    pub(crate) fn read_words(
        &self,
        text: &str,
        mut found: impl FnMut(Range<usize>, Range<usize>),
    ) -> Vec<PhonemeId> {
        let mut ids = Vec::with_capacity(text.len() + 1);
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let length = word_length(rest);
            if length > 0 {
                let places = self.push_word(&rest[..length], &mut ids);
                let start = text.len() - rest.len();
                if !places.is_empty() {
                    found(start..start + length, places);
                }
                rest = &rest[length..];
                continue;
            }
            if let Some(pause) = pause(c) {
                if ids.last().is_some_and(|last| !last.is_pause()) {
                    ids.push(pause);
                }
            }
            rest = &rest[c.len_utf8()..];
        }
        ids
    }

    /// Puts a word at the end of the ids and tells where it stands in them.
    fn push_word(&self, word: &str, ids: &mut Vec<PhonemeId>) -> Range<usize> {
        let compute = || word::read_word(word, &self.lexicon, self.tone);
        self.cache.with(word, compute, |units| {
            if units.contains(&UNK) {
                self.count_unknown(word);
            }
            if units.is_empty() {
                return ids.len()..ids.len();
            }
            if ids.last().is_some_and(|last| !last.is_pause()) {
                ids.push(WORD_BOUNDARY);
            }
            let start = ids.len();
            ids.extend_from_slice(units);
            start..ids.len()
        })
    }

    fn count_unknown(&self, word: &str) {
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        for letter in letters::letters(word)
            .iter()
            .filter(|letter| graphemes::is_unknown(letter.base))
        {
            *unknown.entry(letter.base).or_default() += 1;
        }
    }

    /// How often each letter without a reading was met since the last [`clear`](Self::clear).
    pub fn unknown(&self) -> BTreeMap<char, u64> {
        self.unknown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The cache's counters.
    pub fn cache_info(&self) -> CacheInfo {
        self.cache.info()
    }

    /// Empties the cache and sets all counters to zero.
    pub fn clear(&self) {
        self.cache.clear();
        self.unknown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

/// Bytes of the word at the begin of a text: letters with their marks, and inside it apostrophes, hyphens and
/// downstep marks that a letter follows. 0 if no word begins here.
fn word_length(text: &str) -> usize {
    // Words of plain small letters before a space or a mark are nearly all there are.
    let plain = plain_length(text.as_bytes());
    match text.as_bytes().get(plain) {
        None | Some(b' ' | b',' | b'.' | b'?' | b':' | b';') => return plain,
        _ => {}
    }
    let mut length = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next_is_letter = chars
            .peek()
            .is_some_and(|&(_, next)| next.is_alphanumeric());
        if c.is_alphanumeric() || (length > 0 && unicode_normalization::char::is_combining_mark(c))
        {
            length = at + c.len_utf8();
        } else if !(next_is_letter
            && (DOWNSTEPS.contains(&c) || (length > 0 && matches!(c, '\'' | '’' | '-'))))
        {
            break;
        }
    }
    length
}

/// Bytes of the small letters of the alphabet that a text begins with.
fn plain_length(text: &[u8]) -> usize {
    let mut length = 0;
    loop {
        length += match text[length..] {
            [b'a'..=b'z', ..] => 1,
            // ɛ and ɔ
            [0xC9, 0x9B | 0x94, ..] => 2,
            _ => return length,
        }
    }
}

fn pause(c: char) -> Option<PhonemeId> {
    use graphemes::unit;
    Some(match c {
        ',' => unit!(","),
        '.' => unit!("."),
        '?' => unit!("?"),
        '!' => unit!("!"),
        ';' => unit!(";"),
        ':' => unit!(":"),
        '…' => unit!("…"),
        _ => return None,
    })
}
