//! Sentence boundaries of raw text.

use std::ops::Range;

/// Returns the byte ranges of the sentences of raw `text`, in order, without surrounding white space.
pub fn split_sentences(text: &str) -> Vec<Range<usize>> {
    vec![0..text.len()]
}

/// Splits the sentence `range` of `text` into parts of at most `max_chars` characters, at `;` `:` `,`, then at spaces.
pub fn split_long(_text: &str, range: Range<usize>, _max_chars: usize) -> Vec<Range<usize>> {
    vec![range]
}
