//! Letters that are repeated for emphasis: "yieeeee" is long, but not minutes long.

use crate::alphabet::{is_combining, is_letter, lower};
use crate::traced::Writer;

/// Most times that a letter is read in a row; the longest in real text is 15.
const LONGEST: usize = 20;

/// Bytes between two looks for a repetition.
const STRIDE: usize = 4;

/// Bytes after which a repeated letter repeats itself, whether it has one, two, three or four.
const PERIOD: usize = 12;

/// Returns whether `text` may have a letter more than [`LONGEST`] times in a row.
pub(super) fn is_suspect(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() <= LONGEST {
        return false;
    }
    // A run of 21 bytes or more has four of them at one of these places, and the same four after the period.
    let repeats = |at: usize| bytes[at..at + 4] == bytes[at + PERIOD..at + PERIOD + 4];
    (0..bytes.len().saturating_sub(PERIOD + 3))
        .step_by(STRIDE)
        .any(repeats)
}

/// Writes `text` with no letter more than [`LONGEST`] times in a row; the others are counted as not read.
pub(super) fn shorten(text: &str, writer: &mut Writer) {
    let mut run = 0;
    let mut last = ' ';
    let mut dropped = false;
    for (at, c) in text.char_indices() {
        writer.cut(at);
        // A mark belongs to its letter.
        if !is_combining(c) {
            let low = lower(c);
            run = if low == last && is_letter(c) {
                run + 1
            } else {
                1
            };
            last = low;
            dropped = run > LONGEST;
            if dropped {
                writer.lose(c);
            }
        }
        if !dropped {
            writer.text.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_suspect, shorten, LONGEST};
    use crate::traced::Traced;

    #[test]
    fn a_letter_is_read_up_to_its_limit_wherever_it_stands_and_however_it_is_written() {
        for letter in ["e", "ɛ", "é", "ɛ\u{301}", "ẽ", "E", "m"] {
            for before in 0..8 {
                let text = |count: usize| "x".repeat(before) + &letter.repeat(count) + " na";
                assert!(is_suspect(&text(LONGEST + 1)), "{letter} after {before}");
                for count in [1, LONGEST, LONGEST + 1, 2_000] {
                    let text = text(count);
                    let short = Traced::plain(&text).rewrite(shorten);
                    let expected = "x".repeat(before) + &letter.repeat(count.min(LONGEST)) + " na";
                    assert_eq!(short.text(), expected);
                }
            }
        }
        assert!(!is_suspect(
            "Maakye, wo ho te sɛn? Me ho yɛ paa, na wo nso ɛ? Meda wo ase."
        ));
    }
}
