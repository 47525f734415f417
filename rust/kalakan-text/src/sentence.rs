//! Sentence boundaries of raw text, before normalization.

use std::ops::Range;

use crate::clean::markup::line_tag;
use crate::normalize::{keeps_sentence, keeps_sentence_before, may_end_sentence};
use crate::steps::step;

/// Returns the byte ranges of the sentences of raw `text`, in order, without surrounding whitespace.
///
/// A line end always ends a sentence, and so does a tag of HTML that ends a line, unless the line was only wrapped: it
/// has no mark at its end, the next one starts with a small letter and is about as long. Dots of decimals, addresses,
/// abbreviations, initials and list numbers do not, nor does "no." before a small letter.
pub fn split_sentences(text: &str) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut line_start = 0;
    while line_start < text.len() {
        let line_end = block_end(text, line_start);
        split_line(text, line_start..line_end, |range| {
            let spoken = speaks(&text[range.clone()]);
            match ranges.last_mut() {
                // A stray mark belongs to the sentence before it.
                Some(last) if !spoken && last.start >= line_start => last.end = range.end,
                _ => ranges.push(range),
            }
        });
        line_start = line_end;
    }
    ranges
}

/// Returns the end of the line that starts at `start`, and of those that it was wrapped into.
fn block_end(text: &str, start: usize) -> usize {
    let mut end = line_end(text, start);
    let mut line = start..end;
    while end < text.len() {
        let next = end..line_end(text, end);
        if !is_wrapped(&text[line], &text[next.clone()]) {
            break;
        }
        end = next.end;
        line = next;
    }
    end
}

/// Returns where the line that starts at `start` ends: after its line end, or at a tag that ends a line.
fn line_end(text: &str, start: usize) -> usize {
    let (mut at, mut checked, mut said) = (start, start, false);
    while let Some(found) = text[at..].find(|c| c == '<' || is_line_end(c)) {
        let c = text[at + found..].chars().next().unwrap_or('\n');
        at += found;
        if c != '<' {
            // \r\n is one line end.
            let both = text[at..].starts_with("\r\n");
            return at + c.len_utf8() + usize::from(both);
        }
        let taken = line_tag(&text[at..]);
        let closes = ["</", "<br", "<hr", "<BR"]
            .iter()
            .any(|tag| text[at..].starts_with(tag));
        if taken > 0 {
            said |= speaks(&text[checked..at]);
            checked = at + taken;
        }
        at += taken.max(1);
        if taken > 0 && said {
            return if closes { at } else { at - taken };
        }
    }
    text.len()
}

/// Returns whether `text` has a letter or digit outside the tags that end lines.
fn speaks(text: &str) -> bool {
    let mut rest = text;
    while let Some(found) = rest.find(|c: char| c == '<' || c.is_alphanumeric()) {
        step(found + 1);
        let taken = line_tag(&rest[found..]);
        if taken == 0 && !rest[found..].starts_with('<') {
            return true;
        }
        rest = &rest[found + taken.max(1)..];
    }
    false
}

/// Letters of a line that may be one of wrapped text; lists and verse have shorter ones.
const WRAPPED: usize = 30;

/// Returns whether the sentence of `line` goes on in `next`.
fn is_wrapped(line: &str, next: &str) -> bool {
    step(line.len() + next.len());
    let single = line.ends_with('\n') && !next.trim().is_empty();
    let (line, begin) = (line.trim(), next.trim());
    if !single || !begin.starts_with(char::is_lowercase) {
        return false;
    }
    let letter = |c: char| c.is_alphabetic();
    if line
        .strip_suffix(['-', '\u{ad}'])
        .is_some_and(|word| word.ends_with(letter))
    {
        return true;
    }
    // "a) ..." and "b. ..." are items of a list.
    let label = begin.chars().take(4).find(|c| !c.is_alphabetic());
    let item = label.is_some_and(|c| matches!(c, ')' | '.'));
    let open = line.ends_with(|c: char| c.is_alphanumeric() || c == ',' || c == '\'');
    let (length, after) = (line.chars().count(), begin.chars().count());
    let alike = after * 5 >= length * 3 && after * 3 <= length * 5;
    let last = after < length && begin.ends_with(|c| is_terminator(c) || is_closer(c));
    open && !item && length >= WRAPPED && (alike || last)
}

fn is_line_end(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

fn is_terminator(c: char) -> bool {
    matches!(
        c,
        '.' | '!' | '?' | '…' | '。' | '।' | '॥' | '۔' | '።' | '！' | '？' | '؟'
    )
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
    let length = part.find(|c| !kind(c)).unwrap_or(part.len());
    step(length);
    range.start + length
}

/// Longest token that is examined on one side of a mark, so that text without spaces takes linear time too.
const LONGEST: usize = 128;

/// Returns the part of `text` after its last whitespace.
fn last_token(text: &str) -> &str {
    let mut chars = text.char_indices().rev().take(LONGEST);
    let space = chars.find(|(_, c)| c.is_whitespace());
    let begin = space.map(|(at, c)| at + c.len_utf8());
    step(text.len() - begin.unwrap_or(text.len().saturating_sub(LONGEST)));
    let cut = || {
        text.char_indices()
            .rev()
            .nth(LONGEST)
            .map_or(0, |(at, c)| at + c.len_utf8())
    };
    &text[begin.unwrap_or_else(cut)..]
}

/// Returns the part of `text` before its first whitespace.
fn first_token(text: &str) -> &str {
    let mut chars = text.char_indices().take(LONGEST);
    let space = chars.find(|(_, c)| c.is_whitespace()).map(|(at, _)| at);
    let cut = || {
        text.char_indices()
            .nth(LONGEST)
            .map_or(text.len(), |(at, _)| at)
    };
    &text[..space.unwrap_or_else(cut)]
}

/// One run of terminators and its context.
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

    /// Returns whether a sentence starts right after the marks: "Akwaaba!Ɛte sɛn", but not "www.Ghana.com".
    fn lacks_space(&self) -> bool {
        let word = last_token(self.before);
        let next = first_token(self.after);
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
        let token = last_token(self.before);
        let word = token.trim_start_matches(|c: char| !c.is_alphanumeric());
        let listed = self.before.len() - token.len();
        if word.bytes().all(|b| b.is_ascii_digit()) && !word.is_empty() {
            // "1. Me kɔ": the number of a list item.
            return !self.closed && self.before[..listed].trim().is_empty();
        }
        let lettered = word.len() == 1 && word.bytes().all(|b| b.is_ascii_lowercase());
        if lettered && word == token && !self.closed && self.before[..listed].trim().is_empty() {
            // "a. Kɔ fie": the letter of an item.
            return true;
        }
        let label = |c: char| matches!(c, 'I' | 'V' | 'X') || matches!(c, 'i' | 'v' | 'x');
        if word.len() <= 5
            && !word.is_empty()
            && word.chars().all(label)
            && word.len() == token.len()
        {
            // "II. Ɔkɔ fie": the label of an item.
            let first = self.before[..listed].trim().is_empty();
            if first && !self.closed {
                return true;
            }
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
