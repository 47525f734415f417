//! Twi text to phoneme ids.
//!
//! Four stages, each a pure function:
//!
//! 1. clean: Unicode form, look-alike letters, mojibake, chat spelling;
//! 2. normalize: numbers, money, dates, abbreviations become words;
//! 3. grapheme to phoneme: words become units of a closed table;
//! 4. units, word boundaries and pauses become ids, the table's row numbers.
//!
//! ```
//! use kalakan_text::normalize::{normalize, NormalizeOptions};
//! use kalakan_text::{format_units, G2pOptions, TwiG2p};
//!
//! let text = normalize("Me ma wo akye.", &NormalizeOptions::default());
//! let ids = TwiG2p::new(G2pOptions::default()).text_to_ids(&text);
//! assert_eq!(format_units(&ids), "m ɪ _ m a _ w ʊ _ a tɕ ɪ .");
//! ```

mod address;
pub mod alphabet;
mod cache;
pub mod clean;
pub mod currency;
mod error;
mod explain;
mod g2p;
pub mod normalize;
mod options;
mod own_words;
mod phoneme;
mod punctuation;
pub mod sentence;
mod sounds;
mod spans;
pub mod spelling;
mod steps;
mod tone;
mod traced;
mod words;

pub use cache::CacheInfo;
pub use error::TextError;
pub use explain::Explained;
pub use g2p::{EnglishSource, G2pOptions, Language, Lexicon, TwiG2p};
pub use phoneme::{
    format_units, parse_units, phoneme_id, table_hash, table_text, Phoneme, PhonemeId, BOS, EOS,
    PAD, PHONEMES, TABLE_SIZE, UNK, WORD_BOUNDARY,
};
pub use sounds::{syllables, ToneMode};
pub use spans::{Reading, WordSpan};
pub use tone::{Confidence, Rules, Tones};
pub use words::{is_foreign, EnglishLexicon};
