//! Ordinals, in figures (1st) and in Roman numerals after a name (Osei Tutu II).

use crate::alphabet::is_letter;

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
const THINGS: [&str; 19] = [
    "chapter",
    "class",
    "form",
    "grade",
    "halt",
    "kuo",
    "kuw",
    "level",
    "ofa",
    "operation",
    "part",
    "phase",
    "project",
    "section",
    "stage",
    "ti",
    "unit",
    "volume",
    "ɔfa",
];

/// Most characters of the first item of a list with Roman numerals.
const ITEM: usize = 1000;

/// Returns whether `word`, in lower case, announces a thing that is counted in Roman numerals.
pub(super) fn is_thing(word: &str) -> bool {
    THINGS.contains(&word)
}

/// Returns whether `word`, in lower case, announces a person who may be counted.
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

    /// Reads a Roman numeral after a capitalized name.
    pub(super) fn roman_word(&mut self) -> bool {
        self.roman(self.at, self.word)
    }

    /// Reads the Roman numeral in `start..end` after a capitalized name.
    pub(super) fn roman(&mut self, start: usize, end: usize) -> bool {
        if end - start > 5 || self.names.count == 0 || !self.follows_names(start) {
            return false;
        }
        let written = self.slice(start, end);
        let Some(value) = (1..=20).find(|n| roman_numeral(*n) == written) else {
            return false;
        };
        // A lone I is a letter or the English pronoun unless a ruler is being named; Malcolm X is not a ruler.
        let ruler = self.names.titled && self.names.count > 1;
        if value == 1 && !ruler || self.out.ends_with("malcolm") {
            return false;
        }
        let words = cardinal(u64::from(value), self.options, Form::Attributive);
        let person = !self.names.thing;
        self.speak_rank(value == 1, &words, person);
        self.at = end;
        true
    }

    /// Reads a Roman numeral that is a label or one of a list: "II.", "I, II, III".
    pub(super) fn roman_label(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        let Some(value) = self.roman_value(start, end) else {
            return false;
        };
        let first = value == 1 && self.starts_items(start, end);
        let listed = end > start + 1 || first || self.roman_beside(start, end);
        if !listed || self.peek(end) == '\'' || self.digit(end) {
            return false;
        }
        let words = cardinal(u64::from(value), self.options, Form::Attributive);
        // "Wiase ko II" counts its war; in a list numerals are independent.
        let joined = matches!(self.out.last_word(), "" | "ne" | "na" | "anaa" | "kɔsi");
        if joined || self.roman_beside(start, end) {
            self.out.word(&words);
        } else {
            self.speak_rank(value == 1, &words, false);
        }
        self.at = end;
        true
    }

    /// Reads the label of "i) Nsuo" and "(ii) Aduane".
    pub(super) fn small_roman_label(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        let roman = |c: &char| matches!(c, 'i' | 'v' | 'x');
        if self.peek(end) != ')' || end - start > 5 || !self.chars[start..end].iter().all(roman) {
            return false;
        }
        let bracketed = start > 0 && self.peek(start - 1) == '(';
        if !bracketed && end == start + 1 && !self.starts_item(start) {
            return false;
        }
        let written = self.slice(start, end).to_ascii_uppercase();
        let Some(value) = (1..=20).find(|n| roman_numeral(*n) == written) else {
            return false;
        };
        let words = cardinal(u64::from(value), self.options, Form::Attributive);
        self.out.word(&words);
        self.at = end;
        true
    }

    /// Returns whether the I at `start` is the label of the first item: "II." starts a line soon after.
    pub(super) fn starts_items(&self, start: usize, end: usize) -> bool {
        self.peek(start) == 'I'
            && self.peek(end) == '.'
            && self.starts_item(start)
            && self.chars[end..]
                .windows(4)
                .take(ITEM)
                .any(|text| text == ['\n', 'I', 'I', '.'])
    }

    fn roman_value(&self, start: usize, end: usize) -> Option<u32> {
        if !(1..=5).contains(&(end - start)) || !matches!(self.peek(start), 'I' | 'V' | 'X') {
            return None;
        }
        let written = self.slice(start, end);
        (1..=20).find(|n| roman_numeral(*n) == written)
    }

    /// Returns whether a Roman numeral of more than one letter comes next in a list, or a numeral before it.
    fn roman_beside(&self, start: usize, end: usize) -> bool {
        let next = end + 2;
        let stop = self.letters_end(next);
        let after = self.peek(end) == ','
            && self.peek(end + 1) == ' '
            && stop > next + 1
            && self.roman_value(next, stop).is_some();
        let before = start > 3 && self.peek(start - 1) == ' ' && self.peek(start - 2) == ',' && {
            let letters = self.chars[..start - 2]
                .iter()
                .rev()
                .take(5)
                .take_while(|c| is_letter(**c))
                .count();
            letters > 1 && self.roman_value(start - 2 - letters, start - 2).is_some()
        };
        after || before
    }

    /// Returns whether the run of capitalized words ends one space before `start`.
    pub(super) fn follows_names(&self, start: usize) -> bool {
        self.names.end + 1 == start && self.peek(self.names.end) == ' '
    }
}

fn roman_numeral(n: u32) -> String {
    const TENS: [&str; 3] = ["", "X", "XX"];
    const ONES: [&str; 10] = ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"];
    format!("{}{}", TENS[n as usize / 10], ONES[n as usize % 10])
}
