//! Codes that are dialled or typed: digit by digit.

use crate::spelling::sign_name;

use super::number::{digit_words, Form};
use super::scanner::Scanner;

/// Words before a code.
const KEYS: [&str; 4] = ["otp", "pin", "code", "kood"];

/// Digits of a code; one or two are a number.
const LENGTHS: std::ops::RangeInclusive<usize> = 3..=8;

impl Scanner<'_> {
    /// Reads *170# and *170*1#.
    pub(super) fn short_code(&mut self) -> bool {
        let mut groups = Vec::new();
        let mut at = self.at;
        while self.peek(at) == '*' && self.digit(at + 1) {
            let end = self.digits_end(at + 1);
            groups.push((at + 1, end));
            at = end;
        }
        if groups.is_empty() || self.peek(at) != '#' || !self.boundary(at + 1) {
            return false;
        }
        for (from, to) in groups {
            self.out.word(sign_name('*').unwrap_or_default());
            self.digits(from, to);
        }
        self.out.word(sign_name('#').unwrap_or_default());
        self.at = at + 1;
        true
    }

    /// Reads "OTP 482913" and "PIN: 1234".
    pub(super) fn secret(&mut self) -> bool {
        let end = self.digits_end(self.at);
        if !LENGTHS.contains(&(end - self.at)) || !self.boundary(end) {
            return false;
        }
        let joins = matches!(self.peek(end), '.' | ',' | '-' | '/' | '%' | '°')
            && self.peek(end + 1) != ' ';
        let gap = |c: &&char| matches!(**c, ' ' | ':');
        let key_end = self.at - self.chars[..self.at].iter().rev().take_while(gap).count();
        let letters = |c: &&char| c.is_ascii_alphabetic();
        let length = self.chars[..key_end]
            .iter()
            .rev()
            .take(6)
            .take_while(letters)
            .count();
        let key = self.lower(key_end - length, key_end);
        if joins || key_end == self.at || !KEYS.contains(&key.as_str()) {
            return false;
        }
        self.digits(self.at, end);
        self.at = end;
        true
    }

    fn digits(&mut self, from: usize, to: usize) {
        let words = digit_words(&self.slice(from, to), self.options, Form::Citation);
        self.out.word(&words);
    }
}
