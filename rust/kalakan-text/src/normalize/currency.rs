//! Money: the name of the currency comes before the amount, cedis have pesewas.

use crate::alphabet::is_letter;
use crate::currency::{self, Currency};

use super::number::{cardinal, Form};
use super::quantity::Amount;
use super::scanner::Scanner;

/// A word for thousands or millions.
#[derive(Clone, Copy)]
pub(super) struct Group {
    one: &'static str,
    several: &'static str,
}

const THOUSAND: Group = Group {
    one: "apem",
    several: "mpem",
};
const MILLION: Group = Group {
    one: "ɔpepem",
    several: "ɔpepem",
};
const BILLION: Group = Group {
    one: "ɔpepepem",
    several: "ɔpepepem",
};
const TRILLION: Group = Group {
    one: "ɔpepepepem",
    several: "ɔpepepepem",
};

impl Scanner<'_> {
    /// Reads money that starts with a code: GHS 5.
    pub(super) fn money_code(&mut self) -> bool {
        // Runs for every word: the first letter rules out most of them.
        currency::may_start(self.peek(self.at))
            && self.starts_word()
            && self.money_sign(self.at).is_some()
            && self.quantity()
    }

    /// Returns the currency whose sign is at `i` before a number, and where the sign ends.
    pub(super) fn money_sign(&self, i: usize) -> Option<(&'static Currency, usize)> {
        let (currency, end) = currency::before_figure(self.chars, i)?;
        let bare = currency.needs_touch();
        let mut number = if bare { end } else { self.skip_spaces(end) };
        // GH-123-4567 is the code of a post box.
        number += usize::from(!bare && self.peek(number) == '-');
        let found = self.digit(number)
            || self.peek(number) == '.' && self.digit(number + 1)
            || super::value::vulgar(self.peek(number)).is_some();
        (found && number <= end + 2).then_some((currency, end))
    }

    /// Returns the currency whose sign follows a number that ends at `end`: 50€, 700 GHS, 20p.
    pub(super) fn money_after(&self, end: usize) -> Option<(&'static Currency, usize)> {
        let start = end + usize::from(self.peek(end) == ' ');
        let (currency, stop) = currency::after_figure(self.chars, start)?;
        if currency.sign == "P" {
            // 1080p is not money: a hundred pesewas are a cedi.
            let small = (end < 3 || !self.digit(end - 3)) && !self.is_reckoned(end);
            return (small && self.pesewas_end(end) > end).then_some((currency, stop));
        }
        // "20gh" is money, "20 gh" may be Ghana, and A1GP is a name.
        let digits = self.chars[..end]
            .iter()
            .rev()
            .take_while(|c| c.is_ascii_digit())
            .count();
        let named = digits < end && is_letter(self.chars[end - digits - 1]);
        let letters = stop == start + 2 && self.peek(start).is_alphabetic();
        let bare = letters && (start > end || named);
        let next = self.skip_spaces(stop);
        (self.boundary(stop) && !bare && !self.digit(next)).then_some((currency, stop))
    }

    /// Returns whether the figures that end at `end` follow an equals sign: "24 = 2p" is algebra.
    fn is_reckoned(&self, end: usize) -> bool {
        let digits = self.chars[..end]
            .iter()
            .rev()
            .take_while(|c| c.is_ascii_digit())
            .count();
        let before = end - digits;
        self.starts_with(before.saturating_sub(2), "= ")
            || before > 0 && self.peek(before - 1) == '='
    }

    /// Returns where the "p" of pesewas at `end` ends, or `end` itself.
    pub(super) fn pesewas_end(&self, end: usize) -> usize {
        let next = self.peek(end + 1);
        // "8p.m." is a time.
        let half_day = next == '.' && matches!(self.peek(end + 2), 'm' | 'M');
        let p = self.peek(end) == 'p' && self.boundary(end + 1) && next != '\'' && !half_day;
        end + usize::from(p)
    }

    /// Returns the word of thousands or millions after a number, and where it ends.
    pub(super) fn magnitude(&self, end: usize, money: bool) -> Option<(Group, usize)> {
        let start = end + usize::from(self.peek(end) == ' ');
        let stop = self.letters_end(start);
        if stop == start || stop - start > 8 || !self.boundary(stop) || self.peek(stop) == '\'' {
            return None;
        }
        let tight = start == end;
        let group = match self.lower(start, stop).as_str() {
            "k" if tight => THOUSAND,
            "m" if tight && self.peek(start) == 'M' => MILLION,
            "million" => MILLION,
            "billion" | "bn" => BILLION,
            "trillion" => TRILLION,
            short if money => match short {
                "thousand" => THOUSAND,
                "m" | "mn" => MILLION,
                "b" if tight => BILLION,
                "tn" => TRILLION,
                _ => return None,
            },
            _ => return None,
        };
        Some((group, stop))
    }

    /// Reads "ɔpepem mmienu akyiri pɔ num" for 2.5 million.
    pub(super) fn speak_magnitude(&mut self, group: Group, amount: &Amount) {
        if amount.to.is_none() && amount.value.small() == Some(1) {
            if amount.negative {
                self.out.word("maenɔs");
            }
            self.out.word(group.one);
            return;
        }
        self.out.word(group.several);
        self.speak_plain(amount, Form::Attributive);
    }

    pub(super) fn speak_money(
        &mut self,
        currency: &'static Currency,
        amount: &Amount,
        group: Option<Group>,
    ) {
        let decimals = amount.value.decimals.as_deref();
        let plain = amount.to.is_none() && group.is_none();
        let round = decimals.is_some_and(|d| d.bytes().all(|b| b == b'0'));
        let hundredths = decimals
            .filter(|d| plain && !round && d.len() == 2 && !currency.hundredth.is_empty())
            .and_then(|d| d.parse().ok());
        if let (Some(n), Some('0'), 1) = (
            hundredths,
            amount.value.whole.chars().next(),
            amount.value.whole.len(),
        ) {
            self.put_noun(currency.hundredth);
            self.sign_and_words(
                amount.negative,
                &cardinal(n, self.options, Form::Attributive),
            );
            return;
        }
        // "ɔpepem $5" is money too, its noun comes first.
        let size = ["ɔpepem", "ɔpepepem", "mpem"]
            .into_iter()
            .find(|size| self.out.ends_with(size));
        if let Some(size) = size.filter(|_| group.is_none()) {
            self.out.drop_word(size);
            self.put_noun(currency.noun);
            self.out.word(size);
        } else {
            self.put_noun(currency.noun);
        }
        if let Some(group) = group {
            self.speak_magnitude(group, amount);
        } else if hundredths.is_some() || plain && round {
            let mut whole = amount.value.clone();
            whole.decimals = None;
            self.sign_and_words(
                amount.negative,
                &whole.words(self.options, Form::Attributive),
            );
        } else {
            self.speak_plain(amount, Form::Attributive);
        }
        if let Some(n) = hundredths {
            self.out.word("ne");
            self.out.word(currency.hundredth);
            self.out.word(&cardinal(n, self.options, Form::Attributive));
        }
    }

    fn sign_and_words(&mut self, negative: bool, words: &str) {
        if negative {
            self.out.word("maenɔs");
        }
        self.out.word(words);
    }

    /// Returns whether a word for money follows a number that ends at `end`.
    pub(super) fn names_money(&self, end: usize) -> bool {
        let start = self.skip_spaces(end);
        let stop = self.letters_end(start);
        let word = || self.lower(start, stop);
        start > end
            && (4..=7).contains(&(stop - start))
            && matches!(
                word().as_str(),
                "cedi" | "cedis" | "sidi" | "dollar" | "dollars" | "pounds" | "euros"
            )
    }

    /// Reads a sign or code of money without a figure: "Sika (GHS)", "GHS billion", "$".
    pub(super) fn lone_money(&mut self) -> bool {
        let Some((currency, end)) = currency::before_figure(self.chars, self.at) else {
            return false;
        };
        let before = self.at.checked_sub(1).map_or(' ', |b| self.chars[b]);
        let letters = self.chars[self.at..end]
            .iter()
            .filter(|c| c.is_alphabetic());
        let coded = letters.clone().count();
        // "gh" and "cfa" in small letters are other things.
        let capitals = letters.filter(|c| c.is_uppercase()).count();
        let known = coded == 0 || end - self.at >= 3 && capitals == coded;
        if !known || before.is_alphanumeric() || !self.boundary(end) || self.peek(end) == '-' {
            return false;
        }
        if !self.out.ends_with(currency.noun) {
            self.out.word(currency.noun);
        }
        self.at = end;
        if let Some((group, stop)) = self.magnitude(end, true).filter(|_| self.peek(end) == ' ') {
            self.out.word(group.several);
            self.at = stop;
        }
        true
    }

    /// Reads "cedis", "pesewas" and other money after a number as the Twi words.
    pub(super) fn cedis(&mut self) {
        let start = self.skip_spaces(self.at);
        let stop = self.letters_end(start);
        if start == self.at && self.peek(start) != ' ' && stop == start {
            return;
        }
        if stop - start > 8 {
            return;
        }
        match self.lower(start, stop).as_str() {
            "cedi" | "cedis" => self.take("sidi", stop),
            "pesewa" | "pesewas" => self.take("pɛsewa", stop),
            "dollar" | "dollars" => self.take("dɔla", stop),
            "pound" | "pounds" => self.take("pɔn", stop),
            "euro" | "euros" => self.take("yuro", stop),
            "ghana" | "gh" => {
                let next = self.skip_spaces(stop);
                let end = self.letters_end(next);
                if end - next <= 5 && matches!(self.lower(next, end).as_str(), "cedi" | "cedis") {
                    self.take("ghana sidi", end);
                }
            }
            _ => {}
        }
    }

    /// Reads the "cedis" of "cedis 20" as the Twi word.
    pub(super) fn cedis_first(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        let written =
            (4..=5).contains(&(end - start)) && self.peek(end) == ' ' && self.digit(end + 1);
        if !written || !matches!(self.lower(start, end).as_str(), "cedi" | "cedis") {
            return false;
        }
        self.take("sidi", end);
        true
    }

    fn take(&mut self, words: &str, end: usize) {
        self.out.word(words);
        self.at = end;
    }
}
