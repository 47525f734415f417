//! Foreign words that are in no lexicon: respelled with Twi letters by sound (docs/frontend.md 3.8).

use smallvec::SmallVec;

use crate::words::{Letter, SHORT};

// Text contains no private-use characters.
/// An a that harmony leaves alone, as in the i of "right" and the end of "nation".
pub(super) const PLAIN_A: char = '\u{E000}';

/// The w of "wheel", before every vowel the same.
pub(super) const PLAIN_W: char = '\u{E001}';

/// Letters of a foreign word respelled: its silent letters left out, its clusters by their sound.
pub(crate) fn respell(word: &[Letter]) -> SmallVec<[Letter; SHORT]> {
    let mut found: SmallVec<[Letter; SHORT]> = SmallVec::new();
    let mut at = 0;
    while at < word.len() {
        if let Some((sounds, length)) = cluster(word, at) {
            let first = word[at];
            let rest = Letter {
                apart: false,
                downstep: false,
                ..first
            };
            found.extend(sounds.chars().enumerate().map(|(row, base)| Letter {
                base,
                ..if row == 0 { first } else { rest }
            }));
            at += length;
            continue;
        }
        if !is_silent(word, at) {
            let mut letter = word[at];
            letter.base = respelled(word, at);
            // Without a vowel behind it tw is not a digraph; ky and the like have an i at this point.
            let after_stop = at > 0 && matches!(word[at - 1].base, 't' | 'd');
            letter.apart |= letter.base == 'w' && after_stop && !is_before_vowel(word, at);
            found.push(letter);
        }
        at += 1;
    }
    found
}

/// Multi-letter graphemes, with their respelling and length.
fn cluster(word: &[Letter], at: usize) -> Option<(&'static str, usize)> {
    const CLUSTERS: [(&str, &str); 7] = [
        ("tion", "sh\u{E000}n"),
        ("sion", "sh\u{E000}n"),
        ("eigh", "ei"),
        ("igh", "\u{E000}i"),
        ("sch", "sk"),
        ("tch", "ch"),
        ("wh", "\u{E001}"),
    ];
    let has = |letters: &str| {
        let mut rest = word[at..].iter();
        letters.chars().enumerate().all(|(row, base)| {
            rest.next().is_some_and(|letter| {
                letter.base == base && !letter.is_marked() && (row == 0 || !letter.apart)
            })
        })
    };
    let (letters, sounds) = CLUSTERS.iter().find(|(letters, _)| has(letters))?;
    let ending = letters.ends_with("ion");
    (!ending || at > 0).then_some((sounds, letters.len()))
}

/// The e of "phone": after one consonant or several, with a vowel before them.
fn is_silent(word: &[Letter], at: usize) -> bool {
    const SILENCING: &str = "bcdfgklmnprstvz";
    /// Letters of Fante, Ewe and Ga words, whose e is pronounced.
    const NATIVE: [[char; 2]; 3] = [['d', 'z'], ['g', 'b'], ['k', 'p']];
    let [.., before, consonant] = word[..at] else {
        return false;
    };
    let is_native = |pair: &[Letter]| NATIVE.contains(&[pair[0].base, pair[1].base]);
    word[at].base == 'e'
        && !word[at].is_marked()
        && !word[at].downstep
        && is_end(word, at)
        && SILENCING.contains(consonant.base)
        && (before.base, consonant.base) != ('t', 's')
        && !word.windows(2).any(is_native)
        && word[..at]
            .iter()
            .any(|letter| letter.is_vowel() || letter.base == 'y')
}

/// The respelling of a single letter.
fn respelled(word: &[Letter], at: usize) -> char {
    let next = word.get(at + 1).filter(|next| !next.apart);
    let next_base = next.map(|next| next.base);
    match word[at].base {
        'y' if at > 0
            && !word[at - 1].is_vowel()
            && word[at - 1].base != 'y'
            && !is_before_vowel(word, at) =>
        {
            'i'
        }
        'c' if matches!(next_base, Some('e' | 'i' | 'y')) => 's',
        'g' if next_base == Some('e') && !is_hard(word, at) => 'j',
        base => base,
    }
}

/// The g of "get", "gear" and "burger".
fn is_hard(word: &[Letter], at: usize) -> bool {
    let after = |row: usize| word.get(at + row).map(|letter| letter.base);
    at == 0 && matches!(after(2), Some('t' | 'a' | 'e'))
        || after(2) == Some('r') && after(3).is_none()
}

fn is_before_vowel(word: &[Letter], at: usize) -> bool {
    !is_end(word, at) && word[at + 1].is_vowel()
}

fn is_end(word: &[Letter], at: usize) -> bool {
    word.get(at + 1).is_none_or(|next| next.apart)
}
