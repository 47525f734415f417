//! A written word as letters with their marks: the input of the rules.

use smallvec::SmallVec;
use unicode_normalization::char::decompose_canonical;

/// Inline capacity: only longer words need an allocation.
pub(crate) const SHORT: usize = 20;

/// The mark of a downstepped syllable in fully marked text, as an exclamation mark or as its own letter.
pub(crate) const DOWNSTEPS: [char; 2] = ['!', 'ꜜ'];

/// A written tone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    High,
    Low,
    Mid,
}

/// One lower-case letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Letter {
    pub base: char,
    pub tone: Option<Tone>,
    pub tilde: bool,
    /// A downstep mark precedes it.
    pub downstep: bool,
    /// An apostrophe, hyphen or mark precedes it: digraphs do not cross it.
    pub apart: bool,
}

impl Letter {
    fn new(base: char) -> Self {
        Self {
            base,
            tone: None,
            tilde: false,
            downstep: false,
            apart: false,
        }
    }

    pub fn is_vowel(self) -> bool {
        matches!(self.base, 'a' | 'e' | 'ɛ' | 'i' | 'o' | 'ɔ' | 'u')
    }

    pub fn is_marked(self) -> bool {
        self.tone.is_some() || self.tilde
    }

    /// The vowels before which w, hw and nw are labial-palatal and c is soft.
    pub fn is_front_vowel(self) -> bool {
        matches!(self.base, 'i' | 'e' | 'ɛ')
    }
}

/// Splits a word into letters; other characters only separate them.
pub(crate) fn letters(word: &str) -> SmallVec<[Letter; SHORT]> {
    let mut found: SmallVec<[Letter; SHORT]> = SmallVec::new();
    let (mut downstep, mut apart) = (false, false);
    for c in word.chars().flat_map(lower) {
        if c.is_ascii_lowercase() || c == 'ɛ' || c == 'ɔ' {
            found.push(Letter {
                downstep,
                apart,
                ..Letter::new(c)
            });
            (downstep, apart) = (false, false);
            continue;
        }
        if c.is_ascii() && !DOWNSTEPS.contains(&c) && !c.is_ascii_digit() {
            apart = true;
            continue;
        }
        decompose_canonical(c, |part| match part {
            '\u{301}' | '\u{300}' | '\u{304}' | '\u{303}' => {
                if let Some(last) = found.last_mut() {
                    mark(last, part);
                }
            }
            _ if DOWNSTEPS.contains(&part) => (downstep, apart) = (true, true),
            _ if part.is_alphanumeric() => {
                found.push(Letter {
                    downstep,
                    apart,
                    ..Letter::new(part)
                });
                (downstep, apart) = (false, false);
            }
            _ if unicode_normalization::char::is_combining_mark(part) => {}
            _ => apart = true,
        });
    }
    found
}

/// Lower case, with a fast path for the most common letters.
fn lower(c: char) -> impl Iterator<Item = char> {
    let short = c.is_ascii_lowercase() || matches!(c, 'ɛ' | 'ɔ');
    let long = (!short).then(|| c.to_lowercase());
    short
        .then_some(c)
        .into_iter()
        .chain(long.into_iter().flatten())
}

fn mark(letter: &mut Letter, mark: char) {
    match mark {
        '\u{303}' => letter.tilde = true,
        // A second tone mark on one letter has no reading; the first is kept.
        _ if letter.tone.is_some() => {}
        '\u{301}' => letter.tone = Some(Tone::High),
        '\u{300}' => letter.tone = Some(Tone::Low),
        _ => letter.tone = Some(Tone::Mid),
    }
}
