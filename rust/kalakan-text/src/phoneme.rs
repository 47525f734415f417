//! The closed phoneme table: symbol, IPA, class. An id is a row number of `data/phonemes.tsv`; append only.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::error::TextError;

const TABLE: &str = include_str!("../data/phonemes.tsv");

/// Rows of the table, reserved ones included: every id is below this number.
pub const TABLE_SIZE: usize = 96;

/// A row number of the phoneme table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhonemeId(u8);

impl PhonemeId {
    /// The id of a row number; `None` outside the table.
    pub fn new(row: usize) -> Option<Self> {
        (row < TABLE_SIZE).then_some(Self(row as u8))
    }

    /// The row number.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The unit's symbol; `None` for a reserved row.
    pub fn symbol(self) -> Option<&'static str> {
        let symbol = self.row().symbol;
        (!symbol.is_empty()).then_some(symbol)
    }

    /// The whole row.
    pub fn row(self) -> &'static Phoneme {
        &PHONEMES[usize::from(self.0)]
    }

    /// Whether the unit is the nucleus of a syllable: a vowel or a syllabic nasal.
    pub fn is_nucleus(self) -> bool {
        self.is_in(VOWELS | SYLLABIC_NASALS)
    }

    /// Whether the unit is a tone or the downstep: it has no duration.
    pub fn is_tone(self) -> bool {
        self.is_in(TONES)
    }

    /// Whether the unit is a vowel.
    pub fn is_vowel(self) -> bool {
        self.is_in(VOWELS)
    }

    /// Whether the unit is a pause mark.
    pub fn is_pause(self) -> bool {
        self.is_in(PAUSES)
    }

    /// Whether a set made by [`set_of`] has the unit.
    pub(crate) const fn is_in(self, class: u128) -> bool {
        class >> self.0 & 1 == 1
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phoneme {
    /// The unit's spelling; empty for a reserved row.
    pub symbol: &'static str,
    /// Broad IPA; empty where the unit is not a sound.
    pub ipa: &'static str,
    /// `special`, `boundary`, `pause`, `language`, `tone`, `vowel`, `consonant`, `nasal`, `syllabic`, `liquid`, `glide`, `reserved`.
    pub class: &'static str,
    /// Space-separated features.
    pub features: &'static str,
}

/// All rows, by id.
pub static PHONEMES: LazyLock<Vec<Phoneme>> = LazyLock::new(|| {
    TABLE
        .lines()
        .skip(1)
        .map(|line| {
            let mut fields = line.split('\t').skip(1);
            let mut next = || fields.next().unwrap_or_default();
            Phoneme {
                symbol: next(),
                ipa: next(),
                class: next(),
                features: next(),
            }
        })
        .collect()
});

static BY_SYMBOL: LazyLock<HashMap<&'static str, PhonemeId>> = LazyLock::new(|| {
    let rows = PHONEMES.iter().enumerate();
    rows.filter(|(_, row)| !row.symbol.is_empty())
        .map(|(id, row)| (row.symbol, PhonemeId(id as u8)))
        .collect()
});

/// The table as text, to be stored beside a model's weights.
pub fn table_text() -> &'static str {
    TABLE
}

