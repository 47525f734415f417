//! Line ends, marks, dashes and signs with a name.

use crate::punctuation::{dash, run_of_marks, Dash};

use super::scanner::Scanner;

impl Scanner<'_> {
    /// Goes to the next line.
    pub(super) fn line_end(&mut self) -> bool {
        self.out.line();
        self.at += 1;
        true
    }

    /// Reads a run of marks.
    pub(super) fn marks(&mut self) -> bool {
        let before = self.at.checked_sub(1).map_or(' ', |b| self.chars[b]);
        let (mark, end) = run_of_marks(self.chars, self.at);
        let inner = end == self.at + 1 && before.is_ascii_digit() && self.digit(end);
        match mark {
            // 3.14.2: neither a decimal nor a date.
            '.' if inner => self.out.word("dɔt"),
            ',' | ':' if inner => self.out.pause(),
            _ => self.out.mark(mark),
        }
        self.at = end;
        true
    }

    /// Reads a run of dashes.
    pub(super) fn dashes(&mut self) -> bool {
        let (kind, end) = dash(self.chars, self.at);
        let after = self.skip_spaces(end);
        let spaces_before = self.chars[..self.at]
            .iter()
            .rev()
            .take_while(|c| **c == ' ')
            .count();
        let joins =
            self.quantity_end == self.at - spaces_before.min(self.at) && self.starts_amount(after);
        match kind {
            _ if end == self.at + 1 && self.joins_days(end) => self.out.word("kɔsi"),
            _ if self.follows_blood_group() && self.boundary(end) => self.out.word("maenɔs"),
            _ if joins && kind == Dash::SpacedFigure && self.is_sum(after) => {
                self.out.word("maenɔs");
            }
            _ if self.is_minus(end, after) => self.out.word("maenɔs"),
            _ if joins
                && end == self.at + 1
                && (kind != Dash::Pause || spaces_before == after - end) =>
            {
                self.out.word("kɔsi");
            }
            Dash::Pause | Dash::SpacedFigure => self.out.pause(),
            Dash::Joint | Dash::Figure => {}
        }
        self.at = end;
        true
    }

    /// Returns whether A, B, AB or O precedes the dash here: "Mogya kuo A-".
    fn follows_blood_group(&self) -> bool {
        let group = |c: &&char| matches!(**c, 'A' | 'B' | 'O');
        let before = &self.chars[..self.at];
        let letters = before.iter().rev().take(3).take_while(group).count();
        let whole = (1..=2).contains(&letters) && self.boundary(self.at.wrapping_sub(letters + 1));
        let last = self.peek(self.at.wrapping_sub(1));
        whole && (letters == 1 || last == 'B' && self.peek(self.at - 2) == 'A')
    }

    /// Returns whether the single dash before `end` is a minus with a letter or a bracket on one side: "x - 3 = 7".
    fn is_minus(&self, end: usize, after: usize) -> bool {
        let spaced = self.at > 0 && self.peek(self.at - 1) == ' ' && after == end + 1;
        let mut term = self.digits_end(after);
        term += usize::from(crate::alphabet::is_letter(self.peek(term)));
        end == self.at + 1
            && spaced
            && term > after
            && self.boundary(term)
            && self.operand_before(self.at)
            && self.peek(self.skip_spaces(term)) == '='
    }

    /// Returns whether an equals sign follows the number at `i`: the text before it is arithmetic, not a range.
    pub(super) fn is_sum(&self, i: usize) -> bool {
        let end = self.skip_spaces(self.digits_end(i));
        self.peek(end) == '='
    }

    /// Returns whether the slash here is a sign of arithmetic: "8 / 2", "8/2 = 4".
    fn divides(&self, before: char) -> bool {
        let spaced = before == ' ' && self.peek(self.at + 1) == ' ';
        let after = self.at + 1 + usize::from(spaced);
        let end = self.at.checked_sub(usize::from(spaced));
        let number = end == Some(self.quantity_end) && self.digit(after);
        // "9am / 5pm" are two times.
        let timed = end
            .and_then(|end| end.checked_sub(1))
            .is_some_and(|last| matches!(self.chars[last], 'm' | 'M' | '.'));
        // "2³/4" and "x² / 2"
        let last = end.and_then(|end| end.checked_sub(1));
        let power = last.is_some_and(|last| matches!(self.chars[last], '²' | '³'));
        number && (spaced && !timed || self.is_sum(after)) || power && self.digit(after)
    }

    /// Returns whether the slash here stands between two amounts that are not divided: "9am/5pm", "5kg / 10kg".
    fn separates(&self, before: char) -> bool {
        let space = usize::from(before == ' ');
        let after = self.skip_spaces(self.at + 1);
        self.at.checked_sub(space) == Some(self.quantity_end) && self.starts_amount(after)
    }

    /// Reads other signs that have a name.
    pub(super) fn sign(&mut self) -> bool {
        let before = self.at.checked_sub(1).map_or(' ', |b| self.chars[b]);
        match self.peek(self.at) {
            '&' => self.out.word("ne"),
            '+' if self.digit(self.at + 1) || before.is_alphanumeric() => self.out.word("plɔs"),
            '/' if self.divides(before) => self.out.word("kyɛ mu"),
            '/' if before.is_ascii_digit() && self.digit(self.at + 1) => self.out.pause(),
            '/' if self.separates(before) || self.is_between_names(self.at + 1) => self.out.pause(),
            '²' | '³' if before.is_ascii_digit() => {
                self.out.word("tumi");
                let square = self.peek(self.at) == '²';
                self.out.word(if square { "mmienu" } else { "mmiɛnsa" });
            }
            '²' => self.out.word("mmienu"),
            '³' => self.out.word("mmiɛnsa"),
            _ => return false,
        }
        self.at += 1;
        true
    }
}
