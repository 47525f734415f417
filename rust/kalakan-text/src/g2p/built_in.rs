//! The built-in lexicon: words that break the rules, and names in English spelling.

use std::sync::LazyLock;

use super::lexicon::Lexicon;
use crate::phoneme::parse_units;
use crate::sounds::read_by_rules;
use crate::words::{letters, names, readings};

static BUILT_IN: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon::default();
    for (word, units) in readings() {
        // The golden test reads every entry, so a bad line is detected.
        if let Ok(units) = parse_units(units) {
            lexicon.put(&letters(word), units.into());
        }
    }
    for (name, spelling) in names() {
        lexicon.put(&letters(name), read_by_rules(spelling).into());
    }
    lexicon
});

impl Lexicon {
    /// The built-in list.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }
}
