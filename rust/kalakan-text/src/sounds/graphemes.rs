//! Letters to segments by longest match (docs/frontend.md 3.2).

use smallvec::SmallVec;

use super::loan::{PLAIN_A, PLAIN_W};
use crate::phoneme::{unit, PhonemeId, UNK};
use crate::words::{Letter, Tone, SHORT};

/// Kind of a segment before nasals and vowels are resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A unit: a consonant, or anything that a later step has resolved.
    Unit(PhonemeId),
    /// m or n, an onset or syllabic.
    Nasal(char),
    /// A vowel letter.
    Vowel(char),
}

/// One segment, with its marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub kind: Kind,
    pub tone: Option<Tone>,
    pub tilde: bool,
    pub downstep: bool,
}

impl Segment {
    pub fn vowel(self) -> Option<char> {
        match self.kind {
            Kind::Vowel(letter) => Some(letter),
            _ => None,
        }
    }
}

/// Segments of a word, in order; doubled consonants other than m and n give one segment.
pub(super) fn segments(letters: &[Letter]) -> SmallVec<[Segment; SHORT]> {
    let mut found = SmallVec::new();
    let (mut at, mut downstep) = (0, false);
    while at < letters.len() {
        let (kinds, length) = grapheme(&letters[at..]);
        let Letter { tone, tilde, .. } = letters[at];
        downstep |= letters[at].downstep;
        for kind in kinds.into_iter().flatten() {
            found.push(Segment {
                kind,
                tone,
                tilde,
                downstep,
            });
            downstep = false;
        }
        at += length;
    }
    found
}

/// Index of the first letter of each segment of [`segments`].
pub(super) fn first_letters(letters: &[Letter]) -> SmallVec<[usize; SHORT]> {
    let mut found = SmallVec::new();
    let mut at = 0;
    while at < letters.len() {
        let (kinds, length) = grapheme(&letters[at..]);
        found.extend(kinds.into_iter().flatten().map(|_| at));
        at += length;
    }
    found
}

type Kinds = [Option<Kind>; 2];

fn grapheme(letters: &[Letter]) -> (Kinds, usize) {
    let first = letters[0];
    if first.is_vowel() {
        return ([Some(Kind::Vowel(first.base)), None], 1);
    }
    // A letter with its own mark is read alone: ń is a syllable and does not start a digraph.
    let second = letters
        .get(1)
        .filter(|next| !next.apart && !first.is_marked());
    let front = |at: usize| {
        letters
            .get(at)
            .is_some_and(|letter| letter.is_front_vowel())
    };
    if let Some(second) = second {
        if let Some(unit) = digraph(first.base, second.base, front(2)) {
            return ([Some(Kind::Unit(unit)), None], 2);
        }
        if second.base == first.base && !matches!(first.base, 'm' | 'n') {
            return ([None, None], 1);
        }
    }
    match first.base {
        'm' | 'n' => ([Some(Kind::Nasal(first.base)), None], 1),
        'x' => (
            [Some(Kind::Unit(unit!("k"))), Some(Kind::Unit(unit!("s")))],
            1,
        ),
        base => ([Some(Kind::Unit(single(base, front(1)))), None], 1),
    }
}

fn digraph(first: char, second: char, before_front: bool) -> Option<PhonemeId> {
    Some(match (first, second) {
        ('k', 'y') | ('c', 'h') => unit!("tɕ"),
        ('g', 'y') => unit!("dʑ"),
        ('h', 'y') | ('s', 'h') => unit!("ɕ"),
        ('n', 'y') => unit!("ɲ"),
        ('t', 'w') => unit!("tɕɥ"),
        ('d', 'w') => unit!("dʑɥ"),
        ('k', 'w') | ('q', 'u') => unit!("kʷ"),
        ('g', 'w') => unit!("ɡʷ"),
        ('h', 'w') if before_front => unit!("ɕɥ"),
        ('h', 'w') => unit!("hʷ"),
        ('n', 'w') if before_front => unit!("ɲɥ"),
        ('n', 'w') => unit!("ŋʷ"),
        ('g', 'h') => unit!("ɡ"),
        ('p', 'h') => unit!("f"),
        ('t', 'h') => unit!("t"),
        // ck is a doubled k in English spelling.
        ('c', 'c' | 'k') => unit!("k"),
        _ => return None,
    })
}

fn single(letter: char, before_front: bool) -> PhonemeId {
    match letter {
        'p' => unit!("p"),
        'b' => unit!("b"),
        't' => unit!("t"),
        'd' => unit!("d"),
        'c' if before_front => unit!("s"),
        'k' | 'q' | 'c' => unit!("k"),
        'g' => unit!("ɡ"),
        'f' => unit!("f"),
        's' => unit!("s"),
        'h' => unit!("h"),
        'l' => unit!("l"),
        'r' => unit!("ɾ"),
        'y' => unit!("j"),
        'w' if before_front => unit!("ɥ"),
        'w' | PLAIN_W => unit!("w"),
        PLAIN_A => unit!("a"),
        'j' => unit!("dʑ"),
        'v' => unit!("v"),
        'z' => unit!("z"),
        _ => UNK,
    }
}

/// Whether a letter has no reading in any context.
pub(crate) fn is_unknown(letter: char) -> bool {
    !matches!(letter, 'a'..='z' | 'ɛ' | 'ɔ')
}
