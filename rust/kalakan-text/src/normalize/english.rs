//! Figures and signs of an English text become English words; the rest is left to the normalizer.

mod numeral;
mod words;
mod written;

use crate::address;
use crate::alphabet::is_letter;
use crate::currency::{self, Currency};
use crate::traced::Writer;
use words::{fraction, integer, ordinal, spell};

/// What may follow a figure.
const UNITS: [(&str, &str); 17] = [
    ("%", "percent"),
    ("°C", "degrees celsius"),
    ("°", "degrees"),
    ("km/h", "kilometers per hour"),
    ("kmh", "kilometers per hour"),
    ("mph", "miles per hour"),
    ("m/s", "meters per second"),
    ("km", "kilometers"),
    ("kg", "kilograms"),
    ("cm", "centimeters"),
    ("mm", "millimeters"),
    ("mg", "milligrams"),
    ("ml", "milliliters"),
    ("hrs", "hours"),
    ("am", "ee ɛm"),
    ("pm", "pii ɛm"),
    ("m", "million"),
];

/// Writes repaired `text` with English words for its ASCII figures and for the signs that are read aloud.
///
/// Integers to 10^15, years from 1100 to 2099 in pairs, decimals, fractions, a minus, ordinals, clock times, money,
/// percent, a few units, short codes, Roman numerals after a name and common abbreviations. Figures in addresses stay.
pub(crate) fn speak(text: &str, writer: &mut Writer) {
    let chars: Vec<char> = text.chars().collect();
    let mut reader = Reader {
        chars: &chars,
        at: 0,
        spelling_until: 0,
        writer,
    };
    let mut read = 0;
    while reader.at < chars.len() {
        let start = reader.at;
        reader.step();
        read += chars[start..reader.at]
            .iter()
            .map(|c| c.len_utf8())
            .sum::<usize>();
        reader.writer.cut(read);
    }
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
    /// Figures that start before this are read digit by digit: they continue a phone number.
    spelling_until: usize,
    writer: &'a mut Writer,
}

