//! The converter: its settings, and the reading of a single word.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::english::EnglishSource;
use super::language::{spelling, Language, Spelling};
use super::lexicon::Lexicon;
use super::word::read_word;
use crate::cache::{CacheInfo, PhonemeCache};
use crate::options::Variety;
use crate::own_words::OwnWords;
use crate::phoneme::{PhonemeId, UNK};
use crate::sounds::{is_unknown, ToneMode};
use crate::spelling::is_letter_name;
use crate::tone::{analyze, Tonal, Tones};
use crate::words::letters;

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
pub(super) struct Reading {
    /// Its units.
    pub units: Box<[PhonemeId]>,
    /// Language evidence from its spelling.
    pub spelling: Spelling,
    /// Whether a letter of it has no reading.
    unknown: bool,
    tonal: OnceLock<Tonal>,
}

impl Reading {
    /// The tone readings of this word, computed on first use.
    pub fn tonal(&self, word: &str, variety: Variety) -> &Tonal {
        self.tonal
            .get_or_init(|| analyze(word, &self.units, variety))
    }
}

/// Grapheme to phoneme for Twi. Total: it never fails; a letter without a reading becomes `<unk>` and is counted.
pub struct TwiG2p {
    tone: ToneMode,
    pub(super) tones: Tones,
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

    /// Words of the lexicon that the normalizer must not expand.
    pub(crate) fn own_words(&self) -> &OwnWords {
        &self.own
    }

    /// The reading of a word, in a given language or in the one its spelling suggests.
    pub(super) fn reading(&self, word: &str, language: Option<Language>) -> Arc<Reading> {
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
    pub(super) fn variety(&self) -> Variety {
        self.variety
    }

    fn compute(&self, word: &str, spelling: Spelling) -> Reading {
        let (language, more) = match spelling {
            Spelling::English => (Language::English, self.english.as_ref()),
            _ => (Language::Twi, None),
        };
        let units: Box<[PhonemeId]> =
            read_word(word, language, &self.lexicon, more, self.tone).into();
        Reading {
            unknown: units.contains(&UNK),
            units,
            spelling,
            tonal: OnceLock::new(),
        }
    }

    fn counted(&self, word: &str, reading: Arc<Reading>) -> Arc<Reading> {
        if reading.unknown {
            self.count_unknown(word);
        }
        reading
    }

    fn count_unknown(&self, word: &str) {
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        for letter in letters(word)
            .iter()
            .filter(|letter| is_unknown(letter.base))
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
