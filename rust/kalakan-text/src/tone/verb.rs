//! Verb forms: subject prefix, tense and negation, stem, past ending, and the tones of each.

use super::pattern::Pattern;
use super::rule::{Confidence, Rules};
use super::table::{is_vowel, Class, Entry, STEMS};
use crate::options::Variety;
use crate::sounds::nuclei;
use crate::words::Tone;

/// Features of a verb form other than its stem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tense {
    Habitual,
    Stative,
    Progressive,
    Prospective,
    Past,
    Future,
    Perfect,
    Motional,
    Negative,
    NegativePast,
    NegativeFuture,
}

impl Tense {
    fn rules(self) -> Rules {
        match self {
            Self::Habitual => Rules::HABITUAL,
            Self::Stative => Rules::STATIVE,
            Self::Progressive => Rules::PROGRESSIVE,
            Self::Prospective => Rules::PROSPECTIVE,
            Self::Past => Rules::PAST,
            Self::Future => Rules::FUTURE,
            Self::Perfect => Rules::PERFECT,
            Self::Motional => Rules::MOTIONAL,
            Self::Negative => Rules::NEGATIVE,
            Self::NegativePast => Rules::NEGATIVE.with(Rules::PAST),
            Self::NegativeFuture => Rules::NEGATIVE.with(Rules::PROGRESSIVE),
        }
    }

    /// Confidence in the tone of the tense itself.
    fn confidence(self) -> Confidence {
        match self {
            Self::Prospective | Self::Motional | Self::Progressive => Confidence::Likely,
            // Not in any source: the rule of the nasal is applied.
            Self::NegativeFuture => Confidence::Guess,
            _ => Confidence::Sure,
        }
    }
}

/// Positions of the parts of a verb form, for the effects of its clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verb {
    pub tense: Tense,
    /// The nucleus of the tense prefix; the stem's where there is none.
    pub prefix: u8,
    /// The first nucleus of the stem, and the one after its last.
    pub stem: (u8, u8),
    /// The stem has one syllable.
    pub short: bool,
    pub has_subject: bool,
}

/// A reading of a word as a verb form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VerbForm {
    pub pattern: Pattern,
    pub verb: Verb,
    pub rules: Rules,
    pub confidence: Confidence,
    pub source: &'static str,
    /// Whether its stem is in the table.
    pub known: bool,
}

const SUBJECTS: &[(&str, Tone)] = &[
    ("me", Tone::Low),
    ("mi", Tone::Low),
    ("wo", Tone::High),
    ("wu", Tone::High),
    ("mo", Tone::High),
    ("mu", Tone::High),
    ("yɛ", Tone::Low),
    ("ye", Tone::Low),
    ("wɔ", Tone::Low),
    ("ɔ", Tone::Low),
    ("o", Tone::Low),
    ("ɛ", Tone::Low),
    ("e", Tone::Low),
];

/// Tense prefixes, their tones, and the tense; the longer ones first.
const TENSES: &[(&str, &[Tone], Tense)] = &[
    ("rebɛ", &[Tone::Low, Tone::High], Tense::Prospective),
    ("rebe", &[Tone::Low, Tone::High], Tense::Prospective),
    ("rekɔ", &[Tone::Low, Tone::Low], Tense::Motional),
    ("reko", &[Tone::Low, Tone::Low], Tense::Motional),
    ("ren", &[Tone::Low, Tone::Low], Tense::NegativeFuture),
    ("rem", &[Tone::Low, Tone::Low], Tense::NegativeFuture),
    ("re", &[Tone::Low], Tense::Progressive),
    ("bɛ", &[Tone::High], Tense::Future),
    ("be", &[Tone::High], Tense::Future),
    ("kɔ", &[Tone::Low], Tense::Motional),
    ("ko", &[Tone::Low], Tense::Motional),
    (
        "ann",
        &[Tone::Low, Tone::Low, Tone::Low],
        Tense::NegativePast,
    ),
    (
        "amm",
        &[Tone::Low, Tone::Low, Tone::Low],
        Tense::NegativePast,
    ),
    ("an", &[Tone::Low, Tone::Low], Tense::NegativePast),
    ("am", &[Tone::Low, Tone::Low], Tense::NegativePast),
    ("a", &[Tone::Low], Tense::Perfect),
    ("nn", &[Tone::Low, Tone::Low], Tense::Negative),
    ("mm", &[Tone::Low, Tone::Low], Tense::Negative),
    ("n", &[Tone::Low], Tense::Negative),
    ("m", &[Tone::Low], Tense::Negative),
    ("", &[], Tense::Habitual),
];

/// m, w and y of a subject contracted with a-.
const MERGED: &[&str] = &["m", "w", "y"];

