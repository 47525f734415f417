//! The figure itself: grouping, decimals, fractions, and its spoken form.

use crate::alphabet::{is_letter, is_mark, FRACTIONS};

use super::number::{fraction_words, integer_words, Form};
use super::scanner::Scanner;
use super::NormalizeOptions;

/// A number as written, without sign or unit.
#[derive(Clone, Debug, Default)]
pub(super) struct Value {
    /// Digits of the whole part; empty for a bare fraction.
    pub(super) whole: String,
    /// Digits after the decimal sign.
    pub(super) decimals: Option<String>,
    /// Numerator and denominator.
    pub(super) part: Option<(u32, u32)>,
}

impl Value {
    pub(super) fn is_integer(&self) -> bool {
        self.decimals.is_none() && self.part.is_none()
    }

    /// Returns the whole number, if it is one that rules handle.
    pub(super) fn small(&self) -> Option<u32> {
        if self.is_integer() {
            self.whole.parse().ok()
        } else {
            None
        }
    }

    pub(super) fn words(&self, options: &NormalizeOptions, form: Form) -> String {
        // Only whole numbers count people.
        let form = if self.is_integer() || form == Form::Citation {
            form
        } else {
            Form::Attributive
        };
        let mut words = String::new();
        if !self.whole.is_empty() {
            words.push_str(&integer_words(&self.whole, options, form));
        }
        if let Some(decimals) = &self.decimals {
            words.push_str(" akyiri pɔ ");
            words.push_str(&fraction_words(decimals, options));
        }
        if let Some((a, b)) = self.part {
            if !words.is_empty() {
                words.push_str(" ne ");
            }
            words.push_str(&part_words(a, b, options));
        }
        words
    }

    /// Returns whether "this-`to`" is a range: the larger number last, or a year and the last two digits of a later
    /// one.
    pub(super) fn rises_to(&self, to: &Self) -> bool {
        let years =
            self.is_integer() && to.is_integer() && (self.whole.len(), to.whole.len()) == (4, 2);
        self.is_below(to) || years && self.whole[2..] < to.whole[..]
    }

    /// Returns whether this is less than `other`; fractions are not compared.
    pub(super) fn is_below(&self, other: &Self) -> bool {
        let key = |v: &Self| {
            let whole = v.whole.trim_start_matches('0').to_owned();
            (whole.len(), whole, v.decimals.clone().unwrap_or_default())
        };
        key(self) < key(other)
    }
}

fn part_words(a: u32, b: u32, options: &NormalizeOptions) -> String {
    if (a, b) == (1, 2) {
        return "fa".to_owned();
    }
    let say = |n: u32| integer_words(&n.to_string(), options, Form::Attributive);
    format!("nkyɛmu {} mu {}", say(b), say(a))
}

/// Returns numerator and denominator of a one-character fraction.
pub(super) fn vulgar(c: char) -> Option<(u32, u32)> {
    let (_, a, b) = FRACTIONS.iter().find(|(f, ..)| *f == c)?;
    Some((u32::from(*a), u32::from(*b)))
}

