//! Which words are not Twi by their spelling (docs/frontend.md 3.8).

use super::exceptions::TWI_WORDS;
use super::letters::{letters, Letter};

/// Whether a word's spelling cannot be Twi: a loan letter, a final that Twi does not have, a cluster other than
/// C + r after nasals, a doubled consonant other than mm and nn, or one of th sh ck gh and ee + consonant.
/// A few Twi words that break these rules are listed as exceptions.
pub fn is_foreign(word: &str) -> bool {
    let word = letters(word);
    let bases: String = word.iter().map(|letter| letter.base).collect();
    if word.is_empty() || TWI_WORDS.contains(&bases.as_str()) {
        return false;
    }
    let runs = || word.split(|letter| letter.is_vowel());
    has_foreign_letter(&word)
        || has_foreign_final(&word)
        || has_long_e_before_consonant(&word)
        || runs().any(is_foreign_run)
}

fn has_foreign_letter(word: &[Letter]) -> bool {
    const TWI: &str = "abdeɛfghiklmnoɔprstuwy";
    word.iter().any(|letter| !TWI.contains(letter.base))
}

fn has_foreign_final(word: &[Letter]) -> bool {
    word.last()
        .is_some_and(|last| !last.is_vowel() && !matches!(last.base, 'm' | 'n' | 'w'))
}

/// Twi has ee before a consonant where re is contracted with me (meeba), in reduplicated words (teetee) and where the
/// last vowel is not e (seesei).
fn has_long_e_before_consonant(word: &[Letter]) -> bool {
    let bases: Vec<char> = word.iter().map(|letter| letter.base).collect();
    let ends_open = word.last().is_some_and(|last| last.is_vowel());
    let twi = |at: usize| {
        let next = (at + 2..word.len()).find(|row| word[*row].is_vowel());
        let said_twice = next
            .is_some_and(|next| at > 0 && bases[next] == 'e' && bases[next - 1] == bases[at - 1]);
        let drawn_together = bases.starts_with(&['m', 'e', 'e']);
        drawn_together || ends_open && (said_twice || bases.last() != Some(&'e'))
    };
    (0..word.len().saturating_sub(2))
        .any(|at| bases[at..].starts_with(&['e', 'e']) && !word[at + 2].is_vowel() && !twi(at))
}

/// Whether adjacent consonants are more than nasals, one letter or digraph, and r.
fn is_foreign_run(run: &[Letter]) -> bool {
    let mut rest = run;
    // ny and nw are digraphs: their n is not a separate nasal.
    while let [first, after @ ..] = rest {
        let digraph =
            matches!(after.first().map(|next| next.base), Some('y' | 'w')) && first.base == 'n';
        if !matches!(first.base, 'm' | 'n') || digraph {
            break;
        }
        rest = after;
    }
    let bases: Vec<char> = rest.iter().map(|letter| letter.base).collect();
    let length = match bases.as_slice() {
        ['k' | 'g' | 'h' | 'n', 'y', ..] | ['t' | 'd' | 'k' | 'g' | 'h' | 'n', 'w', ..] => 2,
        bases => bases.len().min(1),
    };
    !matches!(bases[length..], [] | ['r']) || bases == ['r', 'r']
}
