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
    /// Whose tones the predicted ones are, where the standards differ.
    pub variety: Variety,
    /// Words whose reading the user gave; they beat everything else.
    pub lexicon: Lexicon,
    /// Readings of more English words than the built-in list of common ones has.
    pub english: Option<EnglishSource>,
    /// The most words that the cache holds; 0 turns it off.
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

/// What is known of a word.
#[derive(Debug)]
struct Reading {
    /// Its units.
    units: Box<[PhonemeId]>,
    /// What its spelling says of its language.
    spelling: Spelling,
    tonal: OnceLock<Tonal>,
}

impl Reading {
    /// What is known of the tones of this word, found when it is first asked for.
    fn tonal(&self, word: &str, variety: Variety) -> &Tonal {
        self.tonal
            .get_or_init(|| analyze(word, &self.units, variety))
    }
}

/// Grapheme to phoneme for Twi. Total: every text has a reading, a letter without one is `<unk>` and counted.
pub struct TwiG2p {
    tone: ToneMode,
    tones: Tones,
    variety: Variety,
    lexicon: Lexicon,
    /// Words of the lexicon that the normalizer must not say.
    own: OwnWords,
    english: Option<EnglishSource>,
    cache: PhonemeCache<Reading>,
    unknown: Mutex<BTreeMap<char, u64>>,
}

impl TwiG2p {
    /// A reader with these settings.
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

    /// Ids of a normalized text. `_` stands between two words, a pause mark directly after the last unit of
    /// its word and in place of the `_`. A mark before the first word is dropped, of several in a row the
    /// first one counts.
    pub fn text_to_ids(&self, text: &str) -> Vec<PhonemeId> {
        self.read_words(text, None, None, |_| {})
    }

    /// Does what [`text_to_ids`](Self::text_to_ids) does in a language, with the tones from elsewhere where they are
    /// given, and tells of every word with a sound.
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

    /// Words of the lexicon that the normalizer must not say.
    pub(crate) fn own_words(&self) -> &OwnWords {
        &self.own
    }

    /// The reading of a word, in a language or as its spelling says.
    fn reading(&self, word: &str, language: Option<Language>) -> Arc<Reading> {
        // The normalizer spells initials in Twi, and "ii" is no English two.
        let language = language.filter(|_| !is_letter_name(word));
        let reading = match language {
            None => self.cache.get_or(word, || {
                self.compute(word, spelling(word, self.english.as_ref()))
            }),
            // The same word in another language is another word: no word begins with a control.
            Some(Language::Twi) => self.cache.get_or(&format!("\u{1}{word}"), || {
                self.compute(word, Spelling::Twi)
            }),
            Some(Language::English) => self.cache.get_or(&format!("\u{2}{word}"), || {
                self.compute(word, Spelling::English)
            }),
        };
        self.counted(word, reading)
    }

    /// Whose tones the predicted ones are.
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
