//! English words in Ghanaian pronunciation: their IPA, folded to the units of Twi (docs/frontend.md 3.8).

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::fold::fold;
use crate::phoneme::PhonemeId;
use crate::words::{common_phones, english_key, EnglishLexicon, Letter};

/// Endings after an apostrophe.
const CONTRACTIONS: [(&str, &str); 7] = [
    ("'s", "z"),
    ("n't", "n t"),
    ("'m", "m"),
    ("'re", "a"),
    ("'ve", "v"),
    ("'ll", "l"),
    ("'d", "d"),
];

/// The units of a written word without its tone marks, with the English endings after an
/// apostrophe: from the list of common English, else from `more`, which is loaded on first use.
pub(super) fn find(letters: &[Letter], more: Option<&EnglishSource>) -> Option<Vec<PhonemeId>> {
    let word = english_key(letters);
    let known = |word: &str| common_phones(word).or_else(|| more?.lexicon()?.phones(word));
    if let Some(phones) = known(&word) {
        return fold(phones.split(' '));
    }
    let (ending, added) = CONTRACTIONS.iter().find(|(end, _)| word.ends_with(end))?;
    let host = known(word.strip_suffix(ending)?)?;
    let hard = matches!(host.chars().last(), Some('p' | 't' | 'k' | 'f' | 'θ'));
    let added = if *added == "z" && hard { "s" } else { added };
    fold(host.split(' ').chain(added.split(' ')))
}

/// A source of the lexicon, loaded for the first English word.
#[derive(Clone)]
pub struct EnglishSource {
    load: Arc<dyn Fn() -> Option<Arc<EnglishLexicon>> + Send + Sync>,
    loaded: Arc<OnceLock<Option<Arc<EnglishLexicon>>>>,
}

impl EnglishSource {
    /// A source that calls `load` once; if it returns nothing, English words are read by letter rules.
    pub fn new(load: impl Fn() -> Option<Arc<EnglishLexicon>> + Send + Sync + 'static) -> Self {
        Self {
            load: Arc::new(load),
            loaded: Arc::default(),
        }
    }

    pub(super) fn lexicon(&self) -> Option<&EnglishLexicon> {
        self.loaded.get_or_init(|| (self.load)()).as_deref()
    }
}

impl fmt::Debug for EnglishSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnglishSource({:?})", self.loaded.get())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{find, EnglishSource};
    use crate::phoneme::format_units;
    use crate::words::{letters, EnglishLexicon};

    const LINES: &str = "zither\tz ɪ ð ə\nschool\ts k uː l\nzinc\tz ɪ ŋ k\nzinc\tz a ɪ n s\n";

    fn read(word: &str) -> Option<String> {
        let lexicon = Arc::new(EnglishLexicon::new(LINES.into()).expect("a bad line"));
        let more = EnglishSource::new(move || Some(Arc::clone(&lexicon)));
        find(&letters(word), Some(&more)).map(|units| format_units(&units))
    }

    #[test]
    fn every_word_of_common_english_folds() {
        for line in include_str!("../../data/english.tsv").lines() {
            let word = line.split('\t').next().expect(line);
            assert!(find(&letters(word), None).is_some(), "{word}");
        }
    }

    #[test]
    fn common_english_needs_no_other_lexicon() {
        let read = |word: &str| find(&letters(word), None).map(|units| format_units(&units));
        assert_eq!(read("city's").as_deref(), Some("s i t i z"));
        assert_eq!(read("us").as_deref(), Some("a s"));
        assert_eq!(read("a").as_deref(), Some("a"));
        assert_eq!(read("zither"), None);
        assert_eq!(read("cit"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn words_are_found_in_unsorted_lines_and_the_first_reading_counts() {
        assert_eq!(read("Zither").as_deref(), Some("z i d a"));
        assert_eq!(read("school").as_deref(), Some("s k u u l"));
        assert_eq!(read("zinc").as_deref(), Some("z i ŋ̩ k"));
        assert_eq!(read("i").as_deref(), Some("a i"));
        assert_eq!(read("zin"), None);
        assert_eq!(read("zincs"), None);
        assert_eq!(read("zzz"), None);
    }

    #[test]
    fn endings_after_an_apostrophe_are_put_on() {
        assert_eq!(read("school's").as_deref(), Some("s k u u l z"));
        assert_eq!(read("it's").as_deref(), Some("i t s"));
        assert_eq!(read("time'll").as_deref(), Some("t a i m̩ l"));
    }

    #[test]
    fn a_line_without_a_tab_is_named() {
        let error = EnglishLexicon::new("a\tə\nthe".into()).expect_err("no tab");
        assert_eq!(
            error.to_string(),
            "English lexicon line 2: needs a word, a tab and phones"
        );
    }
}
