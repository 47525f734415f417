//! Words: lower case, unless they are initials.

use crate::alphabet::{is_letter, is_vowel};
use crate::spelling::letter_names;

use super::capitals::is_small_initials;
use super::scanner::Scanner;

/// Returns whether `word`, at a figure, is a unit that is in no table: two to four consonants, as in 5kv.
fn is_bare_unit(word: &str) -> bool {
    (2..=4).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_lowercase())
        && !word.contains(is_vowel)
}

/// Returns whether a letter after `word` names one of several.
fn is_group(word: &str) -> bool {
    matches!(
        word,
        "group"
            | "class"
            | "form"
            | "grade"
            | "section"
            | "block"
            | "plan"
            | "option"
            | "type"
            | "team"
            | "vitamin"
            | "hepatitis"
            | "unit"
            | "part"
            | "kuw"
            | "kuo"
            | "ɔfa"
            | "level"
            | "series"
            | "serie"
            | "division"
    )
}

/// Longest bracket whose end is not the one of a label, in characters.
const LONGEST_BRACKET: usize = 240;

impl Scanner<'_> {
    /// Reads the word that starts here in small letters, or letter by letter if it is made of initials.
    pub(super) fn plain_word(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        self.say_word(start, end);
        self.at = end;
        true
    }

    /// Reads the letter of "Group A", "A, B, C" and "b) Ankaa" by its name; elsewhere the vowels are words.
    pub(super) fn option_letter(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        let c = self.peek(start);
        if end != start + 1 || !c.is_ascii_alphabetic() || matches!(self.peek(end), '-' | '\'') {
            return false;
        }
        let capital = |i: usize| self.peek(i).is_ascii_uppercase() && self.boundary(i + 1);
        let closed = self.peek(end) == ')';
        let bracketed = closed
            && start > 0
            && self.peek(start - 1) == '('
            && (start == 1 || self.boundary(start - 2));
        let named = if c.is_ascii_uppercase() {
            if bracketed
                || closed && self.starts_word()
                || c == 'A' && start.checked_sub(1) == Some(self.quantity_end)
            {
                self.name_letter(c);
                return true;
            }
            let next = self.peek(end) == ',' && self.peek(end + 1) == ' ' && capital(end + 2);
            let before = start > 2
                && self.starts_with(start - 2, ", ")
                && capital(start - 3)
                && self.boundary(start.wrapping_sub(4));
            next || before || is_group(self.out.last_word())
        } else {
            // The a of "(sɛ wopɛ a)" is a word.
            let label = closed && (start == 0 || self.peek(start - 1).is_whitespace());
            bracketed || label && (!is_vowel(c) || !self.is_in_bracket(start))
        };
        if named {
            self.name_letter(c);
        }
        named
    }

    fn name_letter(&mut self, letter: char) {
        let letter = letter.to_ascii_lowercase().to_string();
        self.out.word(&letter_names(&letter));
        self.at += 1;
    }

    /// Returns whether a bracket of this line is open before `i`.
    fn is_in_bracket(&self, i: usize) -> bool {
        let line = self.chars[..i].iter().rev().take(LONGEST_BRACKET);
        let last = line
            .take_while(|c| **c != '\n')
            .find(|c| matches!(**c, '(' | ')'));
        crate::steps::step(LONGEST_BRACKET.min(i));
        last == Some(&'(')
    }

    /// Returns whether there is only whitespace between the start of the line and `start`.
    pub(super) fn starts_item(&self, start: usize) -> bool {
        let spaces = self.chars[..start]
            .iter()
            .rev()
            .take(8)
            .take_while(|c| **c == ' ')
            .count();
        start == spaces || self.chars[start - spaces - 1] == '\n'
    }

    /// Reads "M-m-me" and "K-Kofi" without the names of letters.
    pub(super) fn stammer(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        let low = crate::alphabet::lower(self.peek(start));
        let next = crate::alphabet::lower(self.peek(end + 1));
        let stammers =
            end == start + 1 && self.peek(end) == '-' && low == next && low.is_alphabetic();
        if stammers {
            self.out.word(&low.to_string());
            self.at = end;
        }
        stammers
    }

    fn say_word(&mut self, start: usize, end: usize) {
        let word = &self.chars[start..end];
        let capitals = word.iter().filter(|c| c.is_uppercase()).count();
        let beside_digit = self.digit(end) || start > 0 && self.chars[start - 1].is_ascii_digit();
        let lone = end == start + 1 && (capitals == 1 || beside_digit);
        if word.contains(&'\'') || capitals < 2 && !lone {
            if self.initials_of_owner(start, end) {
                return;
            }
            let mut low = self.lower(start, end);
            low.retain(|c| c != ' ');
            if is_small_initials(&low) || beside_digit && is_bare_unit(&low) {
                self.out.word(&letter_names(&low));
            } else {
                self.out.word(&low);
            }
        } else if lone && capitals == 0 {
            // The n of 802.11n is a letter, not a syllable.
            let low = self.lower(start, end);
            let names = letter_names(&low);
            self.out.word(if names.is_empty() { &low } else { &names });
        } else if beside_digit && capitals == word.len() && capitals == 2
            || self.starts_with(start, "FA Cup")
        {
            // "2FA" and the FA Cup; alone FA is a shouted verb.
            let names = letter_names(&self.lower(start, end));
            self.out.word(&names);
        } else {
            self.capitals_or_word(start, end);
        }
    }

    /// Returns the end of the word at `start`: letters, and apostrophes between letters.
    pub(super) fn word_end(&self, start: usize) -> usize {
        let mut end = self.letters_end(start);
        // "n' akyi": a clitic and its word, separated by mistake.
        let clitic =
            end == start + 1 && matches!(self.peek(start), 'm' | 'n' | 'w' | 'M' | 'N' | 'W');
        if clitic
            && self.peek(end) == '\''
            && self.peek(end + 1) == ' '
            && is_vowel(self.peek(end + 2))
        {
            end = self.letters_end(end + 2);
        }
        while self.peek(end) == '\'' && is_letter(self.peek(end + 1)) {
            end = self.letters_end(end + 1);
        }
        end
    }
}
