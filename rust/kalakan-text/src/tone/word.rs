//! Single words: all possible tone readings, and the class of a word for its neighbors.

use smallvec::SmallVec;

use super::noun::{self, read_noun};
use super::pattern::Pattern;
use super::rule::{Confidence, Rules};
use super::table::{is_vowel, without_prefix, Class, TABLE};
use super::verb::{read_verb, Tense, Verb, VerbForm};
use crate::options::Variety;
use crate::phoneme::PhonemeId;
use crate::spelling::is_letter_name;
use crate::words::{bare_key, is_foreign};

/// Words whose reading depends on their neighbors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// No such word.
    Other,
    A,
    Na,
    Ne,
    No,
    Se,
    Wo,
    /// bi
    Bi,
    /// da
    Da,
    /// A word that opens a clause whose verb is linked: nea, sɛnea.
    Nea,
    /// A word that opens a plain clause: sɛ, nanso, enti and their like.
    Opens,
}

/// One reading of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choice {
    pub pattern: Pattern,
    pub class: Class,
    pub verb: Option<Verb>,
    pub rules: Rules,
    pub confidence: Confidence,
    pub source: &'static str,
}

/// Candidate tones of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tonal {
    /// Its readings, the most likely first; empty if the word is unknown.
    pub choices: SmallVec<[Choice; 2]>,
    pub key: Key,
    /// Whether it names a letter, which counts next to another letter.
    pub is_letter: bool,
    /// The written marks, which are kept.
    pub written: Option<Pattern>,
    /// A noun without prefix whose stem changes after a possessor (rule 20e): not a kinship term.
    pub is_common: bool,
}

impl Tonal {
    /// Whether the table has the word as a name.
    pub fn is_name(&self) -> bool {
        let first = self.choices.first();
        first.is_some_and(|choice| choice.class == Class::Name)
    }
}

/// Kinship terms keep their tones after a possessor, or change in another way.
const KIN: &[&str] = &[
    "papa", "maame", "nana", "sewaa", "agya", "ɛna", "kunu", "yere", "ba",
];

/// Analyzes a word with its units.
pub(crate) fn analyze(word: &str, units: &[PhonemeId], variety: Variety) -> Tonal {
    let bare = bare_key(word);
    let written = Pattern::of_units(units).filter(|pattern| !pattern.is_bare());
    let count = units.iter().filter(|unit| unit.is_nucleus()).count();
    let (clitic, host) = match bare.split_once('\'') {
        Some(("m" | "n" | "w", host)) if host.starts_with(is_vowel) => (true, host),
        _ => (false, bare.as_str()),
    };
    // What is longer than a pattern has no entry and no form; looking for its parts would take the square of its length.
    let mut choices = if count > super::pattern::LONGEST.into() {
        SmallVec::new()
    } else {
        choices(&bare, host, clitic, variety)
    };
    choices.retain(|choice| choice.pattern.len() == count);
    Tonal {
        choices,
        key: key(&bare),
        is_letter: is_letter_name(&bare),
        written,
        is_common: !KIN.contains(&bare.as_str())
            && TABLE.contains_key(&bare)
            && without_prefix(&bare).is_some_and(|(_, prefix)| prefix == 0),
    }
}

/// The reading of a verb form.
fn verbal(form: VerbForm) -> Choice {
    Choice {
        pattern: form.pattern,
        class: Class::Verb,
        verb: Some(form.verb),
        rules: form.rules,
        confidence: form.confidence,
        source: form.source,
    }
}

fn key(word: &str) -> Key {
    match word {
        "a" | "aa" => Key::A,
        "na" => Key::Na,
        "ne" => Key::Ne,
        "no" => Key::No,
        "bi" => Key::Bi,
        "da" => Key::Da,
        "wo" => Key::Wo,
        "sɛ" => Key::Se,
        "nea" | "deɛ" | "sɛnea" | "sɛdeɛ" => Key::Nea,
        "nanso" | "nso" | "enti" | "nti" | "anaa" | "anaasɛ" | "efisɛ" | "ɛfiri" | "esiane"
        | "ansa" | "kɔsi" | "kosi" => Key::Opens,
        _ => Key::Other,
    }
}

fn choices(bare: &str, host: &str, clitic: bool, variety: Variety) -> SmallVec<[Choice; 2]> {
    let mut found: SmallVec<[Choice; 2]> = SmallVec::new();
    let entries = TABLE.get(bare).map(|entries| (entries, Rules::WORD));
    let entries = entries.or_else(|| {
        let of_host = TABLE.get(host).filter(|_| clitic);
        of_host.map(|entries| (entries, Rules::WORD.with(Rules::CLITIC)))
    });
    if let Some((entries, rules)) = entries {
        let verb = if clitic {
            None
        } else {
            read_verb(bare, variety)
        };
        // Rule 7b: what the sources print of short verbs in the past is Asante.
        let past = verb.filter(|form| {
            let short = form.verb.tense == Tense::Past && form.verb.short;
            short && form.known && variety == Variety::Akuapem
        });
        for entry in entries {
            if let Some(form) = past.filter(|_| entry.class.is_verb()) {
                found.push(verbal(form));
                continue;
            }
            found.push(Choice {
                pattern: entry.pattern,
                class: entry.class,
                verb: verb.map(|form| form.verb).filter(|_| entry.class.is_verb()),
                rules,
                confidence: entry.confidence,
                source: entry.source,
            });
        }
        return found;
    }
    if is_foreign(bare) {
        return found;
    }
    let verb = if clitic {
        None
    } else {
        read_verb(bare, variety)
    };
    let noun = read_noun(host);
    let nominal = noun.map(|form| Choice {
        pattern: form.pattern,
        class: noun::CLASS,
        verb: None,
        rules: if clitic {
            form.rules.with(Rules::CLITIC)
        } else {
            form.rules
        },
        confidence: form.confidence,
        source: form.source,
    });
    let verbal = verb.map(verbal);
    // A noun stem in the table has precedence over a verb of the same letters; a bare prefix is weaker than a verb.
    let plain_verb = verb.is_some_and(|form| form.known && form.verb.has_subject);
    let nominal = nominal.filter(|noun| {
        !(plain_verb && noun.rules.has(Rules::PREFIX) && !noun.rules.has(Rules::STEM))
    });
    let noun_first = nominal.is_some_and(|noun| noun.rules != Rules::PREFIX) && !plain_verb;
    if noun_first {
        found.extend(nominal);
        found.extend(verbal);
    } else {
        found.extend(verbal);
        found.extend(nominal);
    }
    found
}
