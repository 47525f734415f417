//! Sentence boundaries of raw text, before anything is rewritten.

use std::ops::Range;

use crate::normalize::{keeps_sentence, keeps_sentence_before, may_end_sentence};

/// Returns the byte ranges of the sentences of raw `text`, in order, without surrounding white space.
///
/// A line end always ends a sentence. Dots of decimals, addresses, abbreviations, initials and list
/// numbers do not, nor does "no." before a small letter.
pub fn split_sentences(text: &str) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut line_start = 0;
    for line in text.split_inclusive(is_line_end) {
        split_line(text, line_start..line_start + line.len(), |range| {
            let spoken = text[range.clone()].contains(char::is_alphanumeric);
            match ranges.last_mut() {
                // A stray mark belongs to what was said before it.
                Some(last) if !spoken && last.start >= line_start => last.end = range.end,
                _ => ranges.push(range),
            }
        });
        line_start += line.len();
    }
    ranges
}

fn is_line_end(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

fn is_terminator(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…')
}

fn is_closer(c: char) -> bool {
    matches!(c, '"' | '\'' | '”' | '’' | '»' | '›' | ')' | ']' | '}')
}

fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + part.len() - part.trim_start().len();
    start..start + part.trim().len()
}

fn split_line(text: &str, line: Range<usize>, mut found: impl FnMut(Range<usize>)) {
    let mut start = line.start;
    let mut at = line.start;
    while let Some(offset) = text[at..line.end].find(is_terminator) {
        let first = at + offset;
        let marks = run(text, first..line.end, is_terminator);
        let closers = run(text, marks..line.end, is_closer);
        let stop = Stop {
            before: &text[start..first],
            marks: &text[first..marks],
            closed: closers > marks,
            after: &text[closers..line.end],
        };
        at = closers;
        if stop.ends_sentence() {
            let range = trim(text, start..closers);
            if !range.is_empty() {
                found(range);
            }
            start = closers;
        }
    }
    let range = trim(text, start..line.end);
    if !range.is_empty() {
        found(range);
    }
}

fn run(text: &str, range: Range<usize>, kind: fn(char) -> bool) -> usize {
    let part = &text[range.clone()];
    range.start + part.find(|c| !kind(c)).unwrap_or(part.len())
}

/// One run of terminators and what stands around it.
struct Stop<'t> {
    before: &'t str,
    marks: &'t str,
    closed: bool,
    after: &'t str,
}

impl Stop<'_> {
    fn ends_sentence(&self) -> bool {
        if !self.after.starts_with(char::is_whitespace) {
            return self.after.is_empty() || self.lacks_space();
        }
        let next = self.next_letter();
        let small = next.is_some_and(char::is_lowercase);
        let capital = next.is_some_and(char::is_uppercase);
        match self.marks {
            "." if self.dot_belongs_to_word(small, capital) => false,
            // Hesitation: the sentence goes on unless a capital or a figure starts another.
            marks if marks != "." && marks.chars().all(|c| matches!(c, '.' | '…')) => !small,
            // "Daabi!" ɔkaa sɛ ...
            _ => !(self.closed && small),
        }
    }

    /// Tells whether a sentence starts right after the marks: "Akwaaba!Ɛte sɛn", but not "www.Ghana.com".
    fn lacks_space(&self) -> bool {
        let end = |c: char| c.is_whitespace();
        let word = self.before.rsplit(end).next().unwrap_or("");
        let next = self.after.split(end).next().unwrap_or("");
        let mut letters = next.chars();
        let in_address = |part: &str| part.contains(['.', '/', '@', ':', '_']);
        word.ends_with(char::is_lowercase)
            && letters.next().is_some_and(char::is_uppercase)
            && letters.next().is_none_or(|c| !c.is_uppercase())
            && !(word == "Ph" && next.starts_with("D."))
            && !in_address(word)
            && !in_address(next.trim_end_matches(['.', ':']))
            && !self.dot_belongs_to_word(false, true)
    }

    /// Returns the first character of the next word, past quotes and brackets.
    fn next_letter(&self) -> Option<char> {
        let opener =
            |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '“' | '‘' | '«' | '(' | '[');
        self.after.chars().find(|c| !opener(*c))
    }

    fn dot_belongs_to_word(&self, small: bool, capital: bool) -> bool {
        // Walks back over one token only, so that the whole stays linear.
        let token = self.before.rsplit(char::is_whitespace).next().unwrap_or("");
        let word = token.trim_start_matches(|c: char| !c.is_alphanumeric());
        let listed = self.before.len() - token.len();
        if word.bytes().all(|b| b.is_ascii_digit()) && !word.is_empty() {
            // "1. Me kɔ": the number of a list item.
            return !self.closed && self.before[..listed].trim().is_empty();
        }
        // "no" is nearly always the article, never "number"; "etc." and "p.m." may end a sentence or not.
        let open = may_end_sentence(word)
            || word.eq_ignore_ascii_case("no")
            || word.eq_ignore_ascii_case("etc")
            || word.contains('.');
        open && small
            || open && word.contains('.') && !capital && self.next_letter().is_some()
            || keeps_sentence(word)
            || keeps_sentence_before(word, self.after)
    }
}
