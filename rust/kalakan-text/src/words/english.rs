//! English words: the list of common ones, and lexicons in IPA (docs/frontend.md 3.8).

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use super::letters::Letter;
use crate::error::TextError;

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
    pub(crate) fn phones(&self, word: &str) -> Option<&str> {
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

/// The phones of a word in the list of common English.
pub(crate) fn common_phones(word: &str) -> Option<&'static str> {
    common(word)?.next()
}

/// The class of a word in the list of common English: `""` if its letters cannot be Twi. `None` if the list
/// does not have it.
pub(crate) fn common_class(word: &str) -> Option<&'static str> {
    Some(common(word)?.nth(1).unwrap_or_default())
}

/// Returns whether a word of small letters is one of the English words that people mix into Twi.
pub(crate) fn is_common_english(word: &str) -> bool {
    common(word).is_some()
}

/// The key of a word in English lexicons, without its marks.
pub(crate) fn english_key(letters: &[Letter]) -> String {
    let mut word = String::with_capacity(letters.len() + 1);
    for letter in letters {
        if letter.apart && !word.is_empty() {
            word.push('\'');
        }
        word.push(letter.base);
    }
    word
}

#[cfg(test)]
mod tests {
    use super::{common_class, COMMON};

    #[test]
    fn every_line_of_common_english_is_sorted_and_has_a_class() {
        let words: Vec<_> = COMMON
            .text
            .lines()
            .map(|line| line.split('\t').next().expect(line))
            .collect();
        assert!(words.windows(2).all(|pair| pair[0] < pair[1]));
        for word in words {
            let class = common_class(word).expect(word);
            assert!(
                ["", "english", "beside", "either"].contains(&class),
                "{word}: {class}"
            );
        }
    }
}
