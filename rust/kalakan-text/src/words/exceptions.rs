//! Words that break the rules: the rows of `data/lexicon.tsv`.

use std::sync::LazyLock;

const ROWS: &str = include_str!("../../data/lexicon.tsv");

fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    ROWS.lines().skip(1).map(|line| line.split('\t').collect())
}

/// Words that have a reading of their own, and its units.
pub(crate) fn readings() -> impl Iterator<Item = (&'static str, &'static str)> {
    rows().filter_map(|row| {
        let units = row.get(1).filter(|units| !units.is_empty())?;
        Some((row[0], *units))
    })
}

/// Twi words that look foreign: rows without a reading.
pub(super) static TWI_WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    rows()
        .filter(|row| row.get(2) == Some(&"twi"))
        .map(|row| row[0])
        .collect()
});
