//! Runs of marks become one mark, dashes become pauses, joints or figures.

use crate::alphabet::{is_mark, mark_weight};
use crate::currency::is_sign;

/// What a dash means in its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dash {
    /// Between clauses: a comma.
    Pause,
    /// Inside a compound, or hanging: a space.
    Joint,
    /// Before or between digits.
    Figure,
    /// Between two numbers with spaces around it.
    SpacedFigure,
}

/// Returns the one mark that represents the run of marks at `start`, and where the run ends.
pub(crate) fn run_of_marks(chars: &[char], start: usize) -> (char, usize) {
    let length = chars[start..].iter().take_while(|c| is_mark(**c)).count();
    let run = &chars[start..start + length];
    let strongest = |best: char, c: &char| {
        if mark_weight(*c) > mark_weight(best) {
            *c
        } else {
            best
        }
    };
    let mark = run.iter().fold(chars[start], strongest);
    let dots = run.windows(2).any(|pair| pair == ['.', '.']);
    let mark = if dots && mark == '.' { '…' } else { mark };
    match run {
        // "?!" is a question: a question mark has the highest rank.
        _ if run.contains(&'?') => ('?', start + length),
        // "Inc.,": the dot belongs to the word.
        ['.', pause] if matches!(pause, ',' | ';' | ':') => (*pause, start + length),
        _ => (mark, start + length),
    }
}

/// Appends `mark` to `text`, merging it with a mark already there. A pause before the first word is dropped.
pub(crate) fn push_mark(text: &mut String, mark: char) {
    match text.chars().next_back() {
        Some(last) if is_mark(last) => {
            if mark_weight(mark) > mark_weight(last) {
                text.truncate(text.len() - last.len_utf8());
                text.push(mark);
            }
        }
        None if matches!(mark, ',' | ';' | ':') => {}
        _ => text.push(mark),
    }
}

/// Returns what the run of dashes at `start` means, and where it ends.
pub(crate) fn dash(chars: &[char], start: usize) -> (Dash, usize) {
    let is_dash = |c: &&char| matches!(**c, '-' | '–' | '—');
    let end = start + chars[start..].iter().take_while(is_dash).count();
    let before = start.checked_sub(1).map_or(' ', |i| chars[i]);
    let after = chars.get(end).copied().unwrap_or(' ');
    let single = end == start + 1;
    let long = !single || chars[start] != '-';
    let open_before = is_gap(before);
    let open_after = is_gap(after);
    let digit = |c: char| c.is_ascii_digit();
    let figure_after = single && (digit(after) || is_sign(after));
    let joins = digit(before) || !long && !before.is_alphanumeric();
    let kind = if figure_after && joins {
        Dash::Figure
    } else if single && number_before(chars, start) && number_after(chars, end) {
        Dash::SpacedFigure
    } else if long || open_before && open_after {
        Dash::Pause
    } else if !open_before && !open_after && (digit(before) || digit(after)) {
        Dash::Figure
    } else {
        Dash::Joint
    };
    (kind, end)
}

fn is_gap(c: char) -> bool {
    c.is_whitespace()
}

fn number_before(chars: &[char], start: usize) -> bool {
    start > 1 && chars[start - 1] == ' ' && chars[start - 2].is_ascii_digit()
}

fn number_after(chars: &[char], end: usize) -> bool {
    chars.get(end) == Some(&' ') && chars.get(end + 1).is_some_and(char::is_ascii_digit)
}
