//! The rules of the normalizer in their order: at each position the first one that matches is applied.

use std::sync::LazyLock;

use super::scanner::Scanner;

/// Classes of what a rule can start with, one bit each.
pub(super) mod starts {
    /// The end of a line.
    pub const LINE: u16 = 1;
    /// A word with a small first letter that stands alone: a space or a pause that is no part of words comes after it.
    pub const SMALL_ALONE: u16 = 1 << 1;
    /// A word with a small first letter that something else touches: a dot, a bracket, a figure, a hyphen.
    pub const SMALL_JOINED: u16 = 1 << 2;
    /// A word with a small first letter.
    pub const SMALL: u16 = SMALL_ALONE | SMALL_JOINED;
    /// A word with a capital that stands alone.
    pub const CAPITAL_ALONE: u16 = 1 << 3;
    /// A word with a capital that something else touches.
    pub const CAPITAL_JOINED: u16 = 1 << 4;
    /// A word with a capital.
    pub const CAPITAL: u16 = CAPITAL_ALONE | CAPITAL_JOINED;
    /// A word that something else touches.
    pub const JOINED: u16 = SMALL_JOINED | CAPITAL_JOINED;
    /// A word.
    pub const WORD: u16 = SMALL | CAPITAL;
    /// A digit, or a sign that belongs to the number after it: - + . $.
    pub const FIGURE: u16 = 1 << 5;
    /// # or @.
    pub const TAG: u16 = 1 << 6;
    /// A pause mark.
    pub const MARK: u16 = 1 << 7;
    /// A hyphen or dash.
    pub const DASH: u16 = 1 << 8;
    /// Any other sign, and whitespace but spaces.
    pub const SIGN: u16 = 1 << 9;
}

/// Number of classes.
const CLASSES: usize = 10;

/// State after a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// A number: a unit, a dash or the name of money may follow.
    Number,
    /// A word: with a capital it may be a name.
    Word,
    /// Anything else.
    Other,
}

/// One rule for the text at the scanner's position.
pub(super) struct Rule {
    /// Name.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reader and the tests"))]
    pub name: &'static str,
    /// Classes of its first character.
    pub starts: u16,
    /// State after it.
    pub reads: Reads,
    /// Reads and advances, or returns false without any effect.
    pub read: fn(&mut Scanner) -> bool,
}

/// A row of the table. Only a closure makes a method of a type with a lifetime generic over it.
macro_rules! rule {
    ($name:literal, $starts:expr, $reads:expr, $read:ident) => {
        Rule {
            name: $name,
            starts: $starts,
            reads: $reads,
            read: |scanner| scanner.$read(),
        }
    };
}

/// All rules, in order of precedence.
#[rustfmt::skip]
pub(super) static RULES: &[Rule] = {
    use starts::{CAPITAL, DASH, FIGURE, JOINED, LINE, MARK, SIGN, SMALL_JOINED, TAG, WORD};
    use Reads::{Number, Other, Word};
    &[
        rule!("line end", LINE, Other, line_end),
        rule!("address", JOINED | FIGURE, Other, address),
        rule!("identifier", JOINED | FIGURE, Other, identifier),
        rule!("money by its code", WORD, Number, money_code),
        rule!("money without a figure", CAPITAL | SIGN, Other, lone_money),
        rule!("plate", CAPITAL, Other, plate),
        rule!("book in capitals", CAPITAL, Word, loud_book),
        rule!("short name of a book", CAPITAL, Word, short_book),
        rule!("degree", JOINED, Word, degree),
        rule!("letters with dots", JOINED, Word, dotted_letters),
        rule!("abbreviation", JOINED, Word, abbreviation),
        rule!("title without a dot", CAPITAL, Word, bare_title),
        rule!("suffix without a dot", CAPITAL, Word, bare_suffix),
        rule!("cedis before the figure", WORD, Word, cedis_first),
        rule!("to between numbers", WORD, Word, until),
        rule!("x between numbers", WORD, Word, times),
        rule!("Roman numeral", CAPITAL, Word, roman_word),
        rule!("Roman label", CAPITAL, Other, roman_label),
        rule!("small Roman label", SMALL_JOINED, Other, small_roman_label),
        rule!("option letter", CAPITAL | SMALL_JOINED, Other, option_letter),
        rule!("stammer", CAPITAL, Word, stammer),
        rule!("month and day", WORD, Word, month_first),
        rule!("short month and year", CAPITAL, Word, short_month),
        rule!("short name of a day or month", CAPITAL, Word, short_name),
        rule!("word", WORD, Word, plain_word),
        rule!("figures one by one", FIGURE, Number, one_by_one),
        rule!("telephone number", FIGURE, Number, phone),
        rule!("date in figures", FIGURE, Number, numeric_date),
        rule!("days of a month", FIGURE, Number, day_range),
        rule!("day and month", FIGURE, Number, day_first),
        rule!("year and month", FIGURE, Number, year_month),
        rule!("month and year", FIGURE, Number, month_year),
        rule!("verse with spaces", FIGURE, Number, spaced_verse),
        rule!("time, verse or ratio", FIGURE, Number, clock),
        rule!("time of four figures", FIGURE, Number, military),
        rule!("duration", FIGURE, Number, duration),
        rule!("chain of figures", FIGURE, Number, chain),
        rule!("code after its name", FIGURE, Number, secret),
        rule!("quantity", FIGURE, Number, quantity),
        rule!("short code", TAG | SIGN, Other, short_code),
        rule!("hashtag", TAG, Other, hashtag),
        rule!("mention", TAG, Other, mention),
        rule!("marks", MARK, Other, marks),
        rule!("dashes", DASH, Other, dashes),
        rule!("figure said twice", SIGN, Other, said_twice),
        rule!("operator", SIGN, Other, operator),
        rule!("bracket", SIGN, Other, bracket),
        rule!("cell or item", SIGN, Other, cell),
        rule!("sign", SIGN, Other, sign),
    ]
};

/// The rules of each class, in their order: most places need a few of them only.
static BY_CLASS: LazyLock<[Vec<&'static Rule>; CLASSES]> = LazyLock::new(|| {
    std::array::from_fn(|class| {
        let rules = RULES.iter();
        rules.filter(|rule| rule.starts & 1 << class != 0).collect()
    })
});

/// The rules for what starts with one of `starts`, in their order.
pub(super) fn rules_of(starts: u16) -> &'static [&'static Rule] {
    &BY_CLASS[starts.trailing_zeros() as usize]
}

#[cfg(test)]
mod tests {
    use super::RULES;

    #[test]
    fn every_rule_has_a_name_of_its_own_and_a_start() {
        for (at, rule) in RULES.iter().enumerate() {
            assert_ne!(rule.starts, 0, "{}", rule.name);
            assert!(
                RULES[..at].iter().all(|other| other.name != rule.name),
                "{}",
                rule.name
            );
        }
    }
}
