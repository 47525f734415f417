//! The rules of the normalizer in their order: at each place the first that reads what stands there counts.

use super::scanner::Scanner;

/// What the character can be that a rule starts with, one bit each.
pub(super) mod starts {
    /// The end of a line.
    pub const LINE: u8 = 1;
    /// A small letter.
    pub const SMALL: u8 = 1 << 1;
    /// A capital.
    pub const CAPITAL: u8 = 1 << 2;
    /// A letter.
    pub const WORD: u8 = SMALL | CAPITAL;
    /// A digit, or a sign that belongs to the number after it: - + . $.
    pub const FIGURE: u8 = 1 << 3;
    /// # or @.
    pub const TAG: u8 = 1 << 4;
    /// A pause mark.
    pub const MARK: u8 = 1 << 5;
    /// A hyphen or dash.
    pub const DASH: u8 = 1 << 6;
    /// Any other sign, and white space.
    pub const SIGN: u8 = 1 << 7;
}

/// What a rule leaves behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// A number: a unit, a dash or the name of money may follow.
    Number,
    /// A word: with a capital it may be a name.
    Word,
    /// Anything else.
    Other,
}

/// One way of reading what stands at the scanner's place.
pub(super) struct Rule {
    /// What it reads.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reader and the tests"))]
    pub name: &'static str,
    /// What it can start with.
    pub starts: u8,
    /// What it leaves behind.
    pub reads: Reads,
    /// Reads and moves on, or returns false and has done nothing.
    pub read: fn(&mut Scanner) -> bool,
}

/// A row of the table. A method of a type with a lifetime is a function of any lifetime only in a closure.
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

/// All rules, first come, first served.
#[rustfmt::skip]
pub(super) static RULES: &[Rule] = {
    use starts::{CAPITAL, DASH, FIGURE, LINE, MARK, SIGN, TAG, WORD};
    use Reads::{Number, Other, Word};
    &[
        rule!("line end", LINE, Other, line_end),
        rule!("address", WORD | FIGURE, Other, address),
        rule!("identifier", WORD | FIGURE, Other, identifier),
        rule!("money by its code", WORD, Number, money_code),
        rule!("money without a figure", CAPITAL | SIGN, Other, lone_money),
        rule!("plate", CAPITAL, Other, plate),
        rule!("book in capitals", CAPITAL, Word, loud_book),
        rule!("short name of a book", CAPITAL, Word, short_book),
        rule!("degree", WORD, Word, degree),
        rule!("letters with dots", WORD, Word, dotted_letters),
        rule!("abbreviation", WORD, Word, abbreviation),
        rule!("title without a dot", CAPITAL, Word, bare_title),
        rule!("cedis before the figure", WORD, Word, cedis_first),
        rule!("to between numbers", WORD, Word, until),
        rule!("x between numbers", WORD, Word, times),
        rule!("Roman numeral", CAPITAL, Word, roman_word),
        rule!("Roman label", CAPITAL, Other, roman_label),
        rule!("option letter", WORD, Other, option_letter),
        rule!("stammer", CAPITAL, Word, stammer),
        rule!("month and day", WORD, Word, month_first),
        rule!("short month and year", CAPITAL, Word, short_month),
        rule!("word", WORD, Word, plain_word),
        rule!("telephone number", FIGURE, Number, phone),
        rule!("date in figures", FIGURE, Number, numeric_date),
        rule!("days of a month", FIGURE, Number, day_range),
        rule!("day and month", FIGURE, Number, day_first),
        rule!("year and month", FIGURE, Number, year_month),
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
        rule!("sign", SIGN, Other, sign),
    ]
};

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
