//! Brackets, table cells and bullets: each makes the pause of a comma.

use crate::alphabet::{is_letter, is_vowel};
use crate::steps::step;

use super::scanner::Scanner;

/// Longest bracket that is an aside, in characters.
const LONGEST: usize = 240;

impl Scanner<'_> {
    /// Reads a bracket around words with a pause before and after them. Figures, units and initials name what stands
    /// before the bracket and need none, and letters in brackets inside a word are part of it.
    pub(super) fn bracket(&mut self) -> bool {
        let at = self.at;
        match self.peek(at) {
            '(' | '[' => {
                let Some(close) = self.aside_end(at) else {
                    return false;
                };
                self.asides.push(close);
            }
            ')' | ']' => {
                while self.asides.last().is_some_and(|close| *close < at) {
                    self.asides.pop();
                }
                if self.asides.last() != Some(&at) {
                    return false;
                }
                self.asides.pop();
            }
            _ => return false,
        }
        self.out.pause();
        self.at += 1;
        true
    }

    /// Reads the end of a table cell, or a bullet.
    pub(super) fn cell(&mut self) -> bool {
        let is_gap = |c: char| matches!(c, ' ' | '\n');
        let before = self.at.checked_sub(1).map_or(' ', |at| self.chars[at]);
        let ends = match self.peek(self.at) {
            '|' => true,
            '*' => is_gap(before) && is_gap(self.peek(self.at + 1)),
            _ => false,
        };
        if ends {
            self.out.pause();
            self.at += 1;
        }
        ends
    }

    /// Returns where the bracket at `open` closes if words stand in it, on the same line.
    fn aside_end(&self, open: usize) -> Option<usize> {
        let (opens, closes) = if self.chars[open] == '(' {
            ('(', ')')
        } else {
            ('[', ']')
        };
        // [[Accra]] is the name of a page.
        let before = open.checked_sub(1).map_or(' ', |at| self.chars[at]);
        let is_link = opens == '[' && (self.peek(open + 1) == '[' || before == '[');
        if is_link || open > 0 && !self.boundary(open - 1) {
            return None;
        }
        // "(ii)" is the label of an item.
        let stop = self.letters_end(open + 1);
        let roman = |c: &char| matches!(c, 'i' | 'v' | 'x');
        if self.peek(stop) == closes && self.chars[open + 1..stop].iter().all(roman) {
            return None;
        }
        let inside = self.chars[open + 1..].iter().take(LONGEST);
        let (mut depth, mut has_word, mut word) = (0, false, Word::default());
        for (length, &c) in inside.enumerate() {
            step(1);
            if is_letter(c) {
                word.add(c);
                continue;
            }
            has_word |= std::mem::take(&mut word).is_spoken();
            if c == '\n' {
                return None;
            } else if c == opens {
                depth += 1;
            } else if c == closes && depth > 0 {
                depth -= 1;
            } else if c == closes {
                let close = open + 1 + length;
                return (has_word && self.boundary(close + 1)).then_some(close);
            }
        }
        None
    }
}

/// What letters in sequence have shown so far.
#[derive(Default)]
struct Word {
    letters: usize,
    has_vowel: bool,
    has_small: bool,
}

impl Word {
    fn add(&mut self, c: char) {
        self.letters += 1;
        self.has_vowel |= is_vowel(crate::alphabet::lower(c));
        self.has_small |= c.is_lowercase();
    }

    /// Whether it is a word, and no letter, unit or initials.
    fn is_spoken(&self) -> bool {
        self.letters > 1 && self.has_vowel && self.has_small
    }
}
