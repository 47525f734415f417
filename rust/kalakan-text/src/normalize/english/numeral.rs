//! Roman numerals of an English text.

use super::words::{integer, ordinal};
use super::Reader;

/// Things that take a cardinal, not a regnal ordinal: World War II.
#[rustfmt::skip]
const COUNTED: [&str; 24] = [
    "War", "Part", "Chapter", "Volume", "Act", "Phase", "Type", "Class", "Section", "Group", "Grade", "Level", "Stage",
    "Article", "Book", "Title", "Unit", "Form", "Halt", "Schedule", "Appendix", "Table", "Figure", "Round",
];

impl Reader<'_> {
    /// "Charles III": the third. A single letter is never a numeral, since I is a word.
    pub(super) fn numeral(&mut self) -> bool {
        let rest = &self.chars[self.at..];
        let length = rest
            .iter()
            .take_while(|c| matches!(c, 'I' | 'V' | 'X'))
            .count();
        let written: String = rest[..length].iter().collect();
        let Some(value) = value(&written).filter(|_| length > 1) else {
            return false;
        };
        let Some(name) = self.name_before() else {
            return false;
        };
        if !self.starts_token() || !self.ends_token(self.at + length) {
            return false;
        }
        let words = integer(&value.to_string(), false);
        if COUNTED.contains(&name.as_str()) {
            self.say(&words);
        } else {
            self.say(&format!("the {}", ordinal(&words)));
        }
        self.writer.text.truncate(self.writer.text.trim_end().len());
        self.at += length;
        true
    }

    /// The word before the space here, if it starts with a capital and continues in lower case.
    fn name_before(&self) -> Option<String> {
        let before = self.chars[..self.at].strip_suffix(&[' '])?;
        let length = before
            .iter()
            .rev()
            .take_while(|c| c.is_alphabetic())
            .count();
        let name = &before[before.len() - length..];
        let named = name.first()?.is_uppercase() && name.get(1)?.is_lowercase();
        named.then(|| name.iter().collect())
    }
}

/// The value of a numeral below forty, in canonical form.
fn value(written: &str) -> Option<u32> {
    const ONES: [&str; 10] = ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"];
    let ones = written.trim_start_matches('X');
    let tens = written.len() - ones.len();
    let ones = ONES.iter().position(|row| *row == ones)?;
    let value = u32::try_from(10 * tens + ones).ok()?;
    (value > 0 && tens < 4).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn numerals_have_their_values() {
        let table = [("I", 1), ("IV", 4), ("IX", 9), ("XIV", 14), ("XXXIX", 39)];
        for (written, number) in table {
            assert_eq!(value(written), Some(number));
        }
        assert_eq!(
            [value(""), value("IIII"), value("VX"), value("XXXX")],
            [None; 4]
        );
    }
}
