//! Nouns that the table has in another form: other prefix or spelling, an ending with its own tone, compounds.

use super::pattern::Pattern;
use super::rule::{Confidence, Rules};
use super::table::{is_vowel, without_prefix, Class, Entry, NOUN_STEMS, TABLE};
use crate::sounds::nuclei;
use crate::words::Tone;

/// A reading of a word as a noun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NounForm {
    pub pattern: Pattern,
    pub rules: Rules,
    pub confidence: Confidence,
    pub source: &'static str,
}

/// Endings with a high tone (rule 23d); the part before them has its own tones.
const ENDINGS: &[&str] = &["foɔ", "fo", "nii", "ni"];

/// Reads a word of small letters without marks as a noun; `None` if it is unknown.
pub(crate) fn read_noun(word: &str) -> Option<NounForm> {
    let total = nuclei(word).len();
    let (stem, prefix) = without_prefix(word)?;
    same_stem(stem, prefix, total)
        .or_else(|| agent(word, stem, prefix, total))
        .or_else(|| every(word, prefix, total))
        .or_else(|| compound(stem, prefix, total))
        .or_else(|| by_shape(word, prefix, total))
        .or_else(|| prefix_only(prefix, total))
}

fn low(nuclei: usize) -> Option<Pattern> {
    let mut pattern = Pattern::bare(nuclei)?;
    pattern.fill(0, nuclei, Tone::Low);
    Some(pattern)
}

/// Rules 1 and 2: a low prefix, and the stem as in the form that the table has.
fn same_stem(stem: &str, prefix: usize, total: usize) -> Option<NounForm> {
    // Two letters are the stem of too many words.
    let found = stem_of(stem).filter(|_| stem.chars().count() > 2)?;
    let mut pattern = low(prefix)?;
    pattern.extend(found.pattern)?;
    (pattern.len() == total).then_some(NounForm {
        pattern,
        rules: Rules::PREFIX.with(Rules::STEM),
        confidence: found.confidence.min(Confidence::Likely),
        source: found.source,
    })
}

/// A stem of the table, in its own spelling or in that of the other standard (aduane, aduan; adeɛ, ade).
fn stem_of(stem: &str) -> Option<Entry> {
    let find = |stem: &str| NOUN_STEMS.get(stem).copied();
    if let Some(found) = find(stem) {
        return Some(found);
    }
    // The nasal of a plural replaces the stop of the singular: mm for b, nn for d.
    let rest = stem.get(1..)?;
    let changed = match stem.as_bytes().first() {
        Some(b'm') => find(&format!("b{rest}")),
        Some(b'n') => find(&format!("d{rest}")),
        _ => None,
    };
    if changed.is_some() {
        return changed;
    }
    // One spelling ends in a vowel that repeats the tone of the one before it.
    for ending in ["ɔ", "ɛ"] {
        if let Some(found) = stem.strip_suffix(ending).and_then(find) {
            let mut pattern = found.pattern;
            pattern.push(found.pattern.last())?;
            return Some(Entry { pattern, ..found });
        }
        if let Some(found) = find(&format!("{stem}{ending}")) {
            let pattern = found.pattern.head(found.pattern.len() - 1);
            return Some(Entry { pattern, ..found });
        }
    }
    let short = stem
        .strip_suffix('w')
        .and_then(|stem| find(stem).or_else(|| find(&format!("{stem}o"))));
    short.filter(|found| found.pattern.len() == nuclei(stem).len())
}

