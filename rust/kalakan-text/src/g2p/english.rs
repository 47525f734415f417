//! English words in Ghanaian pronunciation: lexicons in IPA, folded to the units of Twi (docs/frontend.md 3.8).

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use super::fold::fold;
use super::letters::Letter;
use crate::error::TextError;
use crate::phoneme::PhonemeId;

/// The English that people mix into Twi: lines of word, phones and class, sorted by the bytes of the word.
static COMMON: EnglishLexicon = EnglishLexicon {
    text: Cow::Borrowed(include_str!("../../data/english.tsv")),
};

/// Bit set of the hashes of the words of [`COMMON`]: most words of a text need no search.
static COMMON_HASHES: LazyLock<[u64; 1024]> = LazyLock::new(|| {
    let mut hashes = [0; 1024];
    for line in COMMON.text.lines() {
        let (row, bit) = place(line.split('\t').next().unwrap_or_default());
        hashes[row] |= bit;
    }
    hashes
});

fn place(word: &str) -> (usize, u64) {
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = word.bytes().fold(0x811c_9dc5, mix);
    ((hash >> 22) as usize, 1 << (hash >> 16 & 63))
}

/// The columns after a word in the list of common English.
fn common(word: &str) -> Option<impl Iterator<Item = &'static str>> {
    let (row, bit) = place(word);
    (COMMON_HASHES[row] & bit != 0)
        .then(|| COMMON.columns(word))
        .flatten()
}

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

/// English words and their phones, kept as the original text: it is searched, never indexed.
pub struct EnglishLexicon {
    /// Lines of word, tab and phones, and maybe more columns, sorted by the bytes of the word.
    text: Cow<'static, str>,
}

impl fmt::Debug for EnglishLexicon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnglishLexicon({} bytes)", self.text.len())
    }
}

impl EnglishLexicon {
    /// A lexicon of lines `word<TAB>phones` with small letters and spaced IPA, as `time<TAB>t a ɪ m`. If a word has
    /// several lines, the first one is used.
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
            return Ok(Self { text: text.into() });
        }
        lines.sort_by_key(|(word, _)| *word);
        let sorted: Vec<&str> = lines.into_iter().map(|(_, line)| line).collect();
        let text = sorted.join("\n").into();
        Ok(Self { text })
    }

    /// The phones of a word, as written in the lexicon.
    pub(super) fn phones(&self, word: &str) -> Option<&str> {
        self.columns(word)?.next()
    }

    /// The rest of a line after its word.
    fn columns(&self, word: &str) -> Option<impl Iterator<Item = &str>> {
        let start = self.first_line(word);
        let mut columns = self.text[start..].lines().next()?.split('\t');
        (columns.next() == Some(word)).then_some(columns)
    }

    /// Offset of the first line whose word is not below `word`.
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
}

/// The class of a word in the list of common English: `""` if its letters cannot be Twi. `None` if the list
/// does not have it.
pub(super) fn common_class(word: &str) -> Option<&'static str> {
    Some(common(word)?.nth(1).unwrap_or_default())
}

/// Returns whether a word of small letters is one of the English words that people mix into Twi.
pub(crate) fn is_common_english(word: &str) -> bool {
    common(word).is_some()
}

/// The key of a word in English lexicons, without its marks.
pub(super) fn entry(letters: &[Letter]) -> String {
    let mut word = String::with_capacity(letters.len() + 1);
    for letter in letters {
        if letter.apart && !word.is_empty() {
            word.push('\'');
        }
        word.push(letter.base);
    }
    word
}

/// The units of a written word without its tone marks, with the English endings after an
/// apostrophe: from the list of common English, else from `more`, which is loaded on first use.
pub(super) fn find(letters: &[Letter], more: Option<&EnglishSource>) -> Option<Vec<PhonemeId>> {
    let word = entry(letters);
    let known = |word: &str| {
        let common = common(word).and_then(|mut columns| columns.next());
        common.or_else(|| more?.lexicon()?.phones(word))
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
    use super::super::letters::letters;
    use std::sync::Arc;

    use super::{common_class, find, EnglishLexicon, EnglishSource, COMMON};
    use crate::phoneme::format_units;

    const LINES: &str = "zither\tz ɪ ð ə\nschool\ts k uː l\nzinc\tz ɪ ŋ k\nzinc\tz a ɪ n s\n";

    fn read(word: &str) -> Option<String> {
        let lexicon = Arc::new(EnglishLexicon::new(LINES.into()).expect("a bad line"));
        let more = EnglishSource::new(move || Some(Arc::clone(&lexicon)));
        find(&letters(word), Some(&more)).map(|units| format_units(&units))
    }

    #[test]
    fn every_line_of_common_english_is_sorted_and_folds() {
        let words: Vec<_> = COMMON
            .text
            .lines()
            .map(|line| line.split('\t').next())
            .collect();
        assert!(words.windows(2).all(|pair| pair[0] < pair[1]));
        for word in words.into_iter().flatten() {
            assert!(find(&letters(word), None).is_some(), "{word}");
            let class = common_class(word).expect(word);
            assert!(
                ["", "english", "beside", "either"].contains(&class),
                "{word}: {class}"
            );
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
