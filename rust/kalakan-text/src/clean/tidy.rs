//! Spaces, pause marks, dashes and quotes of cleaned text; numbers and addresses are kept intact.

use crate::alphabet::{is_letter, is_mark, DOWNSTEP};
use crate::currency;
use crate::punctuation::{dash, push_mark, run_of_marks, Dash};

/// Signs that are read aloud or are part of a number.
fn is_sign(c: char) -> bool {
    matches!(
        c,
        '+' | '/' | '%' | '‰' | '@' | '#' | '&' | '_' | '°' | '=' | '²' | '³' | 'µ' | '→'
    ) || currency::is_sign(c)
        || crate::alphabet::is_operator(c)
        || crate::alphabet::FRACTIONS.iter().any(|(f, ..)| *f == c)
}

fn is_solid(c: char) -> bool {
    is_letter(c) || c.is_ascii_digit() || is_sign(c)
}

/// Returns repaired `text` with single spaces, single marks and no quotes or brackets.
pub(super) fn tidy(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Tidy {
        text: String::with_capacity(text.len()),
        space: false,
        pause: false,
    };
    let mut i = 0;
    while i < chars.len() {
        let c = chars[i];
        let next = chars.get(i + 1).copied().unwrap_or(' ');
        i += 1;
        let clitic = c == '\'' && out.touches(is_letter) && is_letter(next);
        if clitic || is_solid(c) {
            out.solid(c);
        } else if is_mark(c) {
            let (mark, end) = run_of_marks(&chars, i - 1);
            if end == i
                && is_solid(next)
                && (out.touches(is_solid) || next.is_ascii_digit() && !out.touches(is_mark))
            {
                out.solid(c);
            } else {
                out.mark(mark);
            }
            i = end;
        } else if matches!(c, '-' | '–' | '—') {
            let (kind, end) = dash(&chars, i - 1);
            match kind {
                Dash::Pause => out.pause = true,
                Dash::Joint => out.space = true,
                Dash::Figure => out.solid('-'),
                Dash::SpacedFigure => {
                    out.space = true;
                    out.solid('-');
                    out.space = true;
                }
            }
            i = end;
        } else if c == '|' {
            out.pause = true;
        } else {
            out.space = true;
        }
    }
    out.text
}

struct Tidy {
    text: String,
    space: bool,
    pause: bool,
}

impl Tidy {
    /// Returns whether the last character written satisfies a predicate.
    fn touches(&self, kind: fn(char) -> bool) -> bool {
        !self.space && !self.pause && self.text.chars().next_back().is_some_and(kind)
    }

    fn solid(&mut self, c: char) {
        if self.pause && self.text.ends_with(is_solid) {
            self.text.push(',');
            self.space = true;
        }
        if self.space && !self.text.is_empty() {
            self.text.push(' ');
        }
        self.space = false;
        self.pause = false;
        self.text.push(if c == DOWNSTEP { '!' } else { c });
    }

    fn mark(&mut self, mark: char) {
        self.pause = false;
        self.space = true;
        push_mark(&mut self.text, mark);
    }
}
