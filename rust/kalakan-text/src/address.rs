//! Where URLs, e-mail addresses and mentions end.

/// Top-level domains that are no Twi words; me, na, so and to are.
#[rustfmt::skip]
const DOMAINS: [&str; 27] = [
    "com", "org", "net", "edu", "gov", "mil", "int", "info", "biz", "io", "co", "app", "dev", "gh", "uk", "ng", "za",
    "ke", "us", "tv", "ci", "tg", "de", "online", "site", "africa", "blog",
];

/// Longer than any address that is read aloud; bounds the work on text without spaces.
const LONGEST: usize = 2048;

fn is_address_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~:/?#@!$&*+,;=%".contains(c)
}

/// Returns the end of the address that starts at `start`, if one does.
pub(crate) fn end(chars: &[char], start: usize) -> Option<usize> {
    let first = *chars.get(start)?;
    let joined =
        start > 0 && (is_address_char(chars[start - 1]) || chars[start - 1].is_alphanumeric());
    if joined || !(first.is_ascii_alphanumeric() || first == '@') {
        return None;
    }
    let length = chars[start..]
        .iter()
        .take(LONGEST)
        .take_while(|c| is_address_char(**c))
        .count();
    let signs = |c: &char| matches!(c, '.' | '@' | ':');
    if !chars[start..start + length].iter().any(signs) {
        return None;
    }
    if chars
        .get(start + length)
        .is_some_and(|c| c.is_alphanumeric())
    {
        // "kɔ.com": a host has ASCII letters only.
        return None;
    }
    let mut text: String = chars[start..start + length].iter().collect();
    text.truncate(
        text.trim_end_matches(['.', ',', '!', '?', ';', ':', '*', '~', '&', '=', '+'])
            .len(),
    );
    is_address(&text).then_some(start + text.len())
}

fn is_address(text: &str) -> bool {
    let low = text.to_ascii_lowercase();
    if let Some(name) = low.strip_prefix('@') {
        return !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
    }
    if let Some((scheme, rest)) = low.split_once("://") {
        return matches!(scheme, "http" | "https" | "ftp")
            && rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    }
    if let Some((local, domain)) = low.split_once('@') {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+');
        return !local.is_empty()
            && local.bytes().all(plain)
            && domain.contains('.')
            && domain.bytes().all(plain);
    }
    let host = low.split(['/', '?', '#', ':']).next().unwrap_or("");
    let named = host.starts_with("www.") && host.len() > 4;
    let Some((labels, domain)) = host.rsplit_once('.') else {
        return false;
    };
    let label =
        |l: &str| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    labels.split('.').all(label)
        && label(domain)
        && (named || DOMAINS.contains(&domain) && labels.bytes().any(|b| b.is_ascii_alphabetic()))
}
