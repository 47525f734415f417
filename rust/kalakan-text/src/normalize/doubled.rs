//! A figure in brackets after the same number in words: "mfeɛ aduonu (20)" is read once.

use crate::currency;

use super::number::Form;
use super::scanner::Scanner;

/// Longest bracket that is compared, in characters.
const LONGEST: usize = 32;

impl Scanner<'_> {
    /// Skips a bracket that holds the number that was just read.
    pub(super) fn said_twice(&mut self) -> bool {
        if self.peek(self.at) != '(' {
            return false;
        }
        let mut start = self.skip_spaces(self.at + 1);
        if let Some((_, end)) = currency::before_figure(self.chars, start) {
            start = self.skip_spaces(end);
        }
        if !self.digit(start) {
            return false;
        }
        let open = self.chars[start..]
            .iter()
            .take(LONGEST)
            .position(|c| *c == ')');
        let Some(close) = open.map(|length| start + length) else {
            return false;
        };
        let list_end = self.list_end;
        let Some((value, end)) = self.value(start) else {
            return false;
        };
        self.list_end = list_end;
        let after = self.magnitude(end, true).map_or(end, |(_, end)| end);
        let after = self.money_after(after).map_or(after, |(_, end)| end);
        let unit = self.unit(after);
        let after = unit.map_or(after, |(_, end)| end);
        let words = value.words(self.options, Form::Attributive);
        // "mpem dubaako kilomita (11,000km)"
        let said = self
            .out
            .ends_with_number(&words, unit.map_or("", |(unit, _)| unit.noun));
        if self.skip_spaces(after) != close || !said {
            return false;
        }
        self.at = close + 1;
        true
    }
}
