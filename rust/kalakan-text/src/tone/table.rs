//! Tones of words and verb stems from the sources: `data/tone_words.tsv` and `data/tone_verbs.tsv`.

use std::collections::HashMap;
use std::sync::LazyLock;

use smallvec::SmallVec;

use super::pattern::Pattern;
use super::rule::Confidence;
use crate::sounds::nuclei;
use crate::words::bare_key;

const WORDS: &str = include_str!("../../data/tone_words.tsv");
const VERBS: &str = include_str!("../../data/tone_verbs.tsv");

/// Syntactic class of a word, as far as tones depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Noun,
    Name,
    Number,
    Adjective,
    Pronoun,
    Possessive,
    Subject,
    Object,
    Determiner,
    Quantifier,
    Postposition,
    Verb,
    Stative,
    /// A verb form of a relative, time or focus clause.
    Linked,
    Conjunction,
    Auxiliary,
    Relative,
    Adverb,
}

impl Class {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "noun" => Self::Noun,
            "name" => Self::Name,
            "num" => Self::Number,
            "adj" => Self::Adjective,
            "pronoun" => Self::Pronoun,
            "possessive" => Self::Possessive,
            "subject" => Self::Subject,
            "object" => Self::Object,
            "det" => Self::Determiner,
            "quant" => Self::Quantifier,
            "postp" => Self::Postposition,
            "verb" => Self::Verb,
            "stative" => Self::Stative,
            "linked" => Self::Linked,
            "conj" => Self::Conjunction,
            "aux" => Self::Auxiliary,
            "rel" => Self::Relative,
            "adv" => Self::Adverb,
            _ => return None,
        })
    }

    pub fn is_verb(self) -> bool {
        matches!(self, Self::Verb | Self::Stative | Self::Linked)
    }
}

/// One reading of a word or of a verb stem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub pattern: Pattern,
    pub class: Class,
    pub confidence: Confidence,
    pub source: &'static str,
}

pub(crate) type Entries = SmallVec<[Entry; 2]>;

/// Readings of words, the most common one first.
pub(crate) static TABLE: LazyLock<HashMap<String, Entries>> =
    LazyLock::new(|| read(WORDS, Class::parse));

/// Verb stems, the stative reading of a stem last.
pub(crate) static STEMS: LazyLock<HashMap<String, Entries>> = LazyLock::new(|| {
    read(VERBS, |class| match class {
        "H" | "HH" | "LH" => Some(Class::Verb),
        "L" => Some(Class::Stative),
        _ => None,
    })
});

fn read(table: &'static str, class: impl Fn(&str) -> Option<Class>) -> HashMap<String, Entries> {
    let mut found: HashMap<String, Entries> = HashMap::new();
    for line in table.lines().skip(1) {
        // A test reads every line, so a bad one is detected.
        if let Some((word, entry)) = parse(line, &class) {
            found.entry(word).or_default().push(entry);
        }
    }
    found
}

fn parse(line: &'static str, class: &impl Fn(&str) -> Option<Class>) -> Option<(String, Entry)> {
    let fields: Vec<&'static str> = line.split('\t').collect();
    let [word, form, kind, source, confidence] = fields[..] else {
        return None;
    };
    let entry = Entry {
        pattern: Pattern::of_nuclei(&nuclei(form))?,
        class: class(kind)?,
        confidence: Confidence::parse(confidence)?,
        source,
    };
    Some((bare_key(word), entry))
}

/// Noun stems by their letters without the prefix: the base for other forms of a noun.
pub(crate) static NOUN_STEMS: LazyLock<HashMap<String, Entry>> = LazyLock::new(|| {
    let mut found: HashMap<String, Entry> = HashMap::new();
    for line in WORDS.lines().skip(1) {
        let Some((word, entry)) = parse(line, &Class::parse) else {
            continue;
        };
        if !matches!(entry.class, Class::Noun | Class::Number | Class::Adjective) {
            continue;
        }
        let Some((stem, prefix)) = without_prefix(&word) else {
            continue;
        };
        let entry = Entry {
            pattern: entry.pattern.tail(prefix),
            ..entry
        };
        if found
            .get(stem)
            .is_none_or(|known| known.confidence < entry.confidence)
        {
            found.insert(stem.to_owned(), entry);
        }
    }
    found
});

/// Whether a small letter is a vowel of the alphabet.
pub(crate) fn is_vowel(letter: char) -> bool {
    matches!(letter, 'a' | 'e' | 'ɛ' | 'i' | 'o' | 'ɔ' | 'u')
}

/// A noun without its prefix (a, e, ɛ, o, ɔ before a consonant, m or n before another one), and the prefix's nuclei.
/// `None` if the rest is not a stem.
pub(crate) fn without_prefix(word: &str) -> Option<(&str, usize)> {
    let mut letters = word.chars();
    let (first, second) = (letters.next()?, letters.next()?);
    let prefix = match first {
        'a' | 'e' | 'ɛ' | 'o' | 'ɔ' => !is_vowel(second),
        'm' => matches!(second, 'm' | 'p' | 'b' | 'f'),
        'n' => !is_vowel(second) && !matches!(second, 'y' | 'w'),
        _ => false,
    };
    // What does not begin with a vowel or nasal of its own may itself be a stem.
    let stem = if prefix {
        &word[first.len_utf8()..]
    } else {
        word
    };
    let has_vowel = stem.chars().any(is_vowel);
    (stem.chars().count() >= 2 && has_vowel).then_some((stem, usize::from(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_tables_is_read() {
        let words = WORDS.lines().skip(1);
        for line in words {
            assert!(parse(line, &Class::parse).is_some(), "{line}");
        }
        let stems: usize = STEMS.values().map(SmallVec::len).sum();
        assert_eq!(stems, VERBS.lines().count() - 1);
    }

    #[test]
    fn a_marked_form_is_its_word_with_marks() {
        for line in WORDS
            .lines()
            .chain(VERBS.lines())
            .filter(|line| !line.contains("\tclass\t"))
        {
            let fields: Vec<&str> = line.split('\t').collect();
            // A source may write nasal vowels that the orthography does not.
            let without = |form: &str| bare_key(form).replace('\u{303}', "");
            assert_eq!(without(fields[1]), without(fields[0]), "{line}");
        }
    }
}
