//! Signs and small words between numbers: 5 + 3 = 8, x + 2.7, 2x4, 10 to 15.

use crate::alphabet::{is_letter, PI};

use super::scanner::Scanner;

/// The name of a sign, and whether it needs operands on both sides.
fn name(sign: char) -> Option<(&'static str, bool)> {
    Some(match sign {
        '+' => ("plɔs", true),
        '=' => ("yɛ", true),
        '*' => ("mpɛn", true),
        '^' => ("tumi", true),
        '>' => ("boro", true),
        '<' => ("nnuru", true),
        '→' => ("kɔsi", true),
        '×' => ("mpɛn", false),
        '÷' => ("kyɛ mu", false),
        '≠' => ("nyɛ", false),
        '≈' => ("bɛyɛ", false),
        '≥' => ("boro anaa ɛyɛ", false),
        '≤' => ("nnuru anaa ɛyɛ", false),
        '±' => ("plɔs anaa maenɔs", false),
        '−' => ("maenɔs", false),
        '√' => ("square root", false),
        '∞' => ("nea ɛnni awieeɛ", false),
        PI => ("pai", false),
        '%' => ("ɔha mu nkyekyɛmu", false),
        '‰' => ("apem mu nkyekyɛmu", false),
        'µ' => ("maikro", false),
        '°' => ("digrii", false),
        _ => return None,
    })
}

impl Scanner<'_> {
    /// Reads the arithmetic sign at this position.
    pub(super) fn operator(&mut self) -> bool {
        let (mut sign, mut end) = (self.peek(self.at), self.at + 1);
        // <= and >= as keyboards have them; a tag is not one.
        if matches!(sign, '<' | '>') && self.peek(end) == '=' && self.operand_after(end + 1) {
            sign = if sign == '<' { '≤' } else { '≥' };
            end += 1;
        }
        let Some((words, between)) = name(sign) else {
            return false;
        };
        if between && !self.is_between(sign, end) {
            return false;
        }
        self.say(words, end)
    }

    fn is_between(&self, sign: char, end: usize) -> bool {
        match sign {
            // Stars also mark emphasis, and arrows can occur anywhere.
            '*' | '→' => self.between_numbers(self.at, end),
            // Quotation signs and tags have no space after them.
            '>' | '<' | '=' => {
                self.operand_before(self.at) && self.operand_after(end)
                    || sign != '=' && self.opens_limit(end)
                    || self.stands_alone(self.at)
                        && (self.word_before(self.at) || end == self.chars.len())
            }
            _ => self.operand_before(self.at) && self.operand_after(end),
        }
    }

    /// Returns whether the sign before `end` stands at a figure as in "<5" and ">18", outside of a tag.
    fn opens_limit(&self, end: usize) -> bool {
        let before = self
            .at
            .checked_sub(1)
            .map_or(' ', |before| self.chars[before]);
        // At the start of a line > marks what is quoted.
        let space = usize::from(
            self.peek(end) == ' ' && !(before == '\n' || self.at == 0 && self.peek(self.at) == '>'),
        );
        let figures = self.digits_end(end + space);
        (before.is_whitespace() || before == '(')
            && figures > end + space
            && !matches!(self.peek(figures), '>' | '<')
    }

    /// Reads the x of "5 x 3" and "20m x 30m".
    pub(super) fn times(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        let x = end == start + 1 && matches!(self.peek(start), 'x' | 'X');
        x && self.between_numbers(start, end) && self.say("mpɛn", end)
    }

    /// Reads the English "to" of "10 to 15" and "8am to 5pm".
    pub(super) fn until(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        let to = end == start + 2 && self.lower(start, end) == "to";
        to && (self.between_numbers(start, end) || self.is_between_names(end))
            && self.say("kɔsi", end)
    }

    fn say(&mut self, words: &str, end: usize) -> bool {
        self.out.word(words);
        self.at = end;
        true
    }

    /// Returns whether a number ends before `start` and one starts after `end`, at most one space away.
    fn between_numbers(&self, start: usize, end: usize) -> bool {
        let before = start
            .checked_sub(1)
            .map_or(' ', |before| self.chars[before]);
        self.quantity_end == start - usize::from(start > 0 && before == ' ')
            && self.starts_amount(end + usize::from(self.peek(end) == ' '))
    }

    /// Returns whether a number, a letter alone or a bracket ends before `start`, at most one space away.
    pub(super) fn operand_before(&self, start: usize) -> bool {
        let spaces = usize::from(start > 0 && self.peek(start - 1) == ' ');
        let end = start - spaces;
        if self.quantity_end == end {
            return true;
        }
        let Some(last) = end.checked_sub(1) else {
            return false;
        };
        match self.peek(last) {
            ')' | ']' | '²' | '³' | '%' | PI => true,
            // The end of "5! = 120".
            '!' => last > 0 && self.digit(last - 1),
            c if c.is_ascii_digit() => true,
            // The x of "x + 3" and of "2x + 3".
            c => {
                let before = last.wrapping_sub(1);
                is_letter(c) && (self.boundary(before) || self.digit(before))
            }
        }
    }

    /// Returns whether a number, a single letter or a bracket starts after `end`, at most one space away.
    pub(super) fn operand_after(&self, end: usize) -> bool {
        let mut start = end + usize::from(self.peek(end) == ' ');
        start += usize::from(self.peek(start) == '(');
        start += usize::from(matches!(self.peek(start), '-' | '−' | '√'));
        let c = self.peek(start);
        c == PI || self.starts_amount(start) || is_letter(c) && self.boundary(start + 1)
    }

    /// Returns whether whitespace is on both sides of the sign at `i`.
    fn stands_alone(&self, i: usize) -> bool {
        let before = i.checked_sub(1).map_or(' ', |before| self.chars[before]);
        before.is_whitespace() && self.peek(i + 1).is_whitespace()
    }

    /// Returns whether a word or figure ends one space before `i`, on the same line, and another starts one after it.
    fn word_before(&self, i: usize) -> bool {
        let solid = |c: char| is_letter(c) || c.is_ascii_digit() || c == ')';
        let before = i.checked_sub(2).map_or(' ', |before| self.chars[before]);
        let after = self.peek(i + 2);
        solid(before) && (solid(after) || after == '(')
    }
}
