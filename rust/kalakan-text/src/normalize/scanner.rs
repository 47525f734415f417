//! Scans repaired text once and tries the rules of `rules.rs` at each position.

use crate::alphabet::{is_letter, is_mark};
use crate::punctuation::{dash, run_of_marks, Dash};
use crate::traced::Writer;

use super::address;
use super::number::Form;
use super::ordinal::{is_thing, is_title};
use super::rules::{starts, Reads, RULES};
use super::spoken::Spoken;
use super::value::vulgar;
use crate::currency;
use crate::options::NormalizeOptions;
use crate::steps::step;

/// Writes repaired `text` as words and marks.
pub(super) fn read(text: &str, options: &NormalizeOptions, writer: &mut Writer) {
    let chars: Vec<char> = text.chars().collect();
    let mut scanner = Scanner {
        chars: &chars,
        at: 0,
        word: 0,
        out: Spoken::with_capacity(text.len() * 2),
        options,
        list_end: 0,
        quantity_end: usize::MAX,
        noun: "",
        after_money: false,
        names: Names::default(),
        line: None,
    };
    let mut read = 0;
    while scanner.at < chars.len() {
        let start = scanner.at;
        if !scanner.step() && !is_silent(chars[start]) {
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

fn bytes(chars: &[char]) -> usize {
    chars.iter().map(|c| c.len_utf8()).sum()
}

/// The run of capitalized words that ends before the current word.
#[derive(Default)]
pub(super) struct Names {
    pub(super) count: usize,
    pub(super) titled: bool,
    pub(super) thing: bool,
    pub(super) end: usize,
}

pub(super) struct Scanner<'a> {
    pub(super) chars: &'a [char],
    pub(super) at: usize,
    /// Where the word ends that starts here, if one does.
    pub(super) word: usize,
    pub(super) out: Spoken,
    pub(super) options: &'a NormalizeOptions,
    /// Up to here commas and dots between digits separate numbers: "1,2,3".
    pub(super) list_end: usize,
    /// Where the last number with all its signs ended; a dash here means "to".
    pub(super) quantity_end: usize,
    /// The noun last written before a number; "to" does not repeat it.
    pub(super) noun: &'static str,
    /// The current number follows a sign of money.
    pub(super) after_money: bool,
    pub(super) names: Names,
    /// End of the line last looked at, and whether it is all capitals.
    pub(super) line: Option<(usize, bool)>,
}

impl Scanner<'_> {
    /// Reads the text at this position; returns false if no rule matches.
    fn step(&mut self) -> bool {
        let (start, begin) = (self.at, self.begin());
        if begin & starts::WORD != 0 {
            self.word = self.word_end(start);
        }
        let rule = RULES
            .iter()
            .find(|rule| rule.starts & begin != 0 && (rule.read)(self));
        match rule.map(|rule| rule.reads) {
            Some(Reads::Number) => {
                self.per_unit();
                self.quantity_end = self.at;
                self.cedis();
            }
            Some(Reads::Word) if begin == starts::CAPITAL => self.name(start),
            Some(_) => {}
            None => self.at = start + 1,
        }
        rule.is_some()
    }

    /// Returns what the current character can start.
    fn begin(&self) -> u8 {
        match self.chars[self.at] {
            '\n' => starts::LINE,
            c if is_letter(c) && c.is_uppercase() => starts::CAPITAL,
            c if is_letter(c) => starts::SMALL,
            _ if self.starts_number(self.at) => starts::FIGURE,
            '#' | '@' => starts::TAG,
            c if is_mark(c) => starts::MARK,
            '-' | '–' | '—' => starts::DASH,
            _ => starts::SIGN,
        }
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

    /// Returns whether a number can start at `i`: a digit, a fraction, or a sign that belongs to one.
    pub(super) fn starts_number(&self, i: usize) -> bool {
        let before = i.checked_sub(1).map_or(' ', |b| self.chars[b]);
        match self.peek(i) {
            c if c.is_ascii_digit() || vulgar(c).is_some() => true,
            '.' => self.digit(i + 1) && !before.is_alphanumeric() && !is_mark(before),
            '-' | '−' => {
                !before.is_alphanumeric()
                    && self.quantity_end != i
                    && !matches!(before, '%' | '°' | '-')
                    && (self.starts_amount(i + 1) || vulgar(self.peek(i + 1)).is_some())
            }
            '+' => !is_letter(before) && !before.is_ascii_digit() && self.digit(i + 1),
            _ => self.starts_amount(i),
        }
    }

    /// Returns whether a digit or money with digits starts at `i`.
    pub(super) fn starts_amount(&self, i: usize) -> bool {
        self.digit(i) || self.peek(i) == '.' && self.digit(i + 1) || self.money_sign(i).is_some()
    }

    /// Goes to the next line.
    pub(super) fn line_end(&mut self) -> bool {
        self.out.line();
        self.at += 1;
        true
    }

    /// Reads money that starts with a code: GHS 5.
    pub(super) fn money_code(&mut self) -> bool {
        // Runs for every word: the first letter rules out most of them.
        currency::may_start(self.peek(self.at))
            && self.starts_word()
            && self.money_sign(self.at).is_some()
            && self.quantity()
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

    /// Returns whether an equals sign follows the number at `i`: the text before it is arithmetic, not a range.
    pub(super) fn is_sum(&self, i: usize) -> bool {
        let end = self.skip_spaces(self.digits_end(i));
        self.peek(end) == '='
    }

    /// Reads other signs that have a name.
    pub(super) fn sign(&mut self) -> bool {
        let before = self.at.checked_sub(1).map_or(' ', |b| self.chars[b]);
        match self.peek(self.at) {
            '&' => self.out.word("ne"),
            '+' if self.digit(self.at + 1) || before.is_alphanumeric() => self.out.word("plɔs"),
            '/' if before.is_ascii_digit() && self.digit(self.at + 1) => self.out.pause(),
            '²' => self.out.word("mmienu"),
            '³' => self.out.word("mmiɛnsa"),
            _ => return false,
        }
        self.at += 1;
        true
    }

    /// Reads an address that starts here.
    pub(super) fn address(&mut self) -> bool {
        let Some(end) = crate::address::end(self.chars, self.at) else {
            return false;
        };
        address::speak(&self.chars[self.at..end], self.options, &mut self.out);
        self.at = end;
        true
    }

    /// Reads the "@name" of a person; "@5pm" is a time.
    pub(super) fn mention(&mut self) -> bool {
        !self.digit(self.at + 1) && self.address()
    }

    /// Returns the form a number takes here.
    pub(super) fn form(&self) -> Form {
        let noun = self.out.last_word();
        if noun.is_empty() {
            Form::Citation
        } else if self.options.human && self.counts_people(noun) {
            Form::Human
        } else {
            Form::Attributive
        }
    }

    /// Returns whether `noun`, the last word, takes the number forms for people. Books and the young of animals do not.
    fn counts_people(&self, noun: &str) -> bool {
        is_people(noun)
            && !self.after_book()
            && !(noun == "mma" && ANIMALS.contains(&self.out.word_before_last()))
    }

    /// Puts the noun of a number before it, once.
    pub(super) fn put_noun(&mut self, noun: &'static str) {
        let repeated = self.out.ends_with("kɔsi") && self.noun == noun;
        if !repeated && !self.out.ends_with(noun) {
            self.out.word(noun);
        }
        self.noun = noun;
    }

    /// Returns the character at `i`, or a space past the end.
    pub(super) fn peek(&self, i: usize) -> char {
        step(1);
        self.chars.get(i).copied().unwrap_or(' ')
    }

    pub(super) fn digit(&self, i: usize) -> bool {
        self.peek(i).is_ascii_digit()
    }

    /// Returns the end of the digits that start at `i`.
    pub(super) fn digits_end(&self, i: usize) -> usize {
        let length = self.chars[i.min(self.chars.len())..]
            .iter()
            .take_while(|c| c.is_ascii_digit())
            .count();
        step(length);
        i + length
    }

    /// Returns the end of the letters that start at `i`.
    pub(super) fn letters_end(&self, i: usize) -> usize {
        let length = self.chars[i.min(self.chars.len())..]
            .iter()
            .take_while(|c| is_letter(**c))
            .count();
        step(length);
        i + length
    }

    /// Returns whether `text` is at `i`.
    pub(super) fn starts_with(&self, i: usize, text: &str) -> bool {
        text.chars().enumerate().all(|(k, c)| self.peek(i + k) == c)
    }

    pub(super) fn skip_spaces(&self, i: usize) -> usize {
        let length = self.chars[i.min(self.chars.len())..]
            .iter()
            .take_while(|c| **c == ' ')
            .count();
        step(length);
        i + length
    }

    /// Returns whether there is no letter or digit at `i`.
    pub(super) fn boundary(&self, i: usize) -> bool {
        let c = self.peek(i);
        !is_letter(c) && !c.is_ascii_digit()
    }

    /// Returns whether the current character is the first of its token.
    pub(super) fn starts_word(&self) -> bool {
        self.at == 0 || self.boundary(self.at - 1)
    }

    pub(super) fn slice(&self, from: usize, to: usize) -> String {
        step(to - from);
        self.chars[from..to].iter().collect()
    }

    /// Returns the number written by the digits in `from..to`, or one too large for any rule.
    pub(super) fn small(&self, from: usize, to: usize) -> u32 {
        self.slice(from, to).parse().unwrap_or(u32::MAX)
    }

    /// Returns the lower-case letters in `from..to`.
    pub(super) fn lower(&self, from: usize, to: usize) -> String {
        step(to - from);
        self.chars[from..to]
            .iter()
            .map(|c| crate::alphabet::lower(*c))
            .collect()
    }
}

/// Nouns for people in the plural; most end in -foɔ.
fn is_people(noun: &str) -> bool {
    const PEOPLE: [&str; 25] = [
        "nnipa",
        "mmaa",
        "mmarima",
        "mmɔfra",
        "mmofra",
        "anuanom",
        "nuanom",
        "asuafo",
        "nananom",
        "nnamfonom",
        "agyanom",
        "enanom",
        "yerenom",
        "mmabunu",
        "mmabaawa",
        "nkurɔfo",
        "mmammarima",
        "mmammaa",
        "mmerante",
        "mmerantee",
        "mmeranteɛ",
        "mmea",
        "mma",
        "wɔn",
        "yɛn",
    ];
    PEOPLE.contains(&noun)
        || noun.len() > 5 && noun.ends_with("foɔ")
        // The telephone is not a person, despite its ending.
        || noun.len() > 4 && noun.ends_with("fo") && noun != "ahomatrofo"
}

/// Animals, whose young are not counted as children.
const ANIMALS: [&str; 14] = [
    "anantwie",
    "nantwie",
    "nnantwie",
    "nnwan",
    "odwan",
    "mmirekyie",
    "abirekyie",
    "nkokɔ",
    "akokɔ",
    "mprako",
    "prako",
    "nkraman",
    "ɔkraman",
    "mmoa",
];
