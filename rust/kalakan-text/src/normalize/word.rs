//! Words: lower case, unless they are an abbreviation, a numeral, a month or initials.

use crate::alphabet::{is_letter, is_vowel};

use super::capitals::{is_small_initials, letter_names};
use super::ordinal::is_title;
use super::scanner::{Names, Scanner};

impl Scanner<'_> {
    /// Reads the word that starts here.
    pub(super) fn word(&mut self) {
        let start = self.at;
        let end = self.word_end(start);
        let first = self.chars[start];
        let capital = first.is_uppercase();
        let continues = self.follows_names(start);
        let read = self.short_book(start, end)
            || self.abbreviation(start, end)
            || self.cedis_first(start, end)
            || self.until(start, end)
            || self.times(start, end)
            || capital && self.roman(start, end)
            || self.month_first(start, end)
            || capital && self.short_month(start, end);
        if !read {
            self.plain_word(start, end);
            self.at = end;
        }
        if !capital {
            return;
        }
        if !continues {
            self.names = Names::default();
        }
        self.names.count += 1;
        self.names.titled |= end - start < 12 && is_title(&self.lower(start, end));
        self.names.end = self.at;
    }

    fn plain_word(&mut self, start: usize, end: usize) {
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
    fn word_end(&self, start: usize) -> usize {
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
