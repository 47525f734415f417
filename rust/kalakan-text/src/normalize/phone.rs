//! Telephone numbers and other chains of digits: one by one, with a pause between the groups.

use crate::alphabet::is_letter;

use super::number::{digit_words, Form};
use super::scanner::Scanner;

/// Digits of a Ghanaian number with its leading zero.
const NATIONAL: usize = 10;
/// Digits of a Ghanaian number after the plus sign.
const GHANA: usize = 12;
/// Fewest and most digits of an international number.
const INTERNATIONAL: std::ops::RangeInclusive<usize> = 9..=15;
/// Single figures from here on are read one by one.
const RUN: usize = 4;

impl Scanner<'_> {
    /// Reads 0244123456, 024 412 3456 and +233 24 412 3456.
    pub(super) fn phone(&mut self) -> bool {
        let plus = self.peek(self.at) == '+';
        let start = self.at + usize::from(plus);
        // Ghana's numbers continue with 2, 3 or 5 after 233; 233 000 000 000 is a number.
        let ghana = ["2332", "2333", "2335"]
            .iter()
            .any(|begin| self.starts_with(start, begin));
        if !(plus || self.peek(start) == '0' || ghana) {
            return false;
        }
        let Some(groups) = self.phone_groups(start, plus) else {
            return false;
        };
        if plus {
            self.out.word("plɔs");
        }
        self.speak_groups(&groups);
        true
    }

    /// Reads "1 2 3 4 5": each figure alone and in the same form, without a pause. Ten that begin with 0 are a
    /// telephone number.
    pub(super) fn one_by_one(&mut self) -> bool {
        let is_single = |at: usize| self.digit(at) && self.boundary(at + 1);
        if !is_single(self.at) || self.peek(self.at + 1) != ' ' || !is_single(self.at + 2) {
            return false;
        }
        let mut end = self.at + 1;
        while self.peek(end) == ' ' && is_single(end + 1) {
            end += 2;
        }
        // The last one may belong to what follows: "1 2 3 4:15", "1 2 3 4 km".
        let bound = |end: usize| {
            let next = self.peek(end);
            next == ' ' && self.unit(end).is_none() && self.money_after(end).is_none()
                || next.is_whitespace() && next != ' '
                || !self.peek(end + 1).is_ascii_digit()
                    && matches!(
                        next,
                        '.' | ',' | ';' | ':' | '!' | '?' | '…' | ')' | ']' | '"' | '\''
                    )
        };
        if !bound(end) {
            end -= 2;
        }
        let count = (end + 1 - self.at) / 2;
        if count < RUN || count == NATIONAL && self.peek(self.at) == '0' {
            return false;
        }
        let words = digit_words(&self.slice(self.at, end), self.options, Form::Citation);
        self.out.word(&words);
        self.at = end;
        true
    }

    fn phone_groups(&self, start: usize, plus: bool) -> Option<Vec<(usize, usize)>> {
        let mut groups = Vec::new();
        let mut count = 0;
        let mut at = start;
        // Number of digits, where the prefix determines it.
        let fixed = match plus {
            _ if self.starts_with(start, "233") => Some(GHANA),
            true => None,
            false if self.starts_with(start, "00233") => Some(GHANA + 2),
            false => Some(NATIONAL),
        };
        loop {
            let end = self.digits_end(at);
            count += end - at;
            if count > *INTERNATIONAL.end() {
                return None;
            }
            groups.push((at, end));
            let full = match fixed {
                Some(length) => count >= length,
                None => false,
            };
            let next = self.next_group(end);
            match next {
                Some(next)
                    if !full && count + self.digits_end(next) - next <= *INTERNATIONAL.end() =>
                {
                    at = next;
                }
                _ => break,
            }
        }
        let end = groups.last()?.1;
        let fits = if plus {
            INTERNATIONAL.contains(&count)
        } else {
            Some(count) == fixed
        };
        // What is typed without a space after it is not part of it: "+233244123456anaa".
        let free = self.boundary(end) || is_letter(self.peek(end)) && is_letter(self.peek(end + 1));
        (fits && free).then_some(groups)
    }

    /// Returns where the digits after one separator start: a space, hyphen, dot or bracket.
    fn next_group(&self, end: usize) -> Option<usize> {
        let mut at = end;
        while at < end + 3 && matches!(self.peek(at), ' ' | '-' | '.' | '(' | ')' | '/') {
            // A dot before a space ends a sentence.
            if self.peek(at) == '.' && self.peek(at + 1) == ' ' {
                return None;
            }
            at += 1;
        }
        (at > end && self.digit(at)).then_some(at)
    }

    fn speak_groups(&mut self, groups: &[(usize, usize)]) {
        for (k, (from, to)) in groups.iter().enumerate() {
            if k > 0 {
                self.out.pause();
            }
            let words = digit_words(&self.slice(*from, *to), self.options, Form::Citation);
            self.out.word(&words);
            self.at = *to;
        }
    }

    /// Reads a chain of three or more groups, such as an ISBN, which is not a range.
    pub(super) fn chain(&mut self) -> bool {
        let mut groups = Vec::new();
        let mut at = self.at;
        loop {
            let end = self.digits_end(at);
            if end == at {
                break;
            }
            groups.push((at, end));
            if !(self.peek(end) == '-' && self.digit(end + 1)) {
                break;
            }
            at = end + 1;
        }
        // After "GA-" even two groups are a code.
        let coded = self.at > 1
            && self.chars[self.at - 1] == '-'
            && self.chars[self.at - 2].is_alphabetic();
        // "G-482913": a letter and the code itself.
        let lettered = coded
            && self.boundary(self.at.wrapping_sub(3))
            && groups.iter().any(|(from, to)| to - from > 3);
        if groups.len() < if coded { 2 } else { 3 } && !lettered {
            return false;
        }
        self.speak_groups(&groups);
        true
    }
}
