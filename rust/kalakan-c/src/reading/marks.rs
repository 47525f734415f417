//! Classes of ids that the text stage and the corrections use.

use std::sync::LazyLock;

use kalakan_text::{phoneme_id, PhonemeId, BOS, PHONEMES, UNK};

macro_rules! mark {
    ($($name:ident = $symbol:literal: $what:literal;)*) => {$(
        #[doc = $what]
        pub(crate) static $name: LazyLock<PhonemeId> =
            LazyLock::new(|| phoneme_id($symbol).unwrap_or(UNK));
    )*};
}

mark! {
    FULL_STOP = ".": "The mark that ends a statement.";
    QUESTION = "?": "The mark that ends a question.";
    EXCLAMATION = "!": "The mark that ends an exclamation.";
    ELLIPSIS = "…": "An ellipsis.";
    PHRASE_BREAK = "¦": "Where a sentence is cut.";
}

/// Whether a unit is realized as silence.
pub(crate) fn is_mark(unit: PhonemeId) -> bool {
    unit.is_pause()
}

/// Whether a unit ends a sentence.
pub(crate) fn ends_sentence(unit: PhonemeId) -> bool {
    unit == *FULL_STOP || unit == *QUESTION || unit == *EXCLAMATION
}

/// Whether a unit makes a sound: a vowel or a consonant of any kind.
pub(crate) fn is_sound(unit: PhonemeId) -> bool {
    const SOUNDS: [&str; 6] = ["vowel", "consonant", "nasal", "syllabic", "liquid", "glide"];
    SOUNDS.contains(&PHONEMES[usize::from(unit.get())].class)
}

/// Units as model input: the begin mark first, and a mark last (`mark` if there is none).
pub(crate) fn framed(units: &[PhonemeId], mark: PhonemeId) -> Vec<PhonemeId> {
    let mut ids = Vec::with_capacity(units.len() + 2);
    ids.push(BOS);
    ids.extend_from_slice(units);
    if !units.last().is_some_and(|last| is_mark(*last)) {
        ids.push(mark);
    }
    ids
}
