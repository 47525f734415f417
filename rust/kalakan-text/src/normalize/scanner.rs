//! A place in the text: what stands there, what was written before it, and what the rules remember.

use crate::alphabet::is_letter;
use crate::options::NormalizeOptions;
use crate::steps::step;

use super::spoken::Spoken;

/// The run of capitalized words that ends before the current word.
#[derive(Default)]
pub(super) struct Names {
    pub(super) count: usize,
    pub(super) titled: bool,
    pub(super) thing: bool,
    pub(super) end: usize,
}

pub(super) struct Scanner<'a> {
    pub(super) chars: &'a [char],
    pub(super) at: usize,
    /// Where the word ends that starts here, if one does.
    pub(super) word: usize,
    pub(super) out: Spoken,
    pub(super) options: &'a NormalizeOptions,
    /// Up to here commas and dots between digits separate numbers: "1,2,3".
    pub(super) list_end: usize,
    /// Where the last number with all its signs ended; a dash here means "to".
    pub(super) quantity_end: usize,
    /// The noun last written before a number; "to" does not repeat it.
    pub(super) noun: &'static str,
    /// The current number follows a sign of money.
    pub(super) after_money: bool,
    pub(super) names: Names,
    /// Where the brackets close that are being read as asides, the innermost last.
    pub(super) asides: Vec<usize>,
    /// End of the line last looked at, and whether it is all capitals.
    pub(super) line: Option<(usize, bool)>,
}

impl<'a> Scanner<'a> {
    /// A scanner at the start of a text of `bytes` bytes.
    pub(super) fn new(chars: &'a [char], options: &'a NormalizeOptions, bytes: usize) -> Self {
        Self {
            chars,
            at: 0,
            word: 0,
            out: Spoken::with_capacity(bytes * 2),
            options,
            list_end: 0,
            quantity_end: usize::MAX,
            noun: "",
            after_money: false,
            names: Names::default(),
            asides: Vec::new(),
            line: None,
        }
    }
}

impl Scanner<'_> {
    /// Puts the noun of a number before it, once.
    pub(super) fn put_noun(&mut self, noun: &'static str) {
        let repeated = self.out.ends_with("kɔsi") && self.noun == noun;
        if !repeated && !self.out.ends_with(noun) {
            self.out.word(noun);
        }
        self.noun = noun;
    }

    /// Returns the character at `i`, or a space past the end.
    pub(super) fn peek(&self, i: usize) -> char {
        step(1);
        self.chars.get(i).copied().unwrap_or(' ')
    }

    pub(super) fn digit(&self, i: usize) -> bool {
        self.peek(i).is_ascii_digit()
    }

    /// Returns the end of the digits that start at `i`.
    pub(super) fn digits_end(&self, i: usize) -> usize {
        let length = self.chars[i.min(self.chars.len())..]
            .iter()
            .take_while(|c| c.is_ascii_digit())
            .count();
        step(length);
        i + length
    }

    /// Returns the end of the letters that start at `i`.
    pub(super) fn letters_end(&self, i: usize) -> usize {
        let length = self.chars[i.min(self.chars.len())..]
            .iter()
            .take_while(|c| is_letter(**c))
            .count();
        step(length);
        i + length
    }

    /// Returns whether `text` is at `i`.
    pub(super) fn starts_with(&self, i: usize, text: &str) -> bool {
        text.chars().enumerate().all(|(k, c)| self.peek(i + k) == c)
    }

    pub(super) fn skip_spaces(&self, i: usize) -> usize {
        let length = self.chars[i.min(self.chars.len())..]
            .iter()
            .take_while(|c| **c == ' ')
            .count();
        step(length);
        i + length
    }

    /// Returns whether there is no letter or digit at `i`.
    pub(super) fn boundary(&self, i: usize) -> bool {
        let c = self.peek(i);
        !is_letter(c) && !c.is_ascii_digit()
    }

    /// Returns whether the current character is the first of its token.
    pub(super) fn starts_word(&self) -> bool {
        self.at == 0 || self.boundary(self.at - 1)
    }

    pub(super) fn slice(&self, from: usize, to: usize) -> String {
        step(to - from);
        self.chars[from..to].iter().collect()
    }

    /// Returns the number written by the digits in `from..to`, or one too large for any rule.
    pub(super) fn small(&self, from: usize, to: usize) -> u32 {
        self.slice(from, to).parse().unwrap_or(u32::MAX)
    }

    /// Returns the lower-case letters in `from..to`.
    pub(super) fn lower(&self, from: usize, to: usize) -> String {
        step(to - from);
        self.chars[from..to]
            .iter()
            .map(|c| crate::alphabet::lower(*c))
            .collect()
    }
}
