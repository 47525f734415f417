//! Entries of the user's lexicon, checked: units, or a respelling in Twi letters.

use unicode_normalization::UnicodeNormalization;

use super::language::Language;
use super::lexicon::Lexicon;
use super::word::read_word;
use crate::error::TextError;
use crate::phoneme::{parse_units, PhonemeId, UNK, WORD_BOUNDARY};
use crate::sounds::ToneMode;
use crate::words::{bare_key, letters};

impl Lexicon {
    /// Adds one word; a later entry replaces an earlier one. Its reading is units, or `=` and a respelling in
    /// Twi letters, as in `=waifai`, or the word itself with its tone marks.
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
            None if is_marked_form(&folded, units) => respelled(units).map_err(wrong)?,
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
}

/// Whether `form` is `word` with tone marks: a line of corrected tones.
fn is_marked_form(word: &str, form: &str) -> bool {
    let form = form.trim();
    let toned = letters(form).iter().any(|letter| letter.tone.is_some());
    toned && !form.contains(char::is_whitespace) && bare_key(form) == bare_key(word)
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
