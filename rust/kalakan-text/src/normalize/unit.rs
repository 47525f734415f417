//! Units, percent and temperature: the noun comes before the number.

use super::number::{integer_words, Form};
use super::scanner::Scanner;

/// Words before and after the number.
#[derive(Clone, Copy)]
pub(super) struct Unit {
    pub(super) noun: &'static str,
    pub(super) tail: &'static str,
}

const PERCENT: &str = "ɔha mu nkyekyɛmu";

const PER_MILLE: &str = "apem mu nkyekyɛmu";

/// Ways in which texts already have "percent" before the figure.
const PERCENT_SAID: [&str; 6] = [
    "ɔha mu nkyekyɛmu",
    "ɔha mu nkyɛmu",
    "ɔha nkyekyɛmu",
    "ɔha nkyɛmu",
    "ɔha mu nkyekyɛm",
    "ɔha nkyɛkyɛmu",
];

/// Sign, noun, words after the number. Longer signs of one start come first.
const UNITS: &[(&str, &str, &str)] = &[
    ("km/hr", "kilomita", "dɔnhwere biara"),
    ("km/h", "kilomita", "dɔnhwere biara"),
    ("kmph", "kilomita", "dɔnhwere biara"),
    ("kmh", "kilomita", "dɔnhwere biara"),
    ("kph", "kilomita", "dɔnhwere biara"),
    ("mph", "akwansin", "dɔnhwere biara"),
    ("m/s²", "mita", "sɛkɛnd ahinanan biara"),
    ("m/s2", "mita", "sɛkɛnd ahinanan biara"),
    ("m/s", "mita", "sɛkɛnd biara"),
    ("km²", "kilomita ahinanan", ""),
    ("km2", "kilomita ahinanan", ""),
    ("cm²", "sɛntimita ahinanan", ""),
    ("cm2", "sɛntimita ahinanan", ""),
    ("mm²", "milimita ahinanan", ""),
    ("m²", "mita ahinanan", ""),
    ("m2", "mita ahinanan", ""),
    ("m³", "mita kubik", ""),
    ("m3", "mita kubik", ""),
    ("cm³", "sɛntimita kubik", ""),
    ("cm3", "sɛntimita kubik", ""),
    ("mm³", "milimita kubik", ""),
    ("mm3", "milimita kubik", ""),
    ("dm³", "desimita kubik", ""),
    ("dm3", "desimita kubik", ""),
    ("mm2", "milimita ahinanan", ""),
    ("kms", "kilomita", ""),
    ("km", "kilomita", ""),
    ("cm", "sɛntimita", ""),
    ("mm", "milimita", ""),
    ("kgs", "kilogram", ""),
    ("kg", "kilogram", ""),
    ("mg", "miligram", ""),
    ("ml", "mililita", ""),
    ("cl", "sɛntilita", ""),
    ("ft", "fiit", ""),
    ("hrs", "dɔnhwere", ""),
    ("hr", "dɔnhwere", ""),
    ("mins", "simma", ""),
    ("min", "simma", ""),
    ("secs", "sɛkɛnd", ""),
    ("sec", "sɛkɛnd", ""),
    ("yrs", "mfeɛ", ""),
    ("yr", "afe", ""),
    ("ghz", "gigahɛts", ""),
    ("mhz", "megahɛts", ""),
    ("khz", "kilohɛts", ""),
    ("hz", "hɛts", ""),
    ("db", "desibɛl", ""),
    ("gbps", "gigabit", "sɛkɛnd biara"),
    ("mbps", "megabit", "sɛkɛnd biara"),
    ("kbps", "kilobit", "sɛkɛnd biara"),
    ("mmhg", "milimita mɛɛkuri", ""),
    ("hpa", "hɛktopaskal", ""),
    ("kpa", "kilopaskal", ""),
    ("lbs", "pɔn", ""),
    ("lb", "pɔn", ""),
    ("oz", "awns", ""),
    ("psi", "pii ɛs ai", ""),
    ("ppm", "pii pii ɛm", ""),
    ("rpm", "aa pii ɛm", ""),
    ("bpm", "bii pii ɛm", ""),
    ("kcal", "kilokalori", ""),
    ("iu", "ai yuu", ""),
    ("kwh", "kilowat dɔnhwere", ""),
    ("kw", "kilowat", ""),
    ("mw", "megawat", ""),
    ("nm", "nanomita", ""),
    ("µg", "mikrogram", ""),
    ("mcg", "mikrogram", ""),
    ("µl", "mikrolita", ""),
    ("µm", "mikromita", ""),
    ("µs", "mikrosɛkɛnd", ""),
    ("ms", "milisɛkɛnd", ""),
    ("dl", "desilita", ""),
    ("mmol", "milimol", ""),
    ("ha", "hɛkta", ""),
    ("t", "tɔn", ""),
    ("h", "dɔnhwere", ""),
    ("kb", "kee bii", ""),
    ("mb", "ɛm bii", ""),
    ("gb", "gyii bii", ""),
    ("tb", "tii bii", ""),
    ("m", "mita", ""),
    ("g", "gram", ""),
    ("l", "lita", ""),
    ("°c", "digrii sɛlsiɔs", ""),
    ("°f", "digrii farɛnhait", ""),
];

