//! Words that are hyphenated at a line end.

use crate::traced::Writer;

/// Returns whether a word of `text` may be broken at a line end.
pub(super) fn is_suspect(text: &str) -> bool {
    text.contains(['\n', '\r']) && text.contains(['-', '\u{ad}', '‐'])
}

/// Writes `text` with words joined that are hyphenated at a line end. A reduplicated word keeps its
/// parts separate: "ntɛm-" and "ntɛm".
pub(super) fn join(text: &str, writer: &mut Writer) {
    let mut rest = text;
    while let Some(at) = rest.find(['-', '\u{ad}', '‐']) {
        let hyphen = rest[at..].chars().next().map_or(0, char::len_utf8);
        let (before, after) = (&rest[..at], &rest[at + hyphen..]);
        let begin = after.trim_start_matches([' ', '\t', '\r']);
        let next = begin
            .strip_prefix('\n')
            .map(|line| line.trim_start_matches([' ', '\t']));
        let broken = next.filter(|next| {
            before.ends_with(char::is_alphabetic) && next.starts_with(char::is_lowercase)
        });
        writer.copy(before, text.len() - rest.len());
        writer.cut(text.len() - rest.len() + at);
        rest = if let Some(next) = broken {
            if is_said_twice(before, next) {
                writer.text.push(' ');
            }
            next
        } else {
            writer.text.push_str(&rest[at..at + hyphen]);
            after
        };
        writer.cut(text.len() - rest.len());
    }
    writer.copy(rest, text.len() - rest.len());
}

/// Longest part of a word that is compared; bounds the work on text without spaces.
const LONGEST: usize = 24;

fn is_said_twice(before: &str, next: &str) -> bool {
    let letters = |c: &char| c.is_alphabetic();
    let last = before.chars().rev().take(LONGEST).take_while(letters);
    let mut last: Vec<char> = last.flat_map(char::to_lowercase).collect();
    last.reverse();
    let first = next.chars().take(LONGEST).take_while(letters);
    first.flat_map(char::to_lowercase).eq(last)
}
