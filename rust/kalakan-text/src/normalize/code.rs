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
const CALLS: [&str; 4] = ["call", "dial", "number", "nɔma"];

/// Most words between the call and the number.
const CALL_WORDS: usize = 5;

/// Most words between the number and its call: "911 na ɛsɛ sɛ wofrɛ".
const CALLED_WORDS: usize = 4;

/// Letters of the regions on license plates.
const REGIONS: [&str; 20] = [
    "AC", "AE", "AS", "AW", "BA", "BR", "CR", "ER", "GC", "GE", "GN", "GR", "GS", "GT", "GV", "GW",
    "GX", "NR", "UE", "UW",
];

/// Digits of a code; one or two are a number.
const LENGTHS: std::ops::RangeInclusive<usize> = 3..=24;

/// Digits that make a number a code by their count, after a name such as "account"; "meter" needs more.
const LONG: usize = 4;
const METERS: [&str; 2] = ["meter", "mita"];

/// Most groups of a short code.
const GROUPS: usize = 8;

/// Most signs in a row of a short code: *#*#4636#*#*.
const SIGNS: usize = 4;

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
                    .take(SIGNS)
                    .take_while(|c| is_sign(**c))
                    .count();
            end = self.digits_end(signs);
            if end == signs {
                break;
            }
            groups += 1;
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
        let first = self.digits_end(self.at);
        let end = self.groups_end(first);
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
        let length = first - self.at + 1;
        for from in (self.at..end).step_by(length) {
            if from > self.at {
                self.out.pause();
            }
            self.spell_digits(from, from + length - 1, form);
        }
        self.at = end;
        true
    }

    /// Returns the end of the groups of a code: those of the same length after its first one, which ends at `first`.
    fn groups_end(&self, first: usize) -> usize {
        let length = first - self.at;
        let mut end = first;
        while length > 1
            && end - self.at < *LENGTHS.end()
            && matches!(self.peek(end), ' ' | '-')
            && self.digits_end(end + 1) == end + 1 + length
            && self.boundary(end + 1 + length)
        {
            end += 1 + length;
        }
        end
    }

    /// Returns whether a word links the digits from here to `end` with the name of a code before them.
    fn code_name(&self, end: usize) -> Option<bool> {
        let digits = end - self.at;
        let help = digits == 3 && HELP.contains(&self.slice(self.at, end).as_str());
        if help && (self.is_called() || self.will_be_called(end)) {
            return Some(false);
        }
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
            let long = digits > LONG || digits == LONG && !METERS.contains(&word.as_str());
            if NUMBERED.contains(&word.as_str()) && (linked || colon || long) {
                return Some(linked);
            }
            if !LINKS.contains(&word.as_str()) {
                return None;
            }
            linked = true;
            at = stop - letters;
        }
        None
    }

    /// Returns whether the figure here is called, as in "frɛ 112", "mefrɛɛ polisifoɔ wɔ 191 anaa 193".
    fn is_called(&self) -> bool {
        let letter = |c: &&char| is_letter(**c) || c.is_ascii_digit();
        let mut at = self.at;
        for _ in 0..CALL_WORDS {
            let before = &self.chars[..at];
            let gap = |c: &&char| matches!(**c, ' ' | ':' | ',');
            let spaces = before.iter().rev().take(3).take_while(gap).count();
            let stop = at - spaces;
            let length = self.chars[..stop]
                .iter()
                .rev()
                .take(16)
                .take_while(letter)
                .count();
            if spaces == 0 || length == 0 {
                return false;
            }
            let word = self.lower(stop - length, stop);
            if CALLS.contains(&word.as_str()) || word.ends_with("frɛ") || word.ends_with("frɛɛ")
            {
                return true;
            }
            at = stop - length;
        }
        false
    }

    /// Returns whether the figure that ends at `end` is called by the words after it, as in "911 na wɔfrɛ".
    fn will_be_called(&self, end: usize) -> bool {
        let mut at = end;
        for _ in 0..CALLED_WORDS {
            let start = self.skip_spaces(at);
            let stop = self.letters_end(start);
            if start == at || stop == start || stop - start > 16 {
                return false;
            }
            let word = self.lower(start, stop);
            if word.ends_with("frɛ") || word.ends_with("frɛɛ") || word.ends_with("frɛeɛ") {
                return true;
            }
            at = stop;
        }
        false
    }

    /// Reads a license plate: GV 123-20, and the old GT 1234 X.
    pub(super) fn plate(&mut self) -> bool {
        let start = self.at;
        let capitals = self.word == start + 2
            && self.chars[start..self.word]
                .iter()
                .all(char::is_ascii_uppercase);
        let first = self.word + usize::from(matches!(self.peek(self.word), ' ' | '-'));
        let stop = self.digits_end(first);
        // "UK 10-12" is a range.
        let other = ["UK", "EU", "UN", "US", "AD", "BC", "CE", "TV", "PM", "AM"];
        let named = other.iter().any(|name| self.starts_with(start, name));
        if !capitals || named || first == self.word || !(first + 1..=first + 4).contains(&stop) {
            return false;
        }
        let region = REGIONS.iter().any(|name| self.starts_with(start, name));
        let Some((last, end)) = self.plate_end(stop, region) else {
            return false;
        };
        let letters = self.lower(start, self.word);
        self.out.word(&letter_names(&letters));
        self.spell_digits(first, stop, Form::Citation);
        self.out.pause();
        if self.digit(last) {
            self.spell_digits(last, end, Form::Citation);
        } else {
            self.out.word(&letter_names(&self.lower(last, end)));
        }
        self.at = end;
        true
    }

    /// Returns where the year or the letter at the end of a plate starts and ends, after its number; a `region` may have
    /// spaces around the dash.
    fn plate_end(&self, stop: usize, region: bool) -> Option<(usize, usize)> {
        let space = usize::from(region && self.peek(stop) == ' ');
        let dash = stop + space;
        let dashed = matches!(self.peek(dash), '-' | '–');
        let last = dash + usize::from(dashed) + usize::from(dashed && space == 1);
        if space == 1 && dashed && self.peek(dash + 1) != ' ' {
            return None;
        }
        let year = self.digits_end(last);
        if dashed && year == last + 2 && self.boundary(year) && self.peek(year) != '-' {
            return Some((last, year));
        }
        let lettered = region
            && (dashed || space == 1)
            && self.peek(last).is_ascii_uppercase()
            && self.boundary(last + 1)
            && !matches!(self.peek(last + 1), '.' | '\'' | '-');
        lettered.then_some((last, last + 1))
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
