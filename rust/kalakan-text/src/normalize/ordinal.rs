//! Ordinals, in figures (1st) and in Roman numerals after a name (Osei Tutu II).

use super::number::{cardinal, integer_words, Form};
use super::quantity::Amount;
use super::scanner::Scanner;

/// Titles of people who are counted.
#[rustfmt::skip]
const TITLES: &[&str] = &[
    "nana", "ɔhene", "ohene", "ɔhemaa", "ohemaa", "otumfoɔ", "otumfuo", "osagyefo", "okyenhene", "asantehene",
    "ɔhempɔn", "ohempɔn", "daasebrɛ", "barima", "ɔbarima", "king", "queen", "pope", "osei", "opoku", "prempeh",
];

/// Things that are counted in Roman numerals.
const THINGS: [&str; 9] = [
    "chapter", "class", "form", "grade", "level", "part", "phase", "ti", "volume",
];

/// Tells whether `word`, in lower case, announces a person who may be counted.
pub(super) fn is_title(word: &str) -> bool {
    TITLES.contains(&word)
}

impl Scanner<'_> {
    /// Returns the end of "st", "nd", "rd" or "th" at `end`, or `end` itself.
    pub(super) fn ordinal_suffix(&self, end: usize) -> usize {
        let pair = (
            self.peek(end).to_ascii_lowercase(),
            self.peek(end + 1).to_ascii_lowercase(),
        );
        let suffix = matches!(pair, ('s', 't') | ('n' | 'r', 'd') | ('t', 'h'));
        if suffix && self.boundary(end + 2) && self.peek(end + 2) != '\'' {
            end + 2
        } else {
            end
        }
    }

    /// Reads 21st; returns where it ends.
    pub(super) fn ordinal(&mut self, amount: &Amount, end: usize) -> Option<usize> {
        let stop = self.ordinal_suffix(end);
        if stop == end || !amount.value.is_integer() || amount.to.is_some() || amount.negative {
            return None;
        }
        let person = self.names.titled && self.names.count > 1 && self.follows_names(self.at);
        let words = integer_words(&amount.value.whole, self.options, Form::Attributive);
        if self.out.ends_with("ɛtɔ so")
            || self.out.ends_with("ɔtɔ so")
            || self.out.ends_with("tɔ so")
        {
            self.out.word(&words);
        } else {
            self.speak_rank(amount.value.small() == Some(1), &words, person);
        }
        Some(stop)
    }

    fn speak_rank(&mut self, first: bool, words: &str, person: bool) {
        match (first, person) {
            (true, false) => self.out.word("a ɛdi kan"),
            (true, true) => self.out.word("a ɔdi kan"),
            (false, false) => self.out.word("a ɛtɔ so"),
            (false, true) => self.out.word("a ɔtɔ so"),
        }
        if !first {
            self.out.word(words);
        }
    }

    /// Reads a Roman numeral after a capitalised name.
    pub(super) fn roman_word(&mut self) -> bool {
        self.roman(self.at, self.word)
    }

    /// Reads the Roman numeral in `start..end` after a capitalised name.
    pub(super) fn roman(&mut self, start: usize, end: usize) -> bool {
        if end - start > 5 || self.names.count == 0 || !self.follows_names(start) {
            return false;
        }
        let written = self.slice(start, end);
        let Some(value) = (1..=20).find(|n| roman_numeral(*n) == written) else {
            return false;
        };
        // A lone I is a letter or the English pronoun unless a ruler is being named; Malcolm X is no king.
        let ruler = self.names.titled && self.names.count > 1;
        if value == 1 && !ruler || self.out.ends_with("malcolm") {
            return false;
        }
        let words = cardinal(u64::from(value), self.options, Form::Attributive);
        let person = !THINGS.contains(&self.out.last_word());
        self.speak_rank(value == 1, &words, person);
        self.at = end;
        true
    }

    /// Tells whether the run of capitalised words ends one space before `start`.
    pub(super) fn follows_names(&self, start: usize) -> bool {
        self.names.end + 1 == start && self.peek(self.names.end) == ' '
    }
}

fn roman_numeral(n: u32) -> String {
    const TENS: [&str; 3] = ["", "X", "XX"];
    const ONES: [&str; 10] = ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"];
    format!("{}{}", TENS[n as usize / 10], ONES[n as usize % 10])
}