impl Reader<'_> {
    fn step(&mut self) {
        if let Some(end) = address::end(self.chars, self.at) {
            self.writer.text.extend(&self.chars[self.at..end]);
            self.at = end;
        } else if !(self.money()
            || self.short_code()
            || self.figure()
            || self.abbreviation()
            || self.numeral())
        {
            match self.chars[self.at] {
                '&' => self.say("and"),
                '+' => self.say("plus"),
                '=' => self.say("equals"),
                '-' if self.is_sign() => self.say("minus"),
                c => self.writer.text.push(c),
            }
            self.at += 1;
        }
    }

    /// Returns whether the hyphen here belongs to the figure behind it: -3, not 1-3 or A-3.
    fn is_sign(&self) -> bool {
        let before = self.at.checked_sub(1).map(|at| self.chars[at]);
        let opens = before.is_none_or(|c| c.is_whitespace() || matches!(c, '(' | '[' | '"'));
        opens && self.digits_end(self.at + 1) > self.at + 1
    }

    /// "*170#": stars, hashes and figures one by one.
    fn short_code(&mut self) -> bool {
        let rest = &self.chars[self.at..];
        let sign = |c: &char| matches!(c, '*' | '#');
        let length = rest
            .iter()
            .take_while(|c| c.is_ascii_digit() || sign(c))
            .count();
        let code = &rest[..length];
        let starts = self.starts_token() && code.first().is_some_and(sign);
        if !starts || !code.last().is_some_and(sign) || !code.iter().any(char::is_ascii_digit) {
            return false;
        }
        for c in code {
            match c {
                '*' => self.say("star"),
                '#' => self.say("hash"),
                digit => self.say(&spell(&digit.to_string())),
            }
        }
        self.at += length;
        true
    }

    fn say(&mut self, words: &str) {
        if !self.writer.text.is_empty() && !self.writer.text.ends_with(char::is_whitespace) {
            self.writer.text.push(' ');
        }
        self.writer.text.push_str(words);
        self.writer.text.push(' ');
    }

    fn starts_token(&self) -> bool {
        self.at == 0 || !self.chars[self.at - 1].is_alphanumeric()
    }

    fn has(&self, at: usize, sign: &str) -> bool {
        let end = at + sign.chars().count();
        self.chars
            .get(at..end)
            .is_some_and(|found| found.iter().copied().eq(sign.chars()))
    }

    fn digits_end(&self, from: usize) -> usize {
        let rest = &self.chars[from.min(self.chars.len())..];
        from + rest.iter().take_while(|c| c.is_ascii_digit()).count()
    }

    fn digits(&self, from: usize, to: usize) -> String {
        self.chars[from..to]
            .iter()
            .filter(|c| c.is_ascii_digit())
            .collect()
    }

    /// "GHS 25.50": the unit is read after the figure.
    fn money(&mut self) -> bool {
        let found = currency::before_figure(self.chars, self.at).filter(|_| self.starts_token());
        let Some((currency, after)) = found else {
            return false;
        };
        let spaced = !currency.needs_touch() && self.chars.get(after) == Some(&' ');
        let start = after + usize::from(spaced);
        let end = self.whole_end(start);
        if end == start {
            return false;
        }
        let whole = self.digits(start, end);
        let cents = self.digits_end(end + 1);
        let exact = self.chars.get(end) == Some(&'.')
            && cents == end + 3
            && !currency.english_hundredth.is_empty();
        self.say(&integer(&whole, false));
        self.at = end;
        if self.chars.get(end) == Some(&'.') && cents > end + 1 && !exact {
            self.decimals(end);
        }
        self.scale();
        self.say_currency(currency, &whole);
        if exact {
            let part = self.digits(end + 1, cents);
            if part != "00" {
                self.say(&format!(
                    "{} {}",
                    integer(part.trim_start_matches('0'), false),
                    currency.english_hundredth
                ));
            }
            self.at = cents;
        }
        true
    }

    fn say_currency(&mut self, currency: &Currency, whole: &str) {
        let plural = currency.english;
        self.say(if whole == "1" {
            plural.trim_end_matches('s')
        } else {
            plural
        });
    }

    /// "20p" and "25 GHS": the unit already follows the figure.
    fn money_after(&mut self, whole: &str) -> bool {
        let spaced = self.chars.get(self.at) == Some(&' ');
        let start = self.at + usize::from(spaced);
        let Some((currency, end)) = currency::after_figure(self.chars, start) else {
            return false;
        };
        let fits = self.ends_token(end) && !(spaced && currency.needs_touch());
        if fits {
            self.say_currency(currency, whole);
            self.at = end;
        }
        fits
    }

    /// "2.5m" and "2.5 million": the scale precedes the unit.
    fn scale(&mut self) {
        let spaced = self.at + usize::from(self.chars.get(self.at) == Some(&' '));
        let scales = [
            ("million", "million"),
            ("billion", "billion"),
            ("thousand", "thousand"),
            ("bn", "billion"),
        ];
        let found = scales
            .iter()
            .chain(&[("m", "million"), ("k", "thousand")])
            .find(|(sign, _)| {
                self.has(spaced, sign) && self.ends_token(spaced + sign.chars().count())
            });
        if let Some((sign, words)) = found {
            self.say(words);
            self.at = spaced + sign.chars().count();
        }
    }

    fn ends_token(&self, at: usize) -> bool {
        self.chars.get(at).is_none_or(|c| !c.is_alphanumeric())
    }

    /// End of digits in groups of three: 10,000.
    fn whole_end(&self, start: usize) -> usize {
        let mut end = self.digits_end(start);
        if end - start > 3 {
            return end;
        }
        while end > start
            && self.chars.get(end) == Some(&',')
            && self.digits_end(end + 1) == end + 4
        {
            end += 4;
        }
        end
    }

    fn figure(&mut self) -> bool {
        let start = self.at;
        let end = self.whole_end(start);
        if end == start {
            return false;
        }
        let digits = self.digits(start, end);
        let plus = start > 0 && self.chars[start - 1] == '+';
        let spelled =
            start < self.spelling_until || plus || digits.len() > 2 && digits.starts_with('0');
        self.at = end;
        if spelled {
            self.say(&spell(&digits));
            self.go_on_spelling(end);
        } else if !(self.clock(&digits) || self.ordinal(&digits) || self.part(&digits)) {
            let year = end - start == 4 && digits.len() == 4;
            self.say(&integer(&digits, year));
            self.decimals(end);
            if !self.money_after(&digits) {
                self.unit();
            }
        }
        true
    }

    fn go_on_spelling(&mut self, end: usize) {
        let joined = matches!(self.chars.get(end), Some(' ' | '-'));
        if joined && self.digits_end(end + 1) > end + 1 {
            self.spelling_until = end + 2;
        }
    }

    fn decimals(&mut self, point: usize) {
        let end = self.digits_end(point + 1);
        if self.chars.get(point) == Some(&'.') && end > point + 1 {
            let digits = self.digits(point + 1, end);
            self.say("point");
            self.say(&spell(&digits));
            self.at = end;
        }
    }

    fn clock(&mut self, hour: &str) -> bool {
        let end = self.digits_end(self.at + 1);
        if self.chars.get(self.at) != Some(&':') || end != self.at + 3 || hour.len() > 2 {
            return false;
        }
        let minutes = self.digits(self.at + 1, end);
        self.say(&integer(hour, false));
        match minutes.as_str() {
            "00" => self.say("o'clock"),
            few if few.starts_with('0') => self.say(&format!("o {}", integer(few, false))),
            minutes => self.say(&integer(minutes, false)),
        }
        self.at = end;
        self.unit();
        true
    }

    fn ordinal(&mut self, digits: &str) -> bool {
        let ending = ["st", "nd", "rd", "th"]
            .iter()
            .find(|ending| self.has(self.at, ending) && self.ends_token(self.at + 2));
        if ending.is_some() {
            self.say(&ordinal(&integer(digits, false)));
            self.at += 2;
        }
        ending.is_some()
    }

    /// "1/2" and "3/4": a proper fraction, not a date.
    fn part(&mut self, over: &str) -> bool {
        let end = self.digits_end(self.at + 1);
        let is_slash = |at: Option<usize>| at.and_then(|at| self.chars.get(at)) == Some(&'/');
        let dated = is_slash(Some(end)) || is_slash(self.at.checked_sub(over.len() + 1));
        if !is_slash(Some(self.at)) || dated {
            return false;
        }
        let found = fraction(over, &self.digits(self.at + 1, end)).filter(|_| self.ends_token(end));
        if let Some(words) = &found {
            self.say(words);
            self.at = end;
        }
        found.is_some()
    }

    fn unit(&mut self) {
        let start = self.at + usize::from(self.chars.get(self.at) == Some(&' '));
        let found = UNITS.iter().find(|(sign, _)| {
            let end = start + sign.chars().count();
            let word = sign.starts_with(|c: char| is_letter(c));
            // "3 m" may be anything; "3m" is a sum.
            let joined = *sign != "m" || start == self.at;
            self.has(start, sign) && joined && (!word || self.ends_token(end))
        });
        if let Some((sign, words)) = found {
            self.say(words);
            self.at = start + sign.chars().count();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::speak;
    use crate::traced::Traced;

    #[test]
    fn figures_and_signs_become_words() {
        let table = [
            ("I have 3 cars & 21 dogs", "I have three cars and twenty one dogs"),
            ("10,000 people", "ten thousand people"),
            ("1,000,001", "one million and one"),
            ("365 days", "three hundred and sixty five days"),
            ("in 1957, 1905 and 2024", "in nineteen fifty seven , nineteen o five and twenty twenty four"),
            ("2000 or 2005", "two thousand or two thousand and five"),
            ("3.14", "three point one four"),
            ("GHS 25.50 or $1", "twenty five cedis fifty pesewas or one dollar"),
            ("£2.5 million", "two point five million pounds"),
            ("20% at 3:30 pm", "twenty percent at three thirty pii ɛm"),
            ("8:00, 8:05", "eight o'clock , eight o five"),
            ("1st 22nd 30th 12th", "first twenty second thirtieth twelfth"),
            ("call 0244 123 456 now", "call zero two four four one two three four five six now"),
            ("+233 24", "plus two three three two four"),
            ("12345678901234567", "one two three four five six seven eight nine zero one two three four five six seven"),
            ("5km from www.a1.com", "five kilometers from www.a1.com"),
            ("mp3", "mp three"),
            ("-3 or (-2.5), 1-3", "minus three or ( minus two point five ), one - three"),
            ("1/2, 3/4 of 2/3", "one half , three quarters of two thirds"),
            ("5km/h and 60 mph", "five kilometers per hour and sixty miles per hour"),
            ("on 1/2/2024 or 1/2/24", "on one / two / twenty twenty four or one / two / twenty four"),
            ("King Charles III, Elizabeth II's", "King Charles the third, Elizabeth the second's"),
            ("World War II, Part IV. I am", "World War two, Part four. I am"),
            ("MIX of VI and III", "MIX of VI and III"),
            ("e.g. this, i.e. that, etc.", "for example this, that is that, et cetera."),
            ("Dr. Osei, Mr Mensah vs Mrs. Addo Jr.", "doctor Osei, mister Mensah versus missis Addo junior."),
            ("dial *170# or *920*12#", "dial star one seven zero hash or star nine two zero star one two hash"),
        ];
        for (written, words) in table {
            let said = Traced::plain(written).rewrite(speak);
            let said = said.text();
            assert_eq!(said.split_whitespace().collect::<Vec<_>>().join(" "), words);
        }
    }
}
