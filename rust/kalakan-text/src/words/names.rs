//! Names of Twi people and places in English spelling: the rows of `data/names.tsv`.

use std::collections::HashSet;
use std::sync::LazyLock;

const ROWS: &str = include_str!("../../data/names.tsv");

static NAMES: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| names().map(|(name, _)| name).collect());

/// Each name and its Twi spelling.
pub(crate) fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROWS.lines().skip(1).filter_map(|row| row.split_once('\t'))
}

/// Returns whether a word of small letters is such a name.
pub(crate) fn is_name(word: &str) -> bool {
    NAMES.contains(word)
}
