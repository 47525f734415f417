//! Dates: the month first, then the day, then the year.

use super::number::{cardinal, integer_words, Form};
use super::scanner::Scanner;

#[rustfmt::skip]
const MONTHS: [&str; 12] = [
    "ɔpɛpɔn", "ɔgyefoɔ", "ɔbɛnem", "oforisuo", "kɔtɔnimaa", "ayɛwohomumɔ",
    "kitawonsa", "ɔsanaa", "ɛbɔ", "ahinime", "obubuo", "ɔpɛnimaa",
];

/// Spellings of month names found in texts; they are kept as written.
#[rustfmt::skip]
const WRITTEN: &[&str] = &[
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december", "ɔpɛpɔn", "ɔpɛpon", "opɛpɔn", "ɔgyefoɔ", "ɔgyefo", "ɔgyefuo", "ɔgyefuɔ", "ɔbɛnem", "obɛnem", "oforisuo",
    "kɔtɔnimaa", "kɔtɔnimma", "kɔtɔnima", "kotonimaa", "kotonimma", "kotonima", "ayɛwohomumɔ", "ayɛwohomumu",
    "ayɛwohummɔ", "ayɛwohomummɔ", "ayɛwohommɔ", "ayɛwohumumɔ", "ayɛwohummo", "kitawonsa", "kutawonsa",
    "ɔsanaa", "ɔsannaa", "ɔsandaa", "ɛbɔ", "ɛbɔbira", "ebɔbira", "ahinime", "obubuo", "ɔbubuo", "ɔpɛnimaa", "ɔpɛnimma", "opɛnimma",
];

/// English short forms, only next to a day or a year.
const SHORT: [(&str, &str); 12] = [
    ("jan", "january"),
    ("feb", "february"),
    ("mar", "march"),
    ("apr", "april"),
    ("jun", "june"),
    ("jul", "july"),
    ("aug", "august"),
    ("sep", "september"),
    ("sept", "september"),
    ("oct", "october"),
    ("nov", "november"),
    ("dec", "december"),
];

/// Returns whether `word` is a month name written out.
fn is_month(word: &str) -> bool {
    WRITTEN.contains(&word)
}

/// Days of the week, Twi and English, whole and short.
#[rustfmt::skip]
const DAYS: &[&str] = &[
    "ɛdwoada", "dwoada", "dwowda", "ɛbenada", "benada", "wukuada", "wukuda", "yawoada", "yawda", "ɛfiada", "efiada",
    "fiada", "fida", "memeneda", "kwasiada", "kwasida", "monday", "tuesday", "wednesday", "thursday", "friday",
    "saturday", "sunday", "mon", "tue", "tues", "wed", "thu", "thur", "thurs", "fri", "sat", "sun",
];

/// The month whose short form `word` is, in small letters.
fn month_of(word: &str) -> Option<&'static str> {
    let row = SHORT.iter().find(|(short, _)| *short == word);
    row.map(|(_, month)| *month)
}

/// English short names of days, where a dot, a range or another day shows them to be no words.
const SHORT_DAYS: [(&str, &str); 11] = [
    ("mon", "monday"),
    ("tue", "tuesday"),
    ("tues", "tuesday"),
    ("wed", "wednesday"),
    ("weds", "wednesday"),
    ("thu", "thursday"),
    ("thur", "thursday"),
    ("thurs", "thursday"),
    ("fri", "friday"),
    ("sat", "saturday"),
    ("sun", "sunday"),
];

/// The day whose short name `word` is, in small letters.
fn day_of(word: &str) -> Option<&'static str> {
    let row = SHORT_DAYS.iter().find(|(short, _)| *short == word);
    row.map(|(_, day)| *day)
}

/// Returns whether `word` is the short name of an English day, with a capital.
pub(super) fn is_short_day(word: &str) -> bool {
    (3..=5).contains(&word.len())
        && word.starts_with(char::is_uppercase)
        && day_of(&word.to_ascii_lowercase()).is_some()
}

fn is_any_month(word: &str) -> bool {
    is_month(word) || month_of(word).is_some()
}

/// Returns whether `word` is the short form of an English month, with a capital.
pub(super) fn is_short_month(word: &str) -> bool {
    word.starts_with(char::is_uppercase) && month_of(&word.to_ascii_lowercase()).is_some()
}

