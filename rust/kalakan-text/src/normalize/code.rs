//! Codes that are dialed or typed: read digit by digit.

use crate::alphabet::is_letter;
use crate::spelling::{letter_names, sign_name};

use super::number::{digit_words, Form};
use super::scanner::Scanner;

/// Words before a code of any length.
const KEYS: [&str; 12] = [
    "otp",
    "pin",
    "code",
    "kood",
    "koodu",
    "kɔd",
    "kode",
    "id",
    "ref",
    "reference",
    "passcode",
    "password",
];

/// Words before a code if it is long or a word for "number" is in between.
const NUMBERED: [&str; 14] = [
    "account",
    "akontabuo",
    "acct",
    "meter",
    "mita",
    "transaction",
    "trans",
    "txn",
    "voucher",
    "serial",
    "token",
    "invoice",
    "receipt",
    "ticket",
];

/// Words between a key and its code.
const LINKS: [&str; 9] = ["ne", "yɛ", "is", "no", "nɔma", "number", "num", "a", "wo"];

/// Emergency numbers, and words before a number to call.
const HELP: [&str; 8] = ["112", "191", "192", "193", "911", "999", "117", "311"];
const CALLS: [&str; 6] = ["frɛ", "frɛɛ", "call", "dial", "number", "nɔma"];

/// Digits of a code; one or two are a number.
const LENGTHS: std::ops::RangeInclusive<usize> = 3..=24;

/// Digits that make a number a code by their count, after a name such as "account"; "meter" needs more.
const LONG: usize = 4;
const METRES: [&str; 2] = ["meter", "mita"];

/// Most groups of a short code.
const GROUPS: usize = 8;

/// Characters of an identifier in hexadecimal, from here on.
const HASH: usize = 12;

impl Scanner<'_> {
    /// Reads *170#, *170*1#, *#06# and #100#.
    pub(super) fn short_code(&mut self) -> bool {
        let is_sign = |c: char| matches!(c, '*' | '#');
        let mut end = self.at;
        let mut groups = 0;
        while is_sign(self.peek(end)) && groups <= GROUPS {
            let signs = end
                + self.chars[end..]
                    .iter()
                    .take(2)
                    .take_while(|c| is_sign(**c))
                    .count();
            end = self.digits_end(signs);
            groups += usize::from(end > signs);
        }
        let closed = end > self.at + 2 && self.peek(end - 1) == '#' && !is_sign(self.peek(end));
        if groups == 0 || !closed || !self.boundary(end) {
            return false;
        }
        while self.at < end {
            if let Some(name) = sign_name(self.peek(self.at)) {
                self.out.word(name);
                self.at += 1;
            } else {
                let stop = self.digits_end(self.at);
                self.spell_digits(self.at, stop, Form::Citation);
                self.at = stop;
            }
        }
        true
    }

    /// Reads "OTP 482913", "PIN: 1234" and "account nɔma ne 10203".
    pub(super) fn secret(&mut self) -> bool {
        let end = self.digits_end(self.at);
        if !LENGTHS.contains(&(end - self.at)) || !self.boundary(end) {
            return false;
        }
        let joins = matches!(self.peek(end), '.' | ',' | '-' | '/' | '%' | '°' | ':')
            && self.peek(end + 1) != ' '
            && self.digit(end + 1);
        let Some(linked) = self
            .code_name(end)
            .filter(|_| !joins && self.peek(end) != '%')
        else {
            return false;
        };
        let form = if linked {
            Form::Attributive
        } else {
            Form::Citation
        };
        self.spell_digits(self.at, end, form);
        self.at = end;
        true
    }

    /// Returns whether a word links the digits from here to `end` with the name of a code before them.
    fn code_name(&self, end: usize) -> Option<bool> {
        let digits = end - self.at;
        let help = digits == 3 && HELP.contains(&self.slice(self.at, end).as_str());
        let (mut at, mut linked) = (self.at, false);
        for _ in 0..4 {
            let gap = |c: &&char| matches!(**c, ' ' | ':' | '#' | '=' | '.');
            let spaces = self.chars[..at]
                .iter()
                .rev()
                .take(4)
                .take_while(gap)
                .count();
            let stop = at - spaces;
            let letters = self.chars[..stop]
                .iter()
                .rev()
                .take(12)
                .take_while(|c| is_letter(**c))
                .count();
            if spaces == 0 || letters == 0 {
                return None;
            }
            let word = self.lower(stop - letters, stop);
            if KEYS.contains(&word.as_str()) {
                return Some(linked);
            }
            let colon = self.chars[stop..at].contains(&':');
            let long = digits > LONG || digits == LONG && !METRES.contains(&word.as_str());
            if NUMBERED.contains(&word.as_str()) && (linked || colon || long) {
                return Some(linked);
            }
            if help && CALLS.contains(&word.as_str()) {
                return Some(false);
            }
            if !LINKS.contains(&word.as_str()) {
                return None;
            }
            linked = true;
            at = stop - letters;
        }
        None
    }

    /// Reads a license plate: GV 123-20.
    pub(super) fn plate(&mut self) -> bool {
        let start = self.at;
        let capitals = self.word == start + 2
            && self.chars[start..self.word]
                .iter()
                .all(char::is_ascii_uppercase);
        let first = self.word + usize::from(matches!(self.peek(self.word), ' ' | '-'));
        let dash = self.digits_end(first);
        let end = self.digits_end(dash + 1);
        // "UK 10-12" is a range.
        let other = ["UK", "EU", "UN", "US", "AD", "BC", "CE", "TV", "PM", "AM"];
        let named = other.iter().any(|name| self.starts_with(start, name));
        if !capitals || named || first == self.word || !(first + 1..=first + 4).contains(&dash) {
            return false;
        }
        if !matches!(self.peek(dash), '-' | '–')
            || end != dash + 3
            || !self.boundary(end)
            || self.peek(end) == '-'
        {
            return false;
        }
        let letters = self.lower(start, self.word);
        self.out.word(&letter_names(&letters));
        self.spell_digits(first, dash, Form::Citation);
        self.out.pause();
        self.spell_digits(dash + 1, end, Form::Citation);
        self.at = end;
        true
    }

    /// Reads a hash or a UUID character by character.
    pub(super) fn identifier(&mut self) -> bool {
        if !self.starts_word() || !self.peek(self.at).is_ascii_hexdigit() {
            return false;
        }
        let part = |c: &&char| c.is_ascii_hexdigit() || **c == '-';
        let length = self.chars[self.at..]
            .iter()
            .take(LONGEST_HASH)
            .take_while(part)
            .count();
        let end = self.at + length;
        let written = &self.chars[self.at..end];
        let digits = written.iter().filter(|c| c.is_ascii_digit()).count();
        let letters = written.iter().filter(|c| c.is_ascii_alphabetic()).count();
        if digits + letters < HASH || digits < 2 || letters < 2 || !self.boundary(end) {
            return false;
        }
        while self.at < end {
            let c = self.peek(self.at);
            if c.is_ascii_digit() {
                self.spell_digits(self.at, self.at + 1, Form::Citation);
            } else if c == '-' {
                self.out.pause();
            } else {
                self.out
                    .word(&letter_names(&c.to_ascii_lowercase().to_string()));
            }
            self.at += 1;
        }
        true
    }

    fn spell_digits(&mut self, from: usize, to: usize, form: Form) {
        let words = digit_words(&self.slice(from, to), self.options, form);
        self.out.word(&words);
    }
}

/// Characters of the longest hash.
const LONGEST_HASH: usize = 160;
