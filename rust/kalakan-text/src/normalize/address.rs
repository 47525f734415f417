//! Spoken forms of URLs, e-mail addresses, mentions and hashtags.

use crate::alphabet::{is_letter, is_vowel};
use crate::clean::has_chat_letters;
use crate::options::ChatSpelling;
use crate::spelling::{letter_names, sign_name};

use super::number::{digit_words, integer_words, Form};
use super::scanner::Scanner;
use super::spoken::Spoken;
use super::NormalizeOptions;

/// Reads an address: labels as words, signs by name, digits one by one.
pub(super) fn speak(chars: &[char], options: &NormalizeOptions, out: &mut Spoken) {
    let text: String = chars.iter().collect();
    let mut rest = text
        .split_once("://")
        .map_or(text.as_str(), |(_, rest)| rest)
        .trim_start_matches("mailto:")
        .trim_end_matches('/');
    while let Some(c) = rest.chars().next() {
        let kind: fn(char) -> bool = if c.is_ascii_digit() {
            |c| c.is_ascii_digit()
        } else {
            is_letter
        };
        let length = rest.find(|c| !kind(c)).unwrap_or(rest.len()).max(1);
        let (part, tail) = rest.split_at(length);
        match c {
            _ if c.is_ascii_digit() => out.word(&digit_words(part, options, Form::Citation)),
            _ if is_letter(c) => speak_label(part, out),
            // Signs are read by name, so that a listener can type the address.
            _ => out.word(sign_name(c).unwrap_or_default()),
        }
        rest = tail;
    }
}

fn speak_label(label: &str, out: &mut Spoken) {
    let low = label.to_lowercase();
    let vowel = low.contains(is_vowel) || low.len() > 3 && low.contains('y');
    let short = low.len() < 3 && !matches!(low.as_str(), "co" | "me");
    // "abc" has to stay what it is when it is read again.
    if vowel && !short && !has_chat_letters(&low, ChatSpelling::Narrow) {
        out.word(&low);
    } else {
        out.word(&letter_names(&low));
    }
}

impl Scanner<'_> {
    /// Reads an address that starts here.
    pub(super) fn address(&mut self) -> bool {
        let Some(end) = crate::address::end(self.chars, self.at) else {
            return false;
        };
        speak(&self.chars[self.at..end], self.options, &mut self.out);
        self.at = end;
        true
    }

    /// Reads the "@name" of a person; "@5pm" is a time.
    pub(super) fn mention(&mut self) -> bool {
        !self.digit(self.at + 1) && self.address()
    }

    /// Reads #`GhanaTwi` as its words.
    pub(super) fn hashtag(&mut self) -> bool {
        let tagged = |c: char| crate::alphabet::is_letter(c) || c.is_ascii_digit() || c == '_';
        if self.peek(self.at) != '#' || !tagged(self.peek(self.at + 1)) {
            return false;
        }
        let start = self.at + 1;
        let stop = start
            + self.chars[start..]
                .iter()
                .take_while(|c| tagged(**c))
                .count();
        self.at = start;
        while self.at < stop {
            let end = self.tag_part(self.at, stop);
            if self.digit(self.at) {
                let words = integer_words(&self.slice(self.at, end), self.options, self.form());
                self.out.word(&words);
            } else if self.peek(self.at) != '_' {
                self.capitals_or_word(self.at, end);
            }
            self.at = end;
        }
        true
    }

    /// Returns the end of the part that starts at `i`: a capital after a small letter starts the next.
    fn tag_part(&self, i: usize, stop: usize) -> usize {
        if self.digit(i) {
            return self.digits_end(i).min(stop);
        }
        if self.peek(i) == '_' {
            return i + 1;
        }
        let mut end = i + 1;
        while end < stop && crate::alphabet::is_letter(self.peek(end)) {
            let (before, c, after) = (self.peek(end - 1), self.peek(end), self.peek(end + 1));
            let hump = c.is_uppercase()
                && (!before.is_uppercase() || end + 1 < stop && after.is_lowercase());
            if hump {
                break;
            }
            end += 1;
        }
        end
    }
}
