//! A number with its sign, range, unit or currency.

use crate::currency::Currency;

use super::number::Form;
use super::scanner::Scanner;
use super::unit::Unit;
use super::value::Value;

/// One number, or two joined by a dash.
pub(super) struct Amount {
    pub(super) negative: bool,
    pub(super) value: Value,
    pub(super) to: Option<Value>,
}

/// Returns whether a two-figure number after `word` may have a leading zero that is not read.
fn is_counted(word: &str) -> bool {
    matches!(
        word,
        "ti" | "nkyekyɛmu" | "krataafa" | "ɔfa" | "chapter" | "part" | "episode"
    )
}

impl Scanner<'_> {
    /// Reads the remaining kinds of numbers: money, units, percent, ordinals, ranges and bare figures.
    pub(super) fn quantity(&mut self) -> bool {
        let plus = self.peek(self.at) == '+';
        let mut start = self.at + usize::from(plus);
        let mut negative = matches!(self.peek(start), '-' | '−');
        start += usize::from(negative);
        let mut money = None;
        if let Some((currency, end)) = self.money_sign(start) {
            money = Some(currency);
            start = self.skip_spaces(end);
            if matches!(self.peek(start), '-' | '−') {
                negative = true;
                start += 1;
            }
        }
        // "COVID -19" is a name.
        negative &= !self.out.ends_with("covid");
        self.after_money = money.is_some();
        let Some((mut value, mut end)) = self.value(start) else {
            return false;
        };
        if value.is_integer() && value.whole.len() == 2 && is_counted(self.out.last_word()) {
            // "Ti 01" is the first chapter.
            if value.whole.starts_with('0') {
                value.whole.remove(0);
            }
        }
        let mut amount = Amount {
            negative,
            value,
            to: None,
        };
        if let Some((to, to_end)) = self.second(&amount.value, end) {
            amount.to = Some(to);
            end = to_end;
        }
        let form = self.form();
        if plus {
            self.out.word("plɔs");
        }
        self.at = self.speak_amount(&amount, form, money, end);
        true
    }

    /// Returns the number after a dash, and where it ends.
    fn second(&mut self, first: &Value, end: usize) -> Option<(Value, usize)> {
        let spaced = usize::from(self.peek(end) == ' ');
        let dash = end + spaced;
        if !matches!(self.peek(dash), '-' | '–' | '—') {
            return None;
        }
        let start = dash + 1 + spaced;
        // "5 -3" is a number and a negative one; "1/2-3" is ambiguous.
        if !self.digit(start)
            || first.part.is_some()
            || spaced > 0 && self.is_sum(start)
            || self.day_month(start).is_some()
            || self.is_clock(start)
        {
            return None;
        }
        self.value(start)
    }

    fn speak_amount(
        &mut self,
        amount: &Amount,
        form: Form,
        money: Option<&'static Currency>,
        end: usize,
    ) -> usize {
        let magnitude = self.magnitude(end, money.is_some());
        let after = magnitude.as_ref().map_or(end, |(_, e)| *e);
        let suffix = if money.is_some() {
            None
        } else {
            self.money_after(after)
        };
        if let Some(currency) = money.or(suffix.map(|(c, _)| c)) {
            self.speak_money(currency, amount, magnitude.map(|(m, _)| m));
            return suffix.map_or_else(|| self.pesewas_end(after), |(_, e)| e);
        }
        if let Some((group, e)) = magnitude {
            self.speak_magnitude(group, amount);
            return e;
        }
        if let Some((unit, e)) = self.unit(end) {
            self.speak_unit(unit, amount);
            return e;
        }
        if let Some(e) = self.ordinal(amount, end) {
            return e;
        }
        if let Some(e) = self.bare_hour(amount, end) {
            return e;
        }
        self.speak_plain(amount, form);
        // "1990s", "1990's": the plural is English and has no reading of its own.
        let s = end + usize::from(self.peek(end) == '\'');
        let decade =
            amount.value.whole.ends_with('0') && self.peek(s) == 's' && self.boundary(s + 1);
        if decade {
            s + 1
        } else {
            end
        }
    }

    fn speak_unit(&mut self, unit: Unit, amount: &Amount) {
        self.put_noun(unit.noun);
        self.speak_plain(amount, Form::Attributive);
        self.out.word(unit.tail);
    }

    /// Reads the amount at the scanner's position, with `form` for its first number.
    pub(super) fn speak_plain(&mut self, amount: &Amount, form: Form) {
        if amount.negative {
            self.out.word("maenɔs");
        }
        self.out.word(&amount.value.words(self.options, form));
        let Some(to) = &amount.to else { return };
        if amount.value.rises_to(to) {
            let form = if form == Form::Human {
                form
            } else {
                Form::Attributive
            };
            self.out.word("kɔsi");
            self.out.word(&to.words(self.options, form));
        } else {
            // A score, 2-1: two numbers side by side.
            self.out.pause();
            self.out.word(&to.words(self.options, Form::Citation));
        }
    }
}
