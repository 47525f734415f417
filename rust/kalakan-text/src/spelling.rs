//! Names of letters and signs, for spelling out.

use std::sync::LazyLock;

/// Letter names as used in Ghana, from a to z.
#[rustfmt::skip]
const LETTERS: [&str; 26] = [
    "ee", "bii", "sii", "dii", "ii", "ɛf", "gyii", "ɛɛkye", "ai", "gyee", "kee", "ɛl", "ɛm", "ɛn", "oo", "pii",
    "kuu", "aa", "ɛs", "tii", "yuu", "vii", "dabuliu", "ɛks", "wai", "zɛd",
];

static SIGNS: LazyLock<Vec<(char, &'static str)>> = LazyLock::new(|| {
    let rows = include_str!("../data/signs.tsv").lines().skip(1);
    let row = |line: &'static str| {
        let (sign, name) = line.split_once('\t')?;
        Some((sign.chars().next()?, name))
    };
    rows.filter_map(row).collect()
});

/// Returns the letters of the Twi alphabet and of loans with their names; ɛ and ɔ are their own.
pub fn letters() -> impl Iterator<Item = (char, &'static str)> {
    let latin = ('a'..='z').zip(LETTERS);
    latin.chain([('ɛ', "ɛ"), ('ɔ', "ɔ"), ('ŋ', "ɛn")])
}

/// Returns the signs that have a name in addresses and codes.
pub fn signs() -> impl Iterator<Item = (char, &'static str)> {
    SIGNS.iter().copied()
}

/// Returns the name of a sign.
pub(crate) fn sign_name(sign: char) -> Option<&'static str> {
    signs().find(|(c, _)| *c == sign).map(|(_, name)| name)
}

/// Returns whether small `letters` with dots between them are initials even without a dot at the end, as in a.k.a;
/// others are labels of a dotted name, as in a.b.c.
pub(crate) fn are_initials(letters: &str) -> bool {
    const INITIALS: [&str; 15] = [
        "ad", "aka", "bc", "dob", "eg", "jhs", "otp", "po", "ps", "rip", "shs", "sms", "uk", "us",
        "usa",
    ];
    INITIALS.contains(&letters)
}

/// Returns whether `word` is the name of a letter as the normalizer writes it.
pub(crate) fn is_letter_name(word: &str) -> bool {
    LETTERS.contains(&word)
}

/// Returns the names of the lower-case ASCII `letters`.
pub(crate) fn letter_names(letters: &str) -> String {
    let mut names = String::new();
    for b in letters.bytes().filter(u8::is_ascii_lowercase) {
        if !names.is_empty() {
            names.push(' ');
        }
        names.push_str(LETTERS[usize::from(b - b'a')]);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::signs;

    #[test]
    fn every_row_of_the_signs_is_read() {
        let rows = include_str!("../data/signs.tsv").lines().count() - 1;
        assert_eq!(signs().count(), rows);
        assert!(signs().all(|(sign, name)| !sign.is_alphanumeric() && !name.is_empty()));
    }
}