/// FNV-1a 64 of every assigned (id, symbol) pair: equal hashes mean that ids can be exchanged.
/// IPA and features are left out, so that better notes do not invalidate a model's table.
pub fn table_hash() -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for (id, row) in PHONEMES
        .iter()
        .enumerate()
        .filter(|(_, row)| !row.symbol.is_empty())
    {
        for byte in format!("{id}\t{}\n", row.symbol).bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

/// The id of a symbol; `None` if the table does not have it.
pub fn phoneme_id(symbol: &str) -> Option<PhonemeId> {
    BY_SYMBOL.get(symbol).copied()
}

/// Reads units joined by whitespace, as [`format_units`] writes them.
///
/// # Errors
/// [`TextError::UnknownPhoneme`] for the first symbol outside the table.
pub fn parse_units(units: &str) -> Result<Vec<PhonemeId>, TextError> {
    let parse = |symbol: &str| {
        phoneme_id(symbol).ok_or_else(|| TextError::UnknownPhoneme {
            symbol: symbol.into(),
            place: format!("{units:?}"),
        })
    };
    units.split_whitespace().map(parse).collect()
}

/// Joins units with single spaces. A reserved row has no symbol and is written as `<unk>`.
pub fn format_units(ids: &[PhonemeId]) -> String {
    let symbols: Vec<&str> = ids
        .iter()
        .map(|id| id.symbol().unwrap_or("<unk>"))
        .collect();
    symbols.join(" ")
}

/// The id of a unit named in a rule, looked up in the table at compile time.
macro_rules! unit {
    ($symbol:literal) => {{
        const ID: $crate::phoneme::PhonemeId = $crate::phoneme::id_of($symbol);
        ID
    }};
}
pub(crate) use unit;

/// The id of a symbol, found in the table at compile time: a unit that a rule names cannot be missing.
pub(crate) const fn id_of(symbol: &str) -> PhonemeId {
    let (table, symbol) = (TABLE.as_bytes(), symbol.as_bytes());
    let (mut row, mut at) = (0, skip_past(table, 0, b'\n'));
    while at < table.len() {
        let start = skip_past(table, at, b'\t');
        if starts_with(table, start, symbol) && table[start + symbol.len()] == b'\t' {
            return PhonemeId(row);
        }
        at = skip_past(table, at, b'\n');
        row += 1;
    }
    panic!("a symbol named in the code is not in data/phonemes.tsv")
}

/// The set of some units, one bit a row.
pub(crate) const fn set_of(symbols: &[&str]) -> u128 {
    let (mut set, mut at) = (0, 0);
    while at < symbols.len() {
        set |= 1 << id_of(symbols[at]).0;
        at += 1;
    }
    set
}

// One bit a row: these checks run for every unit of every word.
const VOWELS: u128 = class_of("vowel");
const SYLLABIC_NASALS: u128 = class_of("syllabic");
const TONES: u128 = class_of("tone");
const PAUSES: u128 = class_of("pause");

const fn class_of(class: &str) -> u128 {
    let (table, class) = (TABLE.as_bytes(), class.as_bytes());
    let (mut row, mut rows, mut at) = (0, 0, skip_past(table, 0, b'\n'));
    while at < table.len() {
        let ipa = skip_past(table, skip_past(table, at, b'\t'), b'\t');
        let start = skip_past(table, ipa, b'\t');
        if starts_with(table, start, class) && table[start + class.len()] == b'\t' {
            rows |= 1 << row;
        }
        at = skip_past(table, at, b'\n');
        row += 1;
    }
    rows
}

const fn skip_past(bytes: &[u8], mut at: usize, stop: u8) -> usize {
    while bytes[at] != stop {
        at += 1;
    }
    at + 1
}

const fn starts_with(bytes: &[u8], at: usize, part: &[u8]) -> bool {
    let mut i = 0;
    while i < part.len() {
        if at + i >= bytes.len() || bytes[at + i] != part[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Padding of a batch: silent.
pub const PAD: PhonemeId = id_of("<pad>");
/// Start of an utterance.
pub const BOS: PhonemeId = id_of("<bos>");
/// End of an utterance.
pub const EOS: PhonemeId = id_of("<eos>");
/// A letter without a reading.
pub const UNK: PhonemeId = id_of("<unk>");
/// Between two words without a pause between them.
pub const WORD_BOUNDARY: PhonemeId = id_of("_");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        assert_eq!(PHONEMES.len(), TABLE_SIZE);
        assert_eq!(
            PHONEMES.iter().filter(|row| !row.symbol.is_empty()).count(),
            72
        );
        for (row, line) in TABLE.lines().skip(1).enumerate() {
            assert_eq!(line.split('\t').count(), 5, "{line}");
            assert_eq!(line.split('\t').next(), Some(row.to_string().as_str()));
        }
        assert_eq!(BY_SYMBOL.len(), 72, "a symbol stands twice");
    }

    #[test]
    fn classes_are_those_of_the_table() {
        for id in (0..TABLE_SIZE).filter_map(PhonemeId::new) {
            let class = id.row().class;
            assert_eq!(id.is_vowel(), class == "vowel");
            assert_eq!(id.is_nucleus(), matches!(class, "vowel" | "syllabic"));
            assert_eq!(id.is_tone(), class == "tone");
            assert_eq!(id.is_pause(), class == "pause");
        }
    }

    #[test]
    fn ids_round_trip() {
        for id in (0..TABLE_SIZE).filter_map(PhonemeId::new) {
            if let Some(symbol) = id.symbol() {
                assert_eq!(phoneme_id(symbol), Some(id));
            }
        }
        assert_eq!((PAD.get(), UNK.get(), WORD_BOUNDARY.get()), (0, 3, 4));
        assert_eq!(PhonemeId::new(TABLE_SIZE), None);
    }
}
