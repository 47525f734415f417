//! Words in capitals: initialisms are spelled, emphasized words are not.

use std::sync::LazyLock;

use crate::alphabet::{is_letter, is_vowel};
use crate::spelling::letter_names;
use crate::words::{is_common_english, is_twi_word};

use super::scanner::Scanner;

/// Small words of Twi that in capitals are more often emphasis than initials.
#[rustfmt::skip]
const SHOUTED: &[&str] = &[
    "aa", "aane", "ba", "bi", "bra", "da", "daabi", "de", "deɛ", "di", "ei", "fa", "fie", "firi", "ha", "ho", "ka", "ma",
    "me", "mo", "mu", "na", "nana", "nanso", "ne", "no", "nso", "nti", "nyame", "oo", "paa", "papa", "maame", "se", "so",
    "te", "to", "wo", "woho", "yie", "nyinaa", "kyerɛ", "akwaaba", "medaase", "twi",
];

/// Initials without a vowel that are commonly written in lower case.
#[rustfmt::skip]
const SMALL: &[&str] = &[
    "bmw", "cd", "cpp", "dj", "dm", "dstv", "dvd", "fc", "gbc", "gtv", "jhs", "kfc", "mp", "mtn", "ndc", "npp",
    "phd", "pnc", "psg", "shs", "sms", "tv",
];

/// Longest run of capitals that is treated as initials.
const LONGEST: usize = 6;

static SPOKEN: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    let rows = include_str!("../../data/initialisms.tsv").lines().skip(1);
    rows.filter_map(|row| row.split_once('\t')).collect()
});

impl Scanner<'_> {
    /// Reads the token in `start..end` as initials or as a word.
    pub(super) fn capitals_or_word(&mut self, start: usize, end: usize) {
        let low = self.lower(start, end);
        let token = &self.chars[start..end];
        let capitals = token.iter().take_while(|c| c.is_ascii_uppercase()).count();
        if capitals == token.len() && self.is_spelled(start, end, &low) {
            let listed = SPOKEN
                .iter()
                .find(|(written, _)| written.eq_ignore_ascii_case(&low));
            match listed {
                Some((_, spoken)) => self.out.word(spoken),
                None => self.out.word(&letter_names(&low)),
            }
        } else if (2..=5).contains(&capitals) && capitals + 1 == token.len() && low.ends_with('s') {
            // MPs, NGOs.
            let mut names = letter_names(&low[..capitals]);
            names.push('s');
            self.out.word(&names);
        } else if is_unreadable(&low) {
            // PhD, MSc.
            self.out.word(&letter_names(&low));
        } else {
            self.out.word(&low);
        }
    }

    /// Reads "NPP's" letter by letter.
    pub(super) fn initials_of_owner(&mut self, start: usize, end: usize) -> bool {
        let Some(stop) = end.checked_sub(2).filter(|stop| *stop > start + 1) else {
            return false;
        };
        let owned = self.peek(stop) == '\'' && self.peek(stop + 1) == 's';
        let low = self.lower(start, stop);
        let capitals = self.chars[start..stop].iter().all(char::is_ascii_uppercase);
        if !(owned && capitals && self.is_spelled(start, stop, &low)) {
            return false;
        }
        if self.roman(start, stop) {
            return true;
        }
        self.capitals_or_word(start, stop);
        self.out.suffix('s');
        true
    }

    fn is_spelled(&mut self, start: usize, end: usize, low: &str) -> bool {
        let length = end - start;
        if SPOKEN
            .iter()
            .any(|(written, _)| written.eq_ignore_ascii_case(low))
        {
            return true;
        }
        if length == 1 {
            // The vowels are words of their own: the relative "a", the exclamation "o".
            let beside_digit =
                self.digit(end) || start > 0 && self.chars[start - 1].is_ascii_digit();
            return beside_digit || !low.starts_with(is_vowel);
        }
        if length > LONGEST || SHOUTED.contains(&low) {
            return false;
        }
        // GA-123-4567 is a code even where everything is in capitals.
        let code = self.peek(end) == '-' && self.digit(end + 1);
        if code {
            return true;
        }
        match length {
            2 if self.line_is_shouted(start) => !is_native(low),
            2 => !(is_twi_word(low) && self.stands_in_shouted_words(start, end)),
            _ if low.contains(is_vowel) && (is_twi_word(low) || is_common_english(low)) => false,
            3 => !(self.line_is_shouted(start) && is_native(low)),
            _ => !is_native(low) && !is_readable(low),
        }
    }

    /// Returns whether the word before `start` or the one after `end` is Twi in capitals, as in DA BIARA.
    fn stands_in_shouted_words(&self, start: usize, end: usize) -> bool {
        let is_shouted = |word: &[char]| {
            let low: String = word.iter().flat_map(|c| c.to_lowercase()).collect();
            word.len() > 1 && word.iter().all(|c| c.is_uppercase()) && is_twi_word(&low)
        };
        let before = self.chars[..start].strip_suffix(&[' ']).unwrap_or_default();
        let length = before.iter().rev().take_while(|c| is_letter(**c)).count();
        let after = self.chars[end..].strip_prefix(&[' ']).unwrap_or_default();
        let next = after.iter().take_while(|c| is_letter(**c)).count();
        is_shouted(&before[before.len() - length..]) || is_shouted(&after[..next])
    }

    /// Returns whether the line around `start` has no small letter.
    fn line_is_shouted(&mut self, start: usize) -> bool {
        if let Some((end, shouted)) = self.line {
            if start < end {
                return shouted;
            }
        }
        let is_break = |c: &char| *c == '\n';
        let from = self.chars[..start]
            .iter()
            .rposition(is_break)
            .map_or(0, |i| i + 1);
        let to = self.chars[start..]
            .iter()
            .position(is_break)
            .map_or(self.chars.len(), |i| start + i);
        let shouted = !self.chars[from..to].iter().any(|c| c.is_lowercase());
        self.line = Some((to, shouted));
        shouted
    }
}

