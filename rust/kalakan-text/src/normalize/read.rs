//! Walks repaired text once and tries the rules of `rules.rs` at each position.

use crate::alphabet::{is_letter, is_mark};
use crate::options::NormalizeOptions;
use crate::traced::Writer;

use super::ordinal::{is_thing, is_title};
use super::rules::{rules_of, starts, Reads};
use super::scanner::{Names, Scanner};

/// Writes repaired `text` as words and marks.
pub(super) fn read(text: &str, options: &NormalizeOptions, writer: &mut Writer) {
    let chars: Vec<char> = text.chars().collect();
    let mut scanner = Scanner::new(&chars, options, text.len());
    let mut read = 0;
    while scanner.at < chars.len() {
        let start = scanner.at;
        if !scanner.step()
            && !is_silent(chars[start])
            && !is_line_of(&chars, start)
            && !is_angle(&chars, start)
            && !is_separator(&chars, start)
        {
            writer.lose(chars[start]);
        }
        read += bytes(&chars[start..scanner.at]);
        writer.cut_at(read, scanner.out.len());
    }
    writer.text = scanner.out.finish();
}

/// Returns whether `c` is visual only: whitespace, quotes, brackets, emphasis, bullets.
fn is_silent(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '"' | '\'' | '(' | ')' | '[' | ']' | '{' | '}' | '*' | '_' | '~' | '|'
        )
}

/// Returns whether the sign at `i` only marks its line: "# Ti", a row of "=====".
fn is_line_of(chars: &[char], i: usize) -> bool {
    let sign = chars[i];
    let same = |c: &&char| **c == sign;
    let begin = i - chars[..i].iter().rev().take(MARKS).take_while(same).count();
    let end = i + chars[i..].iter().take(MARKS).take_while(same).count();
    let starts = begin == 0 || chars[begin - 1] == '\n';
    match sign {
        '#' => starts && end - begin <= 6 && chars.get(end) == Some(&' '),
        '=' => end - begin > 2,
        _ => false,
    }
}

/// Returns whether the < or > at `i` is a bracket around words, as in "<Akwaaba>" and "<<Ama>>".
fn is_angle(chars: &[char], i: usize) -> bool {
    let sign = chars[i];
    let other = |c: &&char| **c != sign;
    let (inside, outside) = match sign {
        '<' => (
            chars[i + 1..].iter().take(MARKS).find(other),
            i.checked_sub(1).map(|at| &chars[at]),
        ),
        '>' => (
            chars[..i].iter().rev().take(MARKS).find(other),
            chars.get(i + 1),
        ),
        _ => return false,
    };
    inside.is_some_and(|c| is_letter(*c) || crate::alphabet::is_mark(*c))
        && outside.is_none_or(|c| !is_letter(*c) && !c.is_ascii_digit())
}

/// Returns whether the slash at `i` only separates words: "ɔbaa/ɔbarima". Between figures it is arithmetic.
fn is_separator(chars: &[char], i: usize) -> bool {
    let figure = |c: &char| c.is_ascii_digit() || matches!(c, '²' | '³' | '%' | '°');
    let before = i.checked_sub(1).map(|at| &chars[at]);
    let between = before.is_some_and(figure) && chars.get(i + 1).is_some_and(figure);
    matches!(chars[i], '/' | '\\') && !between
}

/// Most signs of a row that are looked at on one side.
const MARKS: usize = 8;

fn bytes(chars: &[char]) -> usize {
    chars.iter().map(|c| c.len_utf8()).sum()
}

impl Scanner<'_> {
    /// Reads the text at this position; returns false if no rule matches.
    fn step(&mut self) -> bool {
        let start = self.at;
        if self.chars[start] == ' ' {
            self.at += 1;
            return false;
        }
        let begin = self.begin();
        let rule = rules_of(begin).iter().find(|rule| (rule.read)(self));
        match rule.map(|rule| rule.reads) {
            Some(Reads::Number) => {
                self.per_unit();
                self.quantity_end = self.at;
                self.cedis();
            }
            Some(Reads::Word) if begin & starts::CAPITAL != 0 => self.name(start),
            Some(_) => {}
            None => self.at = start + 1,
        }
        rule.is_some()
    }

    /// Returns what the current character can start, and notes where its word ends if it starts one.
    fn begin(&mut self) -> u16 {
        match self.chars[self.at] {
            '\n' => starts::LINE,
            c if is_letter(c) => {
                self.word = self.word_end(self.at);
                match (c.is_uppercase(), self.stands_alone_at(self.word)) {
                    (true, true) => starts::CAPITAL_ALONE,
                    (true, false) => starts::CAPITAL_JOINED,
                    (false, true) => starts::SMALL_ALONE,
                    (false, false) => starts::SMALL_JOINED,
                }
            }
            _ if self.starts_number(self.at) => starts::FIGURE,
            '#' | '@' => starts::TAG,
            c if is_mark(c) => starts::MARK,
            '-' | '–' | '—' => starts::DASH,
            _ => starts::SIGN,
        }
    }

    /// Returns whether nothing joins the word that ends at `end` to what follows: no rule for joined words could match.
    fn stands_alone_at(&self, end: usize) -> bool {
        matches!(
            self.chars.get(end),
            None | Some(' ' | '\n' | ',' | ';' | '!' | '?' | '…' | '"')
        )
    }

    /// Counts the capitalized word that has been read from `start` on among the names before it.
    fn name(&mut self, start: usize) {
        if !self.follows_names(start) {
            self.names = Names::default();
        }
        self.names.count += 1;
        if self.word - start < 12 {
            let word = self.lower(start, self.word);
            self.names.titled |= is_title(&word);
            self.names.thing |= is_thing(&word);
        }
        self.names.end = self.at;
    }
}