impl Scanner<'_> {
    /// Reads 6/3/1957.
    pub(super) fn numeric_date(&mut self) -> bool {
        let Some((parts, ends)) = self.three_parts() else {
            return false;
        };
        let lengths = [
            ends[0] - self.at,
            ends[1] - ends[0] - 1,
            ends[2] - ends[1] - 1,
        ];
        let (year, mut month, mut day) = match lengths {
            [4, 1..=2, 1..=2] => (self.at..ends[0], parts[1], parts[2]),
            [1..=2, 1..=2, 4] => (ends[1] + 1..ends[2], parts[1], parts[0]),
            [1..=2, 1..=2, 2] if self.peek(ends[0]) == '/' => {
                (ends[1] + 1..ends[2], parts[1], parts[0])
            }
            _ => return false,
        };
        if month > 12 && day <= 12 {
            // American order is the only possible one.
            std::mem::swap(&mut month, &mut day);
        }
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return false;
        }
        let year = self.slice(year.start, year.end);
        self.say_date(MONTHS[month as usize - 1], day, None, Some(&year));
        self.at = ends[2];
        true
    }

    /// Returns three numbers joined by one kind of separator, and their ends.
    fn three_parts(&self) -> Option<([u32; 3], [usize; 3])> {
        let mut parts = [0; 3];
        let mut ends = [0; 3];
        let mut start = self.at;
        for k in 0..3 {
            let end = self.digits_end(start);
            if end == start || end - start > 4 {
                return None;
            }
            parts[k] = self.small(start, end);
            ends[k] = end;
            start = end + 1;
        }
        let separator = self.peek(ends[0]);
        let more = self.peek(ends[2]) == separator && self.digit(ends[2] + 1);
        let same = matches!(separator, '/' | '-' | '.') && self.peek(ends[1]) == separator;
        (same && !more && self.boundary(ends[2])).then_some((parts, ends))
    }

    /// Reads 2020-12, a year and a month; 2009-10 may be two years.
    pub(super) fn year_month(&mut self) -> bool {
        let dash = self.digits_end(self.at);
        let end = self.digits_end(dash + 1);
        if dash != self.at + 4 || end != dash + 3 || self.peek(dash) != '-' {
            return false;
        }
        let (year, month) = (self.slice(self.at, dash), self.small(dash + 1, end));
        let plain = (1..=12).contains(&month) && matches!(&year[..2], "19" | "20");
        let years = year[2..].parse().is_ok_and(|from: u32| from < month);
        let joined =
            matches!(self.peek(end), '-' | '/') || self.peek(end) == '.' && self.digit(end + 1);
        if !plain || years || joined || !self.boundary(end) {
            return false;
        }
        self.out.word(MONTHS[month as usize - 1]);
        self.say_year(&year);
        self.at = end;
        true
    }

    /// Returns whether a dash that ends at `end` is between two months or two days of the week.
    pub(super) fn joins_days(&self, end: usize) -> bool {
        let start = self.skip_spaces(end);
        let stop = self.letters_end(start);
        if stop - start < 3 || stop - start > 14 {
            return false;
        }
        let (before, after) = (self.out.last_word(), self.lower(start, stop));
        is_any_month(before) && is_any_month(&after)
            || DAYS.contains(&before) && DAYS.contains(&after.as_str())
    }

    /// Reads short names of days and months that a range, another day, a date or their dot shows: "Mon.-Fri.",
    /// "Jan-Mar", "Mon/Wed", "Sat & Sun", "Tue. anɔpa", "Mon, 5 May".
    pub(super) fn short_name(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        if !(3..=5).contains(&(end - start)) {
            return false;
        }
        let low = self.lower(start, end);
        let (name, is_day) = match (day_of(&low), month_of(&low)) {
            (Some(day), _) => (day, true),
            (_, Some(month)) => (month, false),
            _ => return false,
        };
        let dotted = self.peek(end) == '.';
        let after = end + usize::from(dotted);
        let alike = |word: &str| {
            if is_day {
                DAYS.contains(&word)
            } else {
                is_any_month(word)
            }
        };
        let linked = self.follows_link(start, is_day) && alike(self.last_name())
            || self
                .next_linked(after, is_day)
                .is_some_and(|word| alike(&word));
        let spaced = after + usize::from(self.peek(after) == ',');
        let dated = is_day && self.peek(spaced) == ' ' && self.digit(spaced + 1);
        let goes_on = dotted && !self.ends_sentence(after);
        // "Sun." and "Sat." are words at the end of a sentence.
        let closes = dotted && !goes_on && is_day && !matches!(low.as_str(), "sun" | "sat");
        if !(linked || dated || is_day && goes_on || closes) {
            return false;
        }
        self.out.word(name);
        self.at = if goes_on { after } else { end };
        true
    }

    /// Returns whether a sign or a word that joins days or months stands before `start`.
    fn follows_link(&self, start: usize, is_day: bool) -> bool {
        let before = self.chars[..start].iter().rev().take(4);
        let sign = before.clone().find(|c| **c != ' ').copied().unwrap_or(' ');
        matches!(sign, '-' | '–' | '—' | '/')
            || is_day && matches!(sign, '&' | ',')
            || self.out.ends_with("kɔsi")
            || is_day && self.out.ends_with("ne")
    }

    /// Returns the last word before one that joins.
    fn last_name(&self) -> &str {
        let last = self.out.last_written();
        if matches!(last, "kɔsi" | "ne" | "anaa") {
            self.out.word_before_last()
        } else {
            last.trim_end_matches(',')
        }
    }

    /// Returns the word with a capital that a sign or a word after `end` joins to the name before it.
    fn next_linked(&self, end: usize, is_day: bool) -> Option<String> {
        let at = self.skip_spaces(end);
        let sign = self.peek(at);
        let joins = matches!(sign, '-' | '–' | '—' | '/') || is_day && matches!(sign, '&' | ',');
        let word = ["to", "kɔsi", "ne", "anaa"]
            .iter()
            .find(|word| {
                at > end
                    && self.starts_with(at, word)
                    && self.peek(at + word.chars().count()) == ' '
            })
            .filter(|word| is_day || matches!(**word, "to" | "kɔsi"));
        let gap = match word {
            Some(word) => word.chars().count(),
            None => usize::from(joins),
        };
        let start = self.skip_spaces(at + gap);
        let stop = self.letters_end(start);
        (gap > 0 && self.peek(start).is_uppercase() && (3..=14).contains(&(stop - start)))
            .then(|| self.lower(start, stop))
    }

    /// Returns whether a day or month was read last and another one starts at `i`.
    pub(super) fn is_between_names(&self, i: usize) -> bool {
        let start = self.skip_spaces(i);
        self.peek(start).is_uppercase() && self.joins_days(start)
    }

    /// Reads "03/2024", a month and a year.
    pub(super) fn month_year(&mut self) -> bool {
        let slash = self.digits_end(self.at);
        let end = self.digits_end(slash + 1);
        let month = self.small(self.at, slash);
        let century = self.starts_with(slash + 1, "19") || self.starts_with(slash + 1, "20");
        let written = self.peek(slash) == '/' && (1..=2).contains(&(slash - self.at));
        let joined = matches!(self.peek(end), '-' | '/' | '%')
            || matches!(self.peek(end), '.' | ',') && self.digit(end + 1);
        let before = self.at.checked_sub(1).map_or(' ', |at| self.chars[at]);
        if !written || end != slash + 5 || !(1..=12).contains(&month) || !century || joined {
            return false;
        }
        if !self.boundary(end) || matches!(before, '/' | '-') {
            return false;
        }
        let year = self.slice(slash + 1, end);
        self.out.word(MONTHS[month as usize - 1]);
        self.say_year(&year);
        self.at = end;
        true
    }

    /// Reads "5-8 March 2024".
    pub(super) fn day_range(&mut self) -> bool {
        let digits = self.digits_end(self.at);
        let dash = self.ordinal_suffix(digits);
        if !matches!(self.peek(dash), '-' | '–') || !self.digit(dash + 1) {
            return false;
        }
        let first = self.small(self.at, digits);
        let Some((month, day, end)) = self.day_month(dash + 1) else {
            return false;
        };
        if first == 0 || first >= day {
            return false;
        }
        self.finish_date(&month, first, Some(day), end);
        true
    }

    /// Reads "6 March 1957".
    pub(super) fn day_first(&mut self) -> bool {
        let Some((month, day, end)) = self.day_month(self.at) else {
            return false;
        };
        self.finish_date(&month, day, None, end);
        true
    }

    /// Returns month, day and end of "6 March", "6th of March" or "6-Mar-1957" at `i`.
    pub(super) fn day_month(&self, i: usize) -> Option<(String, u32, usize)> {
        let digits = self.digits_end(i);
        let day = self.small(i, digits);
        if digits - i > 2 || !(1..=31).contains(&day) {
            return None;
        }
        let suffix = self.ordinal_suffix(digits);
        let mut start = suffix;
        if self.peek(suffix) == '-' {
            start += 1;
        } else if self.peek(suffix) == ' ' {
            start = self.skip_spaces(suffix);
        } else {
            return None;
        }
        if self.peek(start) == 'o' && self.peek(start + 1) == 'f' && self.peek(start + 2) == ' ' {
            start = self.skip_spaces(start + 2);
        }
        let end = self.letters_end(start);
        if end - start > 14 {
            return None;
        }
        let word = self.lower(start, end);
        let ranked = suffix > digits && !matches!(word.as_str(), "ɛbɔ" | "may");
        if is_month(&word)
            && (ranked || self.peek(start).is_uppercase() || self.year(end).is_some())
        {
            return Some((word, day, end));
        }
        let month = month_of(&word)?;
        let dotted = end + usize::from(self.peek(end) == '.');
        let dated = self.year(dotted).is_some();
        // "25 Dec." ends a sentence where nothing more follows.
        let stop = if dated || !self.ends_sentence(dotted) {
            dotted
        } else {
            end
        };
        (dated || self.peek(start).is_uppercase()).then(|| (month.to_owned(), day, stop))
    }

    /// Reads "March 6, 1957" and "February 14"; the month starts here.
    pub(super) fn month_first(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        // Runs for every word: most have no figure after them.
        let dot = usize::from(self.peek(end) == '.');
        if end - start > 14 || !self.digit(self.skip_spaces(end + dot)) {
            return false;
        }
        let written = self.lower(start, end);
        let short = month_of(&written).filter(|_| self.peek(start).is_uppercase());
        let after = end + usize::from(short.is_some() && self.peek(end) == '.');
        let digits = self.skip_spaces(after);
        if digits == after || !self.digit(digits) {
            return false;
        }
        let word = short.map_or(written, str::to_owned);
        if !is_month(&word) {
            return false;
        }
        let stop = self.digits_end(digits);
        let day = self.small(digits, stop);
        let after = self.ordinal_suffix(stop);
        let joined = matches!(self.peek(after), '%' | '/' | ':' | '-' | '–' | '°')
            // "Ayɛwohomumɔ 2,2021" only lacks a space.
            || self.digit(after + 1)
                && self.peek(after) != ' '
                && !(self.peek(after) == ',' && self.year(after).is_some());
        if stop - digits > 2 || !(1..=31).contains(&day) || !self.boundary(after) || joined {
            return false;
        }
        let year = self.year(after);
        // "Ɛbɔ 5" is mostly the verb; "may 5" in small letters is English.
        let doubtful = word == "ɛbɔ" && self.out.last_word().is_empty();
        let certain = self.peek(start).is_uppercase() && !doubtful;
        if year.is_none() && !certain {
            return false;
        }
        self.finish_date(&word, day, None, after);
        true
    }

    /// Reads "Jan. 2024": a short name before a year is the month.
    pub(super) fn short_month(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        let stop = end + usize::from(self.peek(end) == '.');
        if end - start > 4 || self.peek(stop) != ' ' || self.year(stop).is_none() {
            return false;
        }
        let word = self.lower(start, end);
        let Some(month) = month_of(&word) else {
            return false;
        };
        self.out.word(month);
        self.at = stop;
        true
    }

    fn finish_date(&mut self, month: &str, day: u32, to: Option<u32>, end: usize) {
        let year = self.year(end);
        let digits = year.map(|(from, to)| self.slice(from, to));
        self.say_date(month, day, to, digits.as_deref());
        self.at = year.map_or(end, |(_, stop)| stop);
    }

    /// Returns where the four digits of a year after `end` lie, past a comma, a hyphen or "afe".
    fn year(&self, end: usize) -> Option<(usize, usize)> {
        let mut start = end + usize::from(matches!(self.peek(end), ',' | '-'));
        start = self.skip_spaces(start);
        if self.lower(start, (start + 3).min(self.chars.len())) == "afe"
            && self.peek(start + 3) == ' '
        {
            start = self.skip_spaces(start + 3);
        }
        let stop = self.digits_end(start);
        let whole = self.boundary(stop)
            && !(matches!(self.peek(stop), '.' | ',' | ':' | '/') && self.digit(stop + 1));
        (start > end && stop == start + 4 && self.peek(start) != '0' && whole)
            .then_some((start, stop))
    }

    fn say_date(&mut self, month: &str, day: u32, to: Option<u32>, year: Option<&str>) {
        let say = |n: u32| cardinal(u64::from(n), self.options, Form::Attributive);
        let (day_words, to_words) = (say(day), to.map(say));
        self.out.word(month);
        if day == 1 && to.is_none() {
            self.out.word("da a ɛdi kan");
        } else {
            self.out.word("da a ɛtɔ so");
            self.out.word(&day_words);
        }
        if let Some(words) = to_words {
            self.out.word("kɔsi");
            self.out.word(&words);
        }
        if let Some(year) = year {
            self.say_year(year);
        }
    }

    fn say_year(&mut self, year: &str) {
        self.out.pause();
        self.out.word("afe");
        let words = integer_words(year, self.options, Form::Attributive);
        self.out.word(&words);
    }
}