/// Returns whether `word`, in small letters, is read letter by letter.
pub(super) fn is_small_initials(word: &str) -> bool {
    let vowel = |b: u8| matches!(b, b'a' | b'e' | b'i' | b'o' | b'u');
    (2..=4).contains(&word.len()) && !word.bytes().any(vowel) && SMALL.contains(&word)
}

/// Returns whether `word` has two to five letters and none of them a vowel, as phd has.
fn is_unreadable(word: &str) -> bool {
    (2..LONGEST).contains(&word.len())
        && word
            .bytes()
            .all(|b| b.is_ascii_lowercase() && b != b'y' && !is_vowel(b.into()))
}

/// Returns whether `word` has the shape of a Twi word (native finals, native clusters, no loan letter).
pub(crate) fn is_native(word: &str) -> bool {
    let letters: Vec<char> = word.chars().filter(|c| is_letter(*c)).collect();
    if letters
        .iter()
        .any(|c| matches!(c, 'c' | 'j' | 'q' | 'v' | 'x' | 'z'))
    {
        return false;
    }
    let native_end = |c: &char| is_vowel(*c) || matches!(c, 'm' | 'n' | 'w');
    letters.last().is_some_and(native_end)
        && letters.iter().any(|c| is_vowel(*c))
        && clusters(&letters)
}

fn clusters(letters: &[char]) -> bool {
    letters.windows(2).all(|pair| {
        let [a, b] = [pair[0], pair[1]];
        is_vowel(a)
            || is_vowel(b)
            || is_digraph(a, b)
            || matches!(a, 'm' | 'n')
            || b == 'r' && a != 'r'
            || matches!((a, b), ('y' | 'w', 'r'))
    })
}

fn is_digraph(a: char, b: char) -> bool {
    matches!(
        (a, b),
        ('k' | 'g' | 'h' | 'n', 'y') | ('t' | 'd' | 'k' | 'g' | 'h' | 'n', 'w')
    )
}

/// Returns whether a foreign word in capitals can be read as a word: GHANA and KRISTO, not KNUST or UTME.
fn is_readable(word: &str) -> bool {
    let letters: Vec<char> = word.chars().collect();
    let consonants = |run: &[char]| run.iter().all(|c| !is_vowel(*c) && *c != 'y');
    let start = &letters[..letters.len().min(2)];
    let opens = !consonants(start)
        || matches!(start, [_, 'r' | 'l' | 'h' | 'w'] | ['s', _])
        || start.first().is_some_and(|c| matches!(c, 'm' | 'n'));
    let joins = |pair: &[char]| match *pair {
        [a, b] if consonants(pair) => {
            a == b
                || matches!(a, 'l' | 'm' | 'n' | 'r' | 's')
                || matches!(b, 'l' | 'r' | 'h' | 'w')
                || matches!((a, b), ('c' | 'p' | 'f' | 'x', 't') | ('c', 'k'))
        }
        _ => true,
    };
    // Inside a word a doubled letter is one sound: ACCRA, and not SSCE.
    let is_second = |at: usize| at > 1 && letters[at] == letters[at - 1];
    let sounds: Vec<char> = (0..letters.len())
        .filter(|at| !is_second(*at))
        .map(|at| letters[at])
        .collect();
    // A plural may end on anything: KIDS.
    let inner = letters.strip_suffix(&['s']).unwrap_or(&letters);
    opens
        && word.contains(is_vowel)
        && !sounds.windows(3).any(consonants)
        && inner.windows(2).all(joins)
}
