//! English words as they are said in Ghana: a lexicon in IPA, folded to the units of Twi (docs/frontend.md 3.8).

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::fold::fold;
use super::letters::Letter;
use crate::error::TextError;
use crate::phoneme::PhonemeId;

/// Words that the lexicon spells out or does not have.
const SUPPLEMENT: [(&str, &str); 2] = [("a", "ə"), ("i", "a ɪ")];

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

/// English words and their phones, kept as the text they came in: it is searched, never indexed.
pub struct EnglishLexicon {
    /// Lines of word, tab and phones, sorted by the bytes of the word.
    text: String,
}

impl fmt::Debug for EnglishLexicon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnglishLexicon({} bytes)", self.text.len())
    }
}

impl EnglishLexicon {
    /// A lexicon of lines `word<TAB>phones` with small letters and spaced IPA, as `time<TAB>t a ɪ m`. Of several
    /// lines of a word the first counts.
    ///
    /// # Errors
    /// [`TextError::Lexicon`] naming the first line without a tab.
    pub fn new(text: String) -> Result<Self, TextError> {
        let mut lines = Vec::new();
        for (row, line) in text.lines().enumerate() {
            let Some((word, _)) = line.split_once('\t') else {
                let (place, reason) = (
                    format!("English lexicon line {}", row + 1),
                    "needs a word, a tab and phones".into(),
                );
                return Err(TextError::Lexicon { place, reason });
            };
            lines.push((word, line));
        }
        if lines.is_sorted_by_key(|(word, _)| *word) {
            return Ok(Self { text });
        }
        lines.sort_by_key(|(word, _)| *word);
        let sorted: Vec<&str> = lines.into_iter().map(|(_, line)| line).collect();
        let text = sorted.join("\n");
        Ok(Self { text })
    }

    /// The phones of a word, as written in the lexicon.
    fn phones(&self, word: &str) -> Option<&str> {
        let start = self.first_line(word);
        let line = self.text[start..].lines().next()?;
        line.split_once('\t')
            .filter(|(found, _)| *found == word)
            .map(|(_, phones)| phones)
    }

    /// Where the first line stands whose word is not below `word`.
    fn first_line(&self, word: &str) -> usize {
        let (mut low, mut high) = (0, self.text.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let before = &self.text.as_bytes()[low..middle];
            let line = before
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(low, |at| low + at + 1);
            let rest = &self.text[line..];
            let end = rest.find('\n').map_or(self.text.len(), |at| line + at + 1);
            if rest.split('\t').next().unwrap_or(rest) < word {
                low = end;
            } else {
                high = line;
            }
        }
        low
    }

    /// The units of a written word without its tone marks, with the endings that English writes after an
    /// apostrophe.
    pub(super) fn find(&self, letters: &[Letter]) -> Option<Vec<PhonemeId>> {
        let mut word = String::with_capacity(letters.len() + 1);
        for letter in letters {
            if letter.apart && !word.is_empty() {
                word.push('\'');
            }
            word.push(letter.base);
        }
        let known = |word: &str| {
            let more = SUPPLEMENT.iter().find(|(written, _)| *written == word);
            more.map(|(_, phones)| *phones)
                .or_else(|| self.phones(word))
        };
        if let Some(phones) = known(&word) {
            return fold(phones.split(' '));
        }
        let (ending, added) = CONTRACTIONS.iter().find(|(end, _)| word.ends_with(end))?;
        let host = known(word.strip_suffix(ending)?)?;
        let hard = matches!(host.chars().last(), Some('p' | 't' | 'k' | 'f' | 'θ'));
        let added = if *added == "z" && hard { "s" } else { added };
        fold(host.split(' ').chain(added.split(' ')))
    }
}

/// Where the lexicon comes from when the first English word is met.
#[derive(Clone)]
pub struct EnglishSource {
    load: Arc<dyn Fn() -> Option<Arc<EnglishLexicon>> + Send + Sync>,
    loaded: Arc<OnceLock<Option<Arc<EnglishLexicon>>>>,
}

impl EnglishSource {
    /// A source that `load` is asked for once; without a result English words are read by letter rules.
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
    use super::super::letters::letters;
    use super::EnglishLexicon;
    use crate::phoneme::format_units;

    const LINES: &str =
        "time\tt a ɪ m\nschool\ts k uː l\nread\tɹ iː d\nread\tɹ ɛ d\nthe\tð ə\nit\tɪ t\n";

    fn read(word: &str) -> Option<String> {
        let lexicon = EnglishLexicon::new(LINES.into()).expect("a bad line");
        lexicon
            .find(&letters(word))
            .map(|units| format_units(&units))
    }

    #[test]
    fn words_are_found_in_unsorted_lines_and_the_first_reading_counts() {
        assert_eq!(read("Time").as_deref(), Some("t a i m̩"));
        assert_eq!(read("school").as_deref(), Some("s k u u l"));
        assert_eq!(read("read").as_deref(), Some("ɾ i i d"));
        assert_eq!(read("i").as_deref(), Some("a i"));
        assert_eq!(read("tim"), None);
        assert_eq!(read("timer"), None);
        assert_eq!(read("zoo"), None);
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