/// Reads a word of small letters without marks as a verb form; the best reading, or `None` if it can be none.
pub(crate) fn read_verb(word: &str, variety: Variety) -> Option<VerbForm> {
    let total = nuclei(word).len();
    let mut best: Option<VerbForm> = None;
    let mut consider = |form: Option<VerbForm>| {
        if let Some(form) = form {
            if best.is_none_or(|best| (form.known, form.confidence) > (best.known, best.confidence))
            {
                best = Some(form);
            }
        }
    };
    for &(prefix, tone) in SUBJECTS {
        let Some(rest) = word.strip_prefix(prefix) else {
            continue;
        };
        let strong = prefix.len() > 1 && !prefix.starts_with(['ɔ', 'ɛ']);
        for &(mark, tones, tense) in TENSES {
            let Some(stem) = rest.strip_prefix(mark) else {
                continue;
            };
            let may_guess = strong || matches!(tense, Tense::Progressive | Tense::Future);
            let parts = Parts {
                subject: Some(tone),
                tones,
                tense,
                total,
                variety,
                may_guess,
            };
            consider(parts.read(stem));
        }
        // Rule 6: in speech the progressive often only lengthens the subject's vowel (ɔɔkɔ, ɛɛba).
        let vowel = &prefix[prefix.len() - last_letter(prefix)..];
        if let Some(stem) = rest.strip_prefix(vowel) {
            let parts = Parts {
                subject: Some(tone),
                tones: &[Tone::Low],
                tense: Tense::Progressive,
                total,
                variety,
                may_guess: false,
            };
            consider(parts.read(stem));
        }
    }
    if let Some(stem) = word.strip_prefix("mɛ") {
        let parts = Parts {
            subject: Some(Tone::High),
            tones: &[],
            tense: Tense::Future,
            total,
            variety,
            may_guess: true,
        };
        consider(parts.read(stem));
    }
    for merged in MERGED {
        let Some(rest) = word.strip_prefix(merged) else {
            continue;
        };
        for &(mark, tones, tense) in TENSES {
            if matches!(tense, Tense::Perfect | Tense::NegativePast) {
                if let Some(stem) = rest.strip_prefix(mark) {
                    let parts = Parts {
                        subject: None,
                        tones,
                        tense,
                        total,
                        variety,
                        may_guess: false,
                    };
                    consider(parts.read(stem).map(|form| VerbForm {
                        verb: Verb {
                            has_subject: true,
                            ..form.verb
                        },
                        rules: form.rules.with(Rules::SUBJECT),
                        ..form
                    }));
                }
            }
        }
    }
    for &(mark, tones, tense) in TENSES {
        if let Some(stem) = word.strip_prefix(mark) {
            let parts = Parts {
                subject: None,
                tones,
                tense,
                total,
                variety,
                may_guess: false,
            };
            consider(parts.read(stem));
        }
    }
    best
}

/// The prefixes before a stem, and the number of nuclei of the whole word.
struct Parts {
    subject: Option<Tone>,
    tones: &'static [Tone],
    tense: Tense,
    total: usize,
    variety: Variety,
    /// A stem that is not in the table is read by its shape.
    may_guess: bool,
}

impl Parts {
    fn read(&self, stem: &str) -> Option<VerbForm> {
        let negative = matches!(
            self.tense,
            Tense::Negative | Tense::NegativePast | Tense::NegativeFuture
        );
        let habitual = self.tense == Tense::Habitual;
        let wants_stative = habitual;
        if let Some(found) = known(stem, negative, wants_stative) {
            let tense = if found.class == Class::Stative && habitual {
                Tense::Stative
            } else {
                self.tense
            };
            return self.build(stem, tense, found, true, 0);
        }
        if habitual {
            if let Some((base, ending)) =
                without_past(stem, |base| known(base, false, false).is_some())
            {
                let found = known(base, false, false)?;
                return self.build(base, Tense::Past, found, true, ending);
            }
        }
        if !self.may_guess {
            return None;
        }
        if habitual {
            if let Some((base, ending)) = without_past(stem, looks_like_stem) {
                if let Some(found) = by_shape(base) {
                    if ending == 1 && stem.len() - base.len() == last_letter(stem) {
                        return self.build(base, Tense::Past, found, false, ending);
                    }
                }
            }
        }
        let found = by_shape(stem)?;
        self.build(stem, self.tense, found, false, 0)
    }

    /// Combines the tones of all parts; `None` if they do not match the word's nuclei.
    fn build(
        &self,
        letters: &str,
        tense: Tense,
        stem: Entry,
        known: bool,
        ending: usize,
    ) -> Option<VerbForm> {
        let mut pattern = Pattern::default();
        if let Some(tone) = self.subject {
            pattern.push(Some(tone))?;
        }
        let prefix = pattern.len();
        for tone in self.tones {
            pattern.push(Some(*tone))?;
        }
        let start = pattern.len();
        let length = stem.pattern.len();
        if start + length + ending != self.total {
            return None;
        }
        let short = letters.chars().filter(|c| is_vowel(*c)).count() == 1;
        pattern.extend(inflected(stem.pattern, tense, short, self.variety))?;
        for _ in 0..ending {
            pattern.push(Some(Tone::Low))?;
        }
        let has_subject = self.subject.is_some();
        let mut rules = tense.rules();
        if has_subject {
            rules = rules.with(Rules::SUBJECT);
        }
        Some(VerbForm {
            pattern,
            verb: Verb {
                tense,
                prefix: prefix as u8,
                stem: (start as u8, (start + length) as u8),
                short,
                has_subject,
            },
            rules,
            confidence: stem.confidence.min(tense.confidence()),
            source: stem.source,
            known,
        })
    }
}