/// Rule 23d: -foɔ, -fo and -ni are high; the prefix is low, and of the stem only tones in the table are predicted.
fn agent(word: &str, stem: &str, prefix: usize, total: usize) -> Option<NounForm> {
    let ending = ENDINGS.iter().find(|ending| word.ends_with(**ending))?;
    let base = stem.strip_suffix(ending)?;
    let inner = nuclei(base).len();
    if inner == 0 {
        return None;
    }
    let known = stem_of(base).or_else(|| super::verb::stem_tones(base));
    let mut pattern = low(prefix)?;
    match known.filter(|found| found.pattern.len() == inner) {
        Some(found) => pattern.extend(found.pattern)?,
        None => pattern.extend(Pattern::bare(inner)?)?,
    }
    while pattern.len() < total {
        pattern.push(Some(Tone::High))?;
    }
    (pattern.len() == total).then_some(NounForm {
        pattern,
        rules: Rules::PREFIX.with(Rules::ENDING),
        confidence: Confidence::Likely,
        source: "OS KO",
    })
}

/// Rule 17: -biara, "every", is high: baabiara, biribiara. Of what is before it only a prefix is predicted.
fn every(word: &str, prefix: usize, total: usize) -> Option<NounForm> {
    const HIGH: usize = 3;
    let before = total.checked_sub(HIGH)?;
    if before == 0 || !word.ends_with("biara") {
        return None;
    }
    let mut pattern = low(prefix.min(before))?;
    pattern.extend(Pattern::bare(before - pattern.len())?)?;
    pattern.extend(Pattern::bare(HIGH)?)?;
    pattern.fill(before, total, Tone::High);
    Some(NounForm {
        pattern,
        rules: Rules::ENDING,
        confidence: Confidence::Likely,
        source: "OS KO",
    })
}

/// Rule 23c: two stems of the table in one word. The printed sources have the first one low more often than not.
fn compound(stem: &str, prefix: usize, total: usize) -> Option<NounForm> {
    for (at, _) in stem.char_indices().skip(2) {
        let (first, second) = stem.split_at(at);
        if second.chars().count() < 3 {
            break;
        }
        let Some(head) = stem_of(first).or_else(|| super::verb::stem_tones(first)) else {
            continue;
        };
        let Some(tail) = NOUN_STEMS.get(second).copied().or_else(|| counted(second)) else {
            continue;
        };
        if prefix + head.pattern.len() + tail.pattern.len() != total {
            continue;
        }
        let mut pattern = low(prefix + head.pattern.len())?;
        pattern.extend(tail.pattern)?;
        return Some(NounForm {
            pattern,
            rules: Rules::PREFIX.with(Rules::COMPOUND),
            confidence: Confidence::Likely,
            source: "MA, by the compounds of the table; recordings +2.6 (n 35)",
        });
    }
    None
}

/// A numeral of the table with its prefix, as in ahankron.
fn counted(word: &str) -> Option<Entry> {
    let entries = TABLE.get(word)?;
    entries
        .iter()
        .find(|entry| entry.class == Class::Number)
        .copied()
}

/// Long nouns of the table are low up to their last syllable, which is high.
fn by_shape(word: &str, prefix: usize, total: usize) -> Option<NounForm> {
    const LONG: usize = 4;
    if prefix == 0 || total < LONG {
        return None;
    }
    let nuclei = nuclei(word);
    let letters: Vec<char> = word.chars().filter(|c| *c != '\'').collect();
    let last = nuclei
        .iter()
        .rposition(|nucleus| letters.get(nucleus.letter).is_some_and(|c| is_vowel(*c)))?;
    let mut pattern = low(total)?;
    pattern.fill(last, total, Tone::High);
    Some(NounForm {
        pattern,
        rules: Rules::PREFIX.with(Rules::SHAPE),
        confidence: Confidence::Guess,
        source: "the table's long nouns",
    })
}

/// Rule 1 alone: the prefix is low, the stem is unknown.
fn prefix_only(prefix: usize, total: usize) -> Option<NounForm> {
    if prefix == 0 {
        return None;
    }
    let mut pattern = Pattern::bare(total)?;
    pattern.fill(0, prefix, Tone::Low);
    Some(NounForm {
        pattern,
        rules: Rules::PREFIX,
        confidence: Confidence::Likely,
        source: "AT-U4 OS OF",
    })
}

/// The class of a noun form, for its neighbors.
pub(crate) const CLASS: Class = Class::Noun;
