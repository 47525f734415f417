//! Times of day, and what else is written with a colon: verses and ratios.

use super::number::{cardinal, integer_words, Form};
use super::quantity::Amount;
use super::scanner::Scanner;

const PERIODS: [&str; 9] = [
    "anɔpa",
    "anopa",
    "awia",
    "awiabere",
    "awiaberɛ",
    "anwummerɛ",
    "anwummere",
    "anadwo",
    "anadwofa",
];

const HOUR_NOUNS: [&str; 5] = ["nnɔn", "nnon", "nɔn", "dɔn", "dɔnhwere"];

/// A time as written; `hour` counts to 24 only if `whole_day` is set.
#[derive(Clone, Copy)]
struct Time {
    hour: u32,
    minute: u32,
    second: Option<u32>,
    whole_day: bool,
}

impl Scanner<'_> {
    /// Reads figures with a colon between them.
    pub(super) fn clock(&mut self) -> bool {
        let colon = self.digits_end(self.at);
        let dotted = self.peek(colon) == '.' && self.half_day(self.digits_end(colon + 1)).is_some();
        if colon == self.at || !(self.peek(colon) == ':' || dotted) || !self.digit(colon + 1) {
            return false;
        }
        if !dotted && self.after_book() && self.is_verse(self.at) {
            self.verse(colon, colon + 1);
            return true;
        }
        if let Some((time, end)) = self.time(self.at) {
            self.speak_time(time);
            self.at = end;
            return true;
        }
        if dotted {
            return false;
        }
        self.ratio();
        true
    }

    /// Returns whether a time starts at `i`.
    pub(super) fn is_clock(&self, i: usize) -> bool {
        self.peek(self.digits_end(i)) == ':' && self.time(i).is_some()
    }

    fn time(&self, i: usize) -> Option<(Time, usize)> {
        let colon = self.digits_end(i);
        let mut end = self.digits_end(colon + 1);
        let (hour, minute) = (self.small(i, colon), self.small(colon + 1, end));
        if colon - i > 2 || end != colon + 3 || hour > 24 || minute > 59 {
            return None;
        }
        let mut second = None;
        if self.peek(end) == ':' && self.digit(end + 1) {
            let stop = self.digits_end(end + 1);
            let value = self.small(end + 1, stop);
            if stop != end + 3 || value > 59 || self.peek(stop) == ':' && self.digit(stop + 1) {
                return None;
            }
            second = Some(value);
            end = stop;
        }
        let mut time = Time {
            hour,
            minute,
            second,
            whole_day: hour > 12 || hour == 0,
        };
        if let Some((afternoon, stop)) = self.half_day(end) {
            time.fold(afternoon);
            end = stop;
        }
        Some((time, self.hours_end(end)))
    }

    /// Returns where the "hrs" of "08:00hrs" ends, or `end` itself: the hour is named before the figure.
    fn hours_end(&self, end: usize) -> usize {
        let start = self.skip_spaces(end);
        let stop = self.letters_end(start);
        let hours = stop - start <= 5
            && matches!(
                self.lower(start, stop).as_str(),
                "h" | "hr" | "hrs" | "hours"
            );
        if hours && self.boundary(stop) {
            stop
        } else {
            end
        }
    }

    /// Reads "0800hrs".
    pub(super) fn military(&mut self) -> bool {
        let end = self.digits_end(self.at);
        if end != self.at + 4 {
            return false;
        }
        let (stop, figure) = (self.hours_end(end), self.small(self.at, end));
        let (hour, minute) = (figure / 100, figure % 100);
        let read = stop > end && hour < 25 && minute < 60;
        if read {
            let whole_day = hour > 12 || hour == 0;
            self.speak_time(Time {
                hour,
                minute,
                second: None,
                whole_day,
            });
            self.at = stop;
        }
        read
    }

    /// Returns whether "pm" follows at `end` rather than "am", and where it ends.
    pub(super) fn half_day(&self, end: usize) -> Option<(bool, usize)> {
        let start = self.skip_spaces(end);
        let afternoon = match self.peek(start).to_ascii_lowercase() {
            'a' => false,
            'p' => true,
            _ => return None,
        };
        let dotted = self.peek(start + 1) == '.';
        let m = start + 1 + usize::from(dotted);
        if !matches!(self.peek(m), 'm' | 'M') || !self.boundary(m + 1) || self.peek(m + 1) == '\'' {
            return None;
        }
        // The dot of "p.m." also ends a sentence where nothing or a capital follows.
        let dot = dotted && self.peek(m + 1) == '.' && !self.ends_sentence(m + 2);
        Some((afternoon, m + 1 + usize::from(dot)))
    }

    /// Returns where "o'clock" after `end` ends.
    fn o_clock(&self, end: usize) -> Option<usize> {
        let start = self.skip_spaces(end);
        let stop = start + "o'clock".len();
        let written = self.peek(start + 1) == '\'' && stop <= self.chars.len();
        (written && self.boundary(stop) && self.lower(start, stop) == "o'clock").then_some(stop)
    }

    /// Reads "4 pm" and "8-10am", hours without minutes.
    pub(super) fn bare_hour(&mut self, amount: &Amount, end: usize) -> Option<usize> {
        let o_clock = self.o_clock(end);
        let (afternoon, stop) =
            o_clock.map_or_else(|| self.half_day(end), |stop| Some((false, stop)))?;
        let hours = [
            amount.value.small(),
            amount.to.as_ref().and_then(super::value::Value::small),
        ];
        let count = 1 + usize::from(amount.to.is_some());
        if amount.negative
            || hours[..count]
                .iter()
                .any(|h| h.is_none_or(|h| h == 0 || h > 24))
        {
            return None;
        }
        for (k, hour) in hours.into_iter().flatten().enumerate() {
            if k > 0 {
                self.out.word("kɔsi");
            }
            let mut time = Time {
                hour,
                minute: 0,
                second: None,
                whole_day: false,
            };
            // In "11-2pm" only the last hour is certainly p.m..
            let crosses = k == 0 && count == 2 && hours[1].is_some_and(|to| hour > to && hour < 12);
            if o_clock.is_none() {
                time.fold(afternoon != crosses);
            }
            self.speak_time(time);
        }
        Some(stop)
    }

    fn speak_time(&mut self, time: Time) {
        let to_hour = self.options.clock_to_hour && time.minute > 30 && time.second.is_none();
        let named = HOUR_NOUNS.contains(&self.out.last_word());
        let said = PERIODS.contains(&self.out.last_word());
        let hour = time.hour + u32::from(to_hour);
        if to_hour {
            self.out.word("aka simma");
            self.minutes(60 - time.minute);
            self.out.word("na abɔ");
        }
        let period = if time.whole_day && !said {
            period(hour % 24)
        } else {
            ""
        };
        if !named {
            self.out.word(period);
        }
        self.hour((hour + 11) % 12 + 1, named && !to_hour);
        if named {
            self.out.word(period);
        }
        match time.minute {
            _ if to_hour => {}
            0 => {}
            30 => self.out.word("ne fa"),
            minute => {
                self.out.word("apa ho simma");
                self.minutes(minute);
            }
        }
        if let Some(second) = time.second.filter(|s| *s > 0) {
            self.out.word("ne sɛkɛnd");
            self.minutes(second);
        }
    }

    fn minutes(&mut self, n: u32) {
        self.out
            .word(&cardinal(u64::from(n), self.options, Form::Attributive));
    }

    fn hour(&mut self, hour: u32, named: bool) {
        if hour == 1 && !named {
            self.out.word("dɔnko");
            return;
        }
        if !named {
            self.out.word("nnɔn");
        }
        self.minutes(hour);
    }

    /// Reads 16:9 and 1:2:3 as numbers with pauses between them.
    fn ratio(&mut self) {
        loop {
            let end = self.digits_end(self.at);
            let words = integer_words(&self.slice(self.at, end), self.options, self.form());
            self.out.word(&words);
            self.at = end;
            if self.peek(end) != ':' || !self.digit(end + 1) {
                return;
            }
            self.out.pause();
            self.at = end + 1;
        }
    }

    /// Returns whether a sentence may end before `i`: nothing, a new line or a capital follows.
    pub(super) fn ends_sentence(&self, i: usize) -> bool {
        let next = self.skip_closers(i);
        self.chars
            .get(next)
            .is_none_or(|c| *c == '\n' || next > i && c.is_uppercase())
    }

    /// Skips spaces, quotes and brackets.
    fn skip_closers(&self, i: usize) -> usize {
        let silent = |c: &&char| matches!(**c, ' ' | '"' | '\'' | ')' | ']' | '(' | '[');
        i + self.chars[i.min(self.chars.len())..]
            .iter()
            .take_while(silent)
            .count()
    }
}

impl Time {
    fn fold(&mut self, afternoon: bool) {
        self.whole_day = true;
        if self.hour <= 12 {
            self.hour = self.hour % 12 + if afternoon { 12 } else { 0 };
        }
    }
}

fn period(hour: u32) -> &'static str {
    match hour {
        4..=11 => "anɔpa",
        12..=15 => "awia",
        16..=18 => "anwummerɛ",
        _ => "anadwo",
    }
}