/// The tones of a stem in a tense (rules 4 to 10).
fn inflected(stem: Pattern, tense: Tense, short: bool, variety: Variety) -> Pattern {
    let mut pattern = stem;
    let length = stem.len();
    match tense {
        Tense::Stative => pattern.fill(0, length, Tone::Low),
        // Rule 7b: Akuapem keeps the stem high.
        Tense::Past if short && variety == Variety::Asante => pattern.fill(0, length, Tone::Low),
        Tense::Perfect | Tense::Prospective => pattern.fill(0, length, Tone::High),
        Tense::Negative | Tense::NegativePast | Tense::NegativeFuture => {
            pattern.set(length - 1, Tone::High);
        }
        _ => {}
    }
    pattern
}

/// A stem of the table, with a nasal for its stop after the nasal of negation.
fn known(stem: &str, negative: bool, wants_stative: bool) -> Option<Entry> {
    let find = |stem: &str| {
        let entries = STEMS.get(stem)?;
        let stative = entries.iter().find(|entry| entry.class == Class::Stative);
        let active = entries.iter().find(|entry| entry.class == Class::Verb);
        let chosen = if wants_stative {
            stative.or(active)
        } else {
            active.or(stative)
        };
        chosen.map(|entry| {
            if wants_stative || entry.class == Class::Verb {
                *entry
            } else {
                // A stem that is only stative is high where it is not in its stative form.
                let mut entry = *entry;
                entry.pattern.fill(0, entry.pattern.len(), Tone::High);
                entry.class = Class::Verb;
                entry
            }
        })
    };
    let changed = || {
        let rest = stem.get(1..)?;
        match stem.as_bytes().first() {
            Some(b'm') => find(&format!("b{rest}")),
            Some(b'n') => find(&format!("d{rest}")),
            _ => None,
        }
    };
    find(stem).or_else(|| if negative { changed() } else { None })
}

/// A stem without the ending of the past, and the ending's nuclei: the last vowel doubled, or e, i, ɛ, eɛ, iɛ, ee.
fn without_past(stem: &str, is_stem: impl Fn(&str) -> bool) -> Option<(&str, usize)> {
    let mut letters = stem.char_indices().rev();
    let (last_at, last) = letters.next()?;
    let (before_at, before) = letters.next()?;
    if !is_vowel(last) {
        return None;
    }
    if is_vowel(before)
        && (before == last || matches!(last, 'e' | 'i' | 'ɛ'))
        && is_stem(&stem[..last_at])
    {
        return Some((&stem[..last_at], 1));
    }
    let two = matches!(
        (before, last),
        ('e' | 'i' | 'ɛ', 'ɛ') | ('e', 'e') | ('i', 'i')
    );
    (two && before_at > 0 && is_stem(&stem[..before_at])).then_some((&stem[..before_at], 2))
}

fn last_letter(word: &str) -> usize {
    word.chars().next_back().map_or(0, char::len_utf8)
}

/// Whether a word could be a verb stem: a consonant, then a vowel.
fn looks_like_stem(stem: &str) -> bool {
    let first = stem
        .chars()
        .next()
        .is_some_and(|c| !is_vowel(c) && c != 'x');
    first && stem.chars().any(is_vowel) && !stem.contains('\'')
}

/// The tones of a stem by its shape (rule 4): one syllable high, else low up to the last one, which is high.
fn by_shape(stem: &str) -> Option<Entry> {
    if !looks_like_stem(stem) {
        return None;
    }
    let found = nuclei(stem);
    let letters: Vec<char> = stem.chars().collect();
    let last = found
        .iter()
        .rposition(|nucleus| letters.get(nucleus.letter).is_some_and(|c| is_vowel(*c)))?;
    let mut pattern = Pattern::bare(found.len())?;
    pattern.fill(0, last, Tone::Low);
    pattern.fill(last, found.len(), Tone::High);
    Some(Entry {
        pattern,
        class: Class::Verb,
        confidence: Confidence::Likely,
        source: if last == 0 {
            "rule 4"
        } else {
            "rule 4; recordings +2.6 (n 28)"
        },
    })
}

/// The tones of a verb stem of the table in its basic form.
pub(super) fn stem_tones(stem: &str) -> Option<Entry> {
    let entries = STEMS.get(stem)?;
    entries
        .iter()
        .find(|entry| entry.class == Class::Verb)
        .copied()
}
