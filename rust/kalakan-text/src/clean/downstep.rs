//! The `!` of full tone marking: inside a word it is not a pause but marks a downstep of the next syllable.

use unicode_normalization::char::decompose_canonical;

use crate::alphabet::{is_combining, is_letter, DOWNSTEP, TONES};
use crate::traced::Writer;

/// Writes `text` with every downstep written as [`DOWNSTEP`], and no such mark elsewhere.
///
/// A `!` is a downstep between two letters of a word with tone marks; "Akwaaba!Ɛte sɛn" only lacks a space.
pub(super) fn mark(text: &str, writer: &mut Writer) {
    let chars: Vec<char> = text.chars().collect();
    let (mut start, mut at) = (0, 0);
    while start < chars.len() {
        writer.cut(at);
        let out = &mut writer.text;
        let end = word_end(&chars, start);
        at += chars[start..end.max(start + 1)]
            .iter()
            .map(|c| c.len_utf8())
            .sum::<usize>();
        if end == start {
            if chars[start] != DOWNSTEP {
                out.push(chars[start]);
            }
            start += 1;
            continue;
        }
        let word = &chars[start..end];
        let toned = word.iter().any(|c| has_tone(*c));
        for c in word {
            match c {
                '!' if toned => out.push(DOWNSTEP),
                &DOWNSTEP if !toned => {}
                c => out.push(*c),
            }
        }
        start = end;
    }
}

/// Returns the end of the letters, apostrophes and downsteps that start at `start`.
fn word_end(chars: &[char], start: usize) -> usize {
    let mut end = start;
    while end < chars.len() && (is_spelling(chars[end]) || end > start && is_step(chars, end)) {
        end += 1;
    }
    end
}

fn is_spelling(c: char) -> bool {
    c != DOWNSTEP && is_letter(c) || c == '\''
}

fn is_step(chars: &[char], at: usize) -> bool {
    let (before, after) = (chars[at - 1], chars.get(at + 1).copied().unwrap_or(' '));
    let stands_between = |c: char| c != DOWNSTEP && is_letter(c);
    let starts_sentence = after.is_uppercase() && !before.is_uppercase();
    stands_between(before)
        && stands_between(after)
        && !is_combining(after)
        && (chars[at] == DOWNSTEP || chars[at] == '!' && !starts_sentence)
}

fn has_tone(c: char) -> bool {
    let mut found = false;
    decompose_canonical(c, |part| found |= TONES.contains(&part));
    found
}
