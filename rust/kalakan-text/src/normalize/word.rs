//! Words: lower case, unless they are initials.

use crate::alphabet::{is_letter, is_vowel};
use crate::spelling::letter_names;

use super::capitals::is_small_initials;
use super::scanner::Scanner;

impl Scanner<'_> {
    /// Says the word that starts here in small letters, or by its letters if it is made of initials.
    pub(super) fn plain_word(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        self.say_word(start, end);
        self.at = end;
        true
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
            if is_small_initials(&low) {
                self.out.word(&letter_names(&low));
            } else {
                self.out.word(&low);
            }
        } else if lone && capitals == 0 {
            // The n of 802.11n is a letter, not a syllable.
            let low = self.lower(start, end);
            let names = letter_names(&low);
            self.out.word(if names.is_empty() { &low } else { &names });
        } else {
            self.capitals_or_word(start, end);
        }
    }

    /// Returns the end of the word at `start`: letters, and apostrophes between letters.
    pub(super) fn word_end(&self, start: usize) -> usize {
        let mut end = self.letters_end(start);
        // "n' akyi": a clitic and its word, parted by a slip.
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
