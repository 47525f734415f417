//! Currencies: the signs and codes of `data/currencies.tsv`, shared by all rules.

use std::sync::LazyLock;

/// A currency sign or code, and its spoken form.
#[derive(Debug)]
pub(crate) struct Currency {
    /// The sign or code, letters in capitals; texts write it in any case.
    pub sign: &'static str,
    /// It occurs only after its figure, as the p of pesewas.
    after_only: bool,
    /// Words before the figure.
    pub noun: &'static str,
    /// The subunit, where Twi has a word for it.
    pub hundredth: &'static str,
    /// English words after the figure, in the plural.
    pub english: &'static str,
    /// The subunit in English.
    pub english_hundredth: &'static str,
    /// Other characters that are used for the sign.
    typed: Vec<char>,
}

struct Table {
    /// Longest sign first.
    rows: Vec<Currency>,
    /// The signs that are a single non-letter character.
    signs: Vec<char>,
    /// Small first letters of the codes, one bit per letter.
    letters: u32,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let lines = include_str!("../data/currencies.tsv").lines().skip(1);
    let mut rows: Vec<Currency> = lines.filter_map(row).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.sign.chars().count()));
    let first = |row: &Currency| row.sign.chars().next().unwrap_or(' ');
    let signs = rows.iter().filter(|row| row.is_one_sign()).map(first);
    let letter = |c: char| c.is_ascii_alphabetic().then(|| bit(c));
    Table {
        signs: signs.collect(),
        letters: rows
            .iter()
            .map(first)
            .filter_map(letter)
            .fold(0, |all, bit| all | bit),
        rows,
    }
});

fn row(line: &'static str) -> Option<Currency> {
    let mut fields = line.split('\t');
    let mut next = || fields.next();
    Some(Currency {
        sign: next()?,
        after_only: next()? == "after",
        noun: next()?,
        hundredth: next()?,
        english: next()?,
        english_hundredth: next()?,
        typed: next()?.chars().filter(|c| *c != ' ').collect(),
    })
}

fn bit(letter: char) -> u32 {
    1 << ((letter as u32 | 0x20) - u32::from(b'a'))
}

impl Currency {
    fn is_one_sign(&self) -> bool {
        let mut chars = self.sign.chars();
        chars.next().is_some_and(|c| !c.is_alphabetic()) && chars.next().is_none()
    }

    /// Two letters alone are money only where a figure touches them: GH is Ghana too.
    pub fn needs_touch(&self) -> bool {
        self.sign.len() == 2 && self.sign.is_ascii() && self.sign != "GP" || self.after_only
    }
}

/// Returns all signs and codes, longest first, and whether it occurs only after its figure.
pub fn signs() -> impl Iterator<Item = (&'static str, bool)> {
    TABLE.rows.iter().map(|row| (row.sign, row.after_only))
}

/// Returns the characters that are typed for another sign, and that sign.
pub fn typed() -> impl Iterator<Item = (char, &'static str)> {
    let each = |row: &'static Currency| row.typed.iter().map(|c| (*c, row.sign));
    TABLE.rows.iter().flat_map(each)
}

/// Returns whether `c` is a currency sign by itself.
pub(crate) fn is_sign(c: char) -> bool {
    (c == '$' || c as u32 >= 0xA2) && TABLE.signs.contains(&c)
}

/// Returns the sign that `c` is or represents.
pub(crate) fn sign_of(c: char) -> Option<char> {
    if is_sign(c) {
        return Some(c);
    }
    let row = TABLE.rows.iter().find(|row| row.typed.contains(&c))?;
    row.sign.chars().next()
}

/// Returns whether money can start with `c`.
pub(crate) fn may_start(c: char) -> bool {
    if c.is_ascii_alphabetic() {
        TABLE.letters & bit(c) != 0
    } else {
        is_sign(c)
    }
}

/// Returns whether `word`, of letters in any case, is a currency code that precedes a figure.
pub(crate) fn is_code_before(word: &str) -> bool {
    is_code(word, |row| !row.after_only)
}

/// Returns whether `word`, of letters in any case, is a currency code that follows a figure.
pub(crate) fn is_code_after(word: &str) -> bool {
    is_code(word, |_| true)
}

fn is_code(word: &str, fits: fn(&Currency) -> bool) -> bool {
    let mut rows = TABLE.rows.iter();
    rows.any(|row| fits(row) && row.sign.eq_ignore_ascii_case(word))
}

/// Returns the currency whose sign is at `i` of repaired text before a figure, and where the sign ends.
pub(crate) fn before_figure(chars: &[char], i: usize) -> Option<(&'static Currency, usize)> {
    find(chars, i, |row| !row.after_only)
}

/// Returns the currency whose sign is at `i` of repaired text after a figure, and where the sign ends.
pub(crate) fn after_figure(chars: &[char], i: usize) -> Option<(&'static Currency, usize)> {
    find(chars, i, |_| true)
}

fn find(
    chars: &[char],
    i: usize,
    fits: fn(&Currency) -> bool,
) -> Option<(&'static Currency, usize)> {
    if !may_start(*chars.get(i)?) {
        return None;
    }
    let here = |row: &Currency| {
        let mut at = i;
        row.sign.chars().all(|c| {
            at += 1;
            chars
                .get(at - 1)
                .is_some_and(|found| found.to_ascii_uppercase() == c)
        })
    };
    let row = TABLE.rows.iter().find(|row| fits(row) && here(row))?;
    Some((row, i + row.sign.chars().count()))
}