impl Scanner<'_> {
    /// Returns whether a number can start at `i`: a digit, a fraction, or a sign that belongs to one.
    pub(super) fn starts_number(&self, i: usize) -> bool {
        let before = i.checked_sub(1).map_or(' ', |b| self.chars[b]);
        match self.peek(i) {
            c if c.is_ascii_digit() || vulgar(c).is_some() => true,
            '.' => self.digit(i + 1) && !before.is_alphanumeric() && !is_mark(before),
            '-' | '−' => {
                !before.is_alphanumeric()
                    && self.quantity_end != i
                    && !matches!(before, '%' | '°' | '-')
                    && (self.starts_amount(i + 1) || vulgar(self.peek(i + 1)).is_some())
            }
            '+' => !is_letter(before) && !before.is_ascii_digit() && self.digit(i + 1),
            _ => self.starts_amount(i),
        }
    }

    /// Returns whether a digit or money with digits starts at `i`.
    pub(super) fn starts_amount(&self, i: usize) -> bool {
        self.digit(i) || self.peek(i) == '.' && self.digit(i + 1) || self.money_sign(i).is_some()
    }

    /// Returns the number written at `i` and where it ends.
    pub(super) fn value(&mut self, i: usize) -> Option<(Value, usize)> {
        if let Some(part) = vulgar(self.peek(i)) {
            return Some((
                Value {
                    part: Some(part),
                    ..Value::default()
                },
                i + 1,
            ));
        }
        if self.peek(i) == '.' && self.digit(i + 1) {
            let end = self.digits_end(i + 1);
            let decimals = Some(self.slice(i + 1, end));
            return Some((
                Value {
                    whole: "0".to_owned(),
                    decimals,
                    part: None,
                },
                end,
            ));
        }
        if !self.digit(i) {
            return None;
        }
        // "B1/2" is a place, not a half.
        let named = self.is_named(i);
        if let Some((part, end)) = self.slash_fraction(i).filter(|_| !named) {
            return Some((
                Value {
                    part: Some(part),
                    ..Value::default()
                },
                end,
            ));
        }
        let (whole, end) = self.whole(i);
        let (decimals, end) = self.decimals(i, end);
        if let Some((figures, end)) = self.scaled(&whole, decimals.as_deref(), end) {
            return Some((
                Value {
                    whole: figures,
                    ..Value::default()
                },
                end,
            ));
        }
        let mut value = Value {
            whole,
            decimals,
            part: None,
        };
        let end = if value.decimals.is_none() {
            self.mixed(&mut value, end)
        } else {
            end
        };
        Some((value, end))
    }

    /// Returns whether a letter, or a letter and a hyphen, is joined to the figure at `i`.
    fn is_named(&self, i: usize) -> bool {
        let letter = |back: usize| i >= back && is_letter(self.chars[i - back]);
        letter(1) || letter(2) && self.chars[i - 1] == '-'
    }

    fn slash_fraction(&self, i: usize) -> Option<((u32, u32), usize)> {
        let slash = self.digits_end(i);
        let end = self.digits_end(slash + 1);
        if self.peek(slash) != '/'
            || end == slash + 1
            || !self.boundary(end)
            || self.peek(end) == '/'
        {
            return None;
        }
        let (a, b) = (self.small(i, slash), self.small(slash + 1, end));
        (0 < a && a < b && b <= 10).then_some(((a, b), end))
    }

    /// Reads "2 1/2" and "2½".
    fn mixed(&self, value: &mut Value, end: usize) -> usize {
        let start = end + usize::from(self.peek(end) == ' ');
        if let Some(part) = vulgar(self.peek(start)) {
            value.part = Some(part);
            return start + 1;
        }
        if start > end && self.digit(start) {
            if let Some((part, end)) = self.slash_fraction(start) {
                value.part = Some(part);
                return end;
            }
        }
        end
    }

    /// Returns the digits of the whole part with their grouping removed.
    fn whole(&mut self, i: usize) -> (String, usize) {
        let first = self.digits_end(i);
        let digits = |s: &Self, end: usize| {
            s.chars[i..end]
                .iter()
                .filter(|c| c.is_ascii_digit())
                .collect()
        };
        let groupable = first - i <= 3 && self.peek(i) != '0' && i >= self.list_end;
        if groupable {
            for separator in [',', '\'', '_', ' ', '.'] {
                let (groups, end) = self.groups(first, separator);
                // One group after a dot is a decimal, unless a decimal comma follows.
                let comma = self.peek(end) == ','
                    && self.digit(end + 1)
                    && self.digits_end(end + 1) - end <= 3;
                let enough = if separator == '.' && !comma { 2 } else { 1 };
                // "101 102 103" is a list; a plain space groups money and whole thousands only.
                if groups >= enough && (separator != ' ' || self.groups_by_space(end)) {
                    return (digits(self, end), end);
                }
            }
        }
        if let Some((figures, end)) = self.powers_of_ten(i, first) {
            return (figures, end);
        }
        self.mark_list(i, first);
        (digits(self, first), first)
    }

    fn groups_by_space(&self, end: usize) -> bool {
        let whole = self.chars[end - 3..end].iter().all(|c| *c == '0');
        whole || self.after_money || self.money_after(end).is_some() || self.names_money(end)
    }

    /// Returns the digits of "1e6".
    fn powers_of_ten(&self, i: usize, first: usize) -> Option<(String, usize)> {
        let end = self.digits_end(first + 1);
        let written =
            matches!(self.peek(first), 'e' | 'E') && (first + 2..=first + 3).contains(&end);
        if !written || !self.boundary(end) || first - i > 3 {
            return None;
        }
        let zeros = self.small(first + 1, end) as usize;
        let figures = self.slice(i, first) + &"0".repeat(zeros);
        (figures.len() <= 15).then_some((figures, end))
    }

    /// Returns the digits of "1.5e6", whose power of ten leaves no decimals.
    fn scaled(&self, whole: &str, decimals: Option<&str>, end: usize) -> Option<(String, usize)> {
        let decimals = decimals?;
        let stop = self.digits_end(end + 1);
        let written = matches!(self.peek(end), 'e' | 'E') && (end + 2..=end + 3).contains(&stop);
        if !written || !self.boundary(stop) || whole.starts_with('0') {
            return None;
        }
        let zeros = (self.small(end + 1, stop) as usize).checked_sub(decimals.len())?;
        let figures = format!("{whole}{decimals}{}", "0".repeat(zeros));
        (figures.len() <= 15).then_some((figures, stop))
    }

    /// Counts the groups of exactly three digits after `first`; an invalid group rejects all of them.
    fn groups(&self, first: usize, separator: char) -> (usize, usize) {
        let mut end = first;
        let mut groups = 0;
        while self.peek(end) == separator && self.digit(end + 1) {
            if self.digits_end(end + 1) != end + 4 {
                return if separator == ' ' {
                    (groups, end)
                } else {
                    (0, first)
                };
            }
            groups += 1;
            end += 4;
        }
        (groups, end)
    }

    /// "1,2,3" and "3.14.2" are several numbers: no decimal sign up to their end.
    fn mark_list(&mut self, i: usize, first: usize) {
        let separator = self.peek(first);
        if i < self.list_end || !matches!(separator, ',' | '.') || !self.digit(first + 1) {
            return;
        }
        let second = self.digits_end(first + 1);
        if self.peek(second) == separator && self.digit(second + 1) {
            let same = |c: &&char| c.is_ascii_digit() || **c == separator;
            self.list_end = i + self.chars[i..].iter().take_while(same).count();
        }
    }

    fn decimals(&self, i: usize, end: usize) -> (Option<String>, usize) {
        let tail = self.digits_end(end + 1);
        let length = tail.saturating_sub(end + 1);
        if length == 0 || i < self.list_end {
            return (None, end);
        }
        let grouped = |c: char| self.chars[i..end].contains(&c);
        let listed = self.peek(tail) == self.peek(end) && self.digit(tail + 1);
        let decimal = match self.peek(end) {
            '.' => !listed && !grouped('.'),
            ',' => !listed && !grouped(',') && length <= 2,
            _ => false,
        };
        if decimal {
            (Some(self.slice(end + 1, tail)), tail)
        } else {
            (None, end)
        }
    }
}
