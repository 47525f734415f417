//! Character references of HTML: &ldquo; &#8217; &amp;lt;.

use std::sync::LazyLock;

use super::mojibake;
use crate::traced::Writer;

/// Letters of the longest name in HTML's table.
const LONGEST: usize = 32;

/// Writes `text` with its character references decoded.
pub(super) fn decode(text: &str, writer: &mut Writer) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        writer.copy(&rest[..at], text.len() - rest.len());
        rest = &rest[at..];
        writer.cut(text.len() - rest.len());
        let taken = reference(rest, &mut writer.text);
        if taken == 0 {
            writer.text.push('&');
        }
        rest = &rest[taken.max(1)..];
        writer.cut(text.len() - rest.len());
    }
    writer.copy(rest, text.len() - rest.len());
}

/// Decodes the reference that `rest` starts with; returns its length in bytes.
fn reference(rest: &str, out: &mut String) -> usize {
    let mut start = 1;
    // Text that was escaped twice has &amp;amp;.
    while rest[start..].starts_with("amp;") {
        start += 4;
    }
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '#';
    let name = &rest[start..];
    let length = name
        .chars()
        .take(LONGEST)
        .take_while(|c| inside(*c))
        .count();
    let closed = length > 0 && name[length..].starts_with(';');
    let found = closed.then(|| match name[..length].strip_prefix('#') {
        Some(number) => numbered(number).map(String::from),
        None => named(&name[..length]),
    });
    if let Some(found) = found.flatten() {
        out.push_str(&found);
        start + length + 1
    } else if start > 1 {
        out.push('&');
        start
    } else {
        0
    }
}

/// The named character references of HTML, sorted by name.
static NAMED: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    let rows = include_str!("../../data/entities.tsv").lines().skip(1);
    rows.filter_map(|row| row.split_once('\t')).collect()
});

fn named(name: &str) -> Option<String> {
    let row = NAMED
        .binary_search_by(|(known, _)| (*known).cmp(name))
        .ok()?;
    Some(NAMED[row].1.to_owned())
}

/// Returns the character of a number; a C1 control means the Windows-1252 character.
fn numbered(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    let c = char::from_u32(code.ok()?)?;
    Some(mojibake::windows(c).unwrap_or(c))
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, NAMED};

    #[test]
    fn the_table_is_sorted_and_whole() {
        let rows = include_str!("../../data/entities.tsv").lines().count() - 1;
        assert_eq!(NAMED.len(), rows);
        assert!(NAMED.is_sorted_by(|a, b| a.0 < b.0));
        assert!(NAMED
            .iter()
            .all(|(name, chars)| name.len() <= LONGEST && !chars.is_empty()));
    }
}