impl Scanner<'_> {
    /// Returns the unit after a number that ends at `end`, and where the unit ends.
    pub(super) fn unit(&self, end: usize) -> Option<(Unit, usize)> {
        let start = self.skip_spaces(end);
        if start > end + 1 {
            return None;
        }
        match self.peek(start) {
            '%' => {
                let said = PERCENT_SAID.iter().find(|words| self.out.ends_with(words));
                let noun = said.copied().unwrap_or(PERCENT);
                Some((Unit { noun, tail: "" }, start + 1))
            }
            '°' => Some(self.degrees(start)),
            // "3x": three times.
            'x' if start == end && self.boundary(start + 1) && !self.is_term(start + 1) => Some((
                Unit {
                    noun: "mpɛn",
                    tail: "",
                },
                start + 1,
            )),
            '‰' => Some((
                Unit {
                    noun: PER_MILLE,
                    tail: "",
                },
                start + 1,
            )),
            'a'..='z' | 'A'..='Z' | 'µ' => self.metric(start),
            _ => None,
        }
    }

    fn degrees(&self, start: usize) -> (Unit, usize) {
        let scale = self.skip_spaces(start + 1);
        let noun = match self.peek(scale) {
            'C' | 'c' if self.boundary(scale + 1) => "digrii sɛlsiɔs",
            'F' | 'f' if self.boundary(scale + 1) => "digrii farɛnhait",
            _ => {
                return (
                    Unit {
                        noun: "digrii",
                        tail: "",
                    },
                    start + 1,
                )
            }
        };
        (Unit { noun, tail: "" }, scale + 1)
    }

    fn metric(&self, start: usize) -> Option<(Unit, usize)> {
        let (sign, noun, tail) = UNITS.iter().find(|(sign, ..)| self.has_unit(start, sign))?;
        // "ha" is a word, and 4t is one of algebra in arithmetic.
        let touches = start > 0 && self.digit(start - 1);
        let end = start + sign.chars().count();
        if *sign == "ha" && !touches || *sign == "t" && (!touches || self.is_term(end)) {
            return None;
        }
        Some((Unit { noun, tail }, start + sign.chars().count()))
    }

    /// Returns whether a sign of arithmetic follows what ends at `end`: the x of "2x + 3" is a letter.
    fn is_term(&self, end: usize) -> bool {
        let sign = self.skip_spaces(end);
        match self.peek(sign) {
            '=' | '+' | '×' | '÷' | '−' | '<' | '>' | '^' | '²' | '³' => true,
            '-' => self.operand_after(sign + 1),
            _ => false,
        }
    }

    /// Reads the "/kg" of a price and the "/5ml" of a dose.
    pub(super) fn per_unit(&mut self) {
        if self.peek(self.at) != '/' {
            return;
        }
        let digits = self.digits_end(self.at + 1);
        if digits > self.at + 1 && self.chars[self.at - 1].is_alphabetic() {
            if let Some((unit, end)) = self.metric(digits) {
                let words = integer_words(
                    &self.slice(self.at + 1, digits),
                    self.options,
                    Form::Attributive,
                );
                self.out.word(unit.noun);
                self.out.word(&words);
                self.out.word("biara");
                self.at = end;
            }
            return;
        }
        if let Some((unit, end)) = self.metric(self.at + 1) {
            self.out.word(unit.noun);
            self.out.word("biara");
            self.at = end;
        }
    }

    /// Returns whether the name of a unit is at `start`, as after the slash of "mg/kg".
    fn names_unit(&self, start: usize) -> bool {
        let stop = self.letters_end(start);
        let length = stop - start;
        (1..=4).contains(&length) && {
            let word = self.lower(start, stop);
            UNITS.iter().any(|(sign, ..)| *sign == word)
                || matches!(word.as_str(), "day" | "da" | "dose")
        }
    }

    fn has_unit(&self, start: usize, sign: &str) -> bool {
        let end = start + sign.chars().count();
        // 5G and 4M are names; one-letter units are lower case, except the liter.
        let exact = sign.len() == 1 && sign != "l";
        let mut signs = sign.chars().enumerate();
        let written = signs.all(|(k, s)| {
            let c = self.peek(start + k);
            c == s || !exact && c.to_ascii_lowercase() == s
        });
        let ends = match self.peek(end) {
            '\'' | '²' | '³' => false,
            '/' => self.boundary(end + 1) || self.digit(end + 1) || self.names_unit(end + 1),
            _ => self.boundary(end),
        };
        written && ends
    }
}
