//! Words to units and text to ids.

mod english;
mod fold;
mod foreign;
mod graphemes;
mod harmony;
mod language;
mod letter_names;
mod letters;
mod lexicon;
mod loan;
mod nasal;
mod sequence;
mod syllable;
mod tone;
mod twi_words;
mod word;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

pub(crate) use english::is_common_english;
pub use english::{EnglishLexicon, EnglishSource};
pub use foreign::is_foreign;
pub use language::Language;
pub(crate) use lexicon::word_key;
pub use lexicon::Lexicon;
pub use syllable::syllables;
pub use tone::ToneMode;
pub(crate) use twi_words::is_twi_word;

use crate::cache::{CacheInfo, PhonemeCache};
use crate::options::Variety;
use crate::own_words::OwnWords;
use crate::phoneme::{id_of, PhonemeId, UNK};
use crate::spelling::is_letter_name;
use crate::tone::{analyze, Tonal, Tones};
use language::{spelling, Spelling};
pub(crate) use letters::Tone;
use letters::DOWNSTEPS;
use sequence::Sequence;
pub(crate) use sequence::Spoken;
pub(crate) use word::{bare_key, nuclei, Nucleus};

/// Settings of a [`TwiG2p`].
#[derive(Debug, Clone)]
pub struct G2pOptions {
    /// How written tone marks are read.
    pub tone: ToneMode,
    /// Where the tones of words without marks come from.
    pub tones: Tones,
    /// The written standard for predicted tones, where the standards differ.
    pub variety: Variety,
    /// The user's lexicon; it takes precedence over everything else.
    pub lexicon: Lexicon,
    /// Pronunciations of English words beyond the built-in list of common ones.
    pub english: Option<EnglishSource>,
    /// Capacity of the cache in words; 0 turns it off.
    pub cache_size: usize,
}

impl Default for G2pOptions {
    fn default() -> Self {
        Self {
            tone: ToneMode::Full,
            tones: Tones::Written,
            variety: Variety::Asante,
            lexicon: Lexicon::default(),
            english: None,
            cache_size: 8192,
        }
    }
}

/// The analysis of a word.
#[derive(Debug)]
struct Reading {
    /// Its units.
    units: Box<[PhonemeId]>,
    /// Language evidence from its spelling.
    spelling: Spelling,
    tonal: OnceLock<Tonal>,
}

impl Reading {
    /// The tone readings of this word, computed on first use.
    fn tonal(&self, word: &str, variety: Variety) -> &Tonal {
        self.tonal
            .get_or_init(|| analyze(word, &self.units, variety))
    }
}

/// Grapheme to phoneme for Twi. Total: it never fails; a letter without a reading becomes `<unk>` and is counted.
pub struct TwiG2p {
    tone: ToneMode,
    tones: Tones,
    variety: Variety,
    lexicon: Lexicon,
    /// Words of the lexicon that the normalizer must not expand.
    own: OwnWords,
    english: Option<EnglishSource>,
    cache: PhonemeCache<Reading>,
    unknown: Mutex<BTreeMap<char, u64>>,
}

impl TwiG2p {
    /// A converter with these settings.
    pub fn new(options: G2pOptions) -> Self {
        let mut lexicon = options.lexicon;
        let own = OwnWords::new(lexicon.keys());
        for (key, stand_in) in own.iter() {
            lexicon.read_alike(key, stand_in);
        }
        Self {
            tone: options.tone,
            tones: options.tones,
            variety: options.variety,
            lexicon,
            own,
            english: options.english,
            cache: PhonemeCache::new(options.cache_size),
            unknown: Mutex::default(),
        }
    }

    /// Ids of a normalized text. `_` separates two words, a pause mark directly after the last unit of
    /// its word and in place of the `_`. A mark before the first word is dropped, of several in a row the
    /// first one is kept.
    pub fn text_to_ids(&self, text: &str) -> Vec<PhonemeId> {
        self.read_words(text, None, None, |_| {})
    }

    /// Does what [`text_to_ids`](Self::text_to_ids) does in a language, with the tones from another source where they
    /// are given, and reports every word with a sound.
    pub(crate) fn read_words(
        &self,
        text: &str,
        language: Option<Language>,
        tones: Option<Tones>,
        found: impl FnMut(Spoken),
    ) -> Vec<PhonemeId> {
        let tones = tones.unwrap_or(self.tones);
        let mut sequence = Sequence::new(self, text, tones, found);
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let length = word_length(rest);
            if length > 0 {
                let start = text.len() - rest.len();
                let place = start..start + length;
                match letter_names::contested(text, &place) {
                    Some(units) => sequence.letter(place, units),
                    None => sequence.word(place, language),
                }
                rest = &rest[length..];
                continue;
            }
            if let Some(pause) = pause(c) {
                sequence.pause(pause);
            }
            rest = &rest[c.len_utf8()..];
        }
        sequence.finish()
    }

    /// Words of the lexicon that the normalizer must not expand.
    pub(crate) fn own_words(&self) -> &OwnWords {
        &self.own
    }

    /// The reading of a word, in a given language or in the one its spelling suggests.
    fn reading(&self, word: &str, language: Option<Language>) -> Arc<Reading> {
        // The normalizer spells initials in Twi, and "ii" is not an English numeral.
        let language = language.filter(|_| !is_letter_name(word));
        let reading = match language {
            None => self.cache.get_or(word, || {
                self.compute(word, spelling(word, self.english.as_ref()))
            }),
            // The same word in another language needs another key: no word begins with a control character.
            Some(Language::Twi) => self.cache.get_or(&format!("\u{1}{word}"), || {
                self.compute(word, Spelling::Twi)
            }),
            Some(Language::English) => self.cache.get_or(&format!("\u{2}{word}"), || {
                self.compute(word, Spelling::English)
            }),
        };
        self.counted(word, reading)
    }

    /// The written standard for predicted tones.
    fn variety(&self) -> Variety {
        self.variety
    }

    fn compute(&self, word: &str, spelling: Spelling) -> Reading {
        let (language, more) = match spelling {
            Spelling::English => (Language::English, self.english.as_ref()),
            _ => (Language::Twi, None),
        };
        let units = word::read_word(word, language, &self.lexicon, more, self.tone).into();
        Reading {
            units,
            spelling,
            tonal: OnceLock::new(),
        }
    }

    fn counted(&self, word: &str, reading: Arc<Reading>) -> Arc<Reading> {
        if reading.units.contains(&UNK) {
            self.count_unknown(word);
        }
        reading
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

    /// How often each letter without a reading occurred since the last [`clear`](Self::clear).
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

    /// Empties the cache and resets all counters.
    pub fn clear(&self) {
        self.cache.clear();
        self.unknown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

/// Length in bytes of the word at the start of a text: letters with their marks, and inside it apostrophes, hyphens and
/// downstep marks that a letter follows. 0 if there is none.
fn word_length(text: &str) -> usize {
    // Words of plain small letters before a space or a mark are by far the most common.
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

/// Length in bytes of the run of small letters of the alphabet at the start of a text.
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
