//! Where URLs, e-mail addresses, file names and mentions end.

use crate::alphabet::is_letter;
use crate::spelling::are_initials;
use crate::steps::step;
use crate::words::is_twi_word;

/// Top-level domains that are not Twi words; me, na, so and to are.
#[rustfmt::skip]
const DOMAINS: [&str; 29] = [
    "com", "org", "net", "edu", "gov", "mil", "int", "info", "biz", "io", "co", "app", "dev", "gh", "uk", "ng", "za",
    "ke", "us", "tv", "ci", "tg", "de", "online", "site", "africa", "blog", "ly", "gg",
];

/// Maximum length of an address; bounds the work on text without spaces.
const LONGEST: usize = 2048;

/// File name extensions; js and py alone are names too, but not before a dot.
#[rustfmt::skip]
const FILES: [&str; 40] = [
    "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt", "csv", "tsv", "md", "json", "xml", "yaml", "yml", "zip", "rar",
    "gz", "jpg", "jpeg", "png", "gif", "svg", "webp", "mp3", "mp4", "wav", "ogg", "flac", "avi", "mov", "mkv", "js", "ts",
    "py", "rs", "html", "css", "exe", "apk",
];

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
    // "kɔ.com": a host has ASCII letters only; what follows its slash may have any.
    let mut path = false;
    let length = chars[start..]
        .iter()
        .take(LONGEST)
        .enumerate()
        .take_while(|(i, c)| {
            let slash = **c == '/' && *i > 0 && !matches!(chars[start + i - 1], '/' | ':');
            path |= slash && chars.get(start + i + 1) != Some(&'/');
            is_address_char(**c) || path && is_letter(**c)
        })
        .count();
    step(length);
    let signs = |c: &char| matches!(c, '.' | '@' | ':');
    if !chars[start..start + length].iter().any(signs) {
        return None;
    }
    if chars
        .get(start + length)
        .is_some_and(|c| c.is_alphanumeric())
    {
        return None;
    }
    let mut text: String = chars[start..start + length].iter().collect();
    if is_initials(&text) {
        return None;
    }
    text.truncate(
        text.trim_end_matches(['.', ',', '!', '?', ';', ':', '*', '~', '&', '=', '+'])
            .len(),
    );
    is_address(&text).then(|| start + text.chars().count())
}

/// Returns whether `text` is single letters with dots, as "r.i.p." and "a.k.a", and not labels, as "a.b.c".
fn is_initials(text: &str) -> bool {
    let text = text.trim_end_matches([',', '!', '?', ';', ':']);
    let letters = text.strip_suffix('.').unwrap_or(text);
    let single = letters.split('.').all(|part| part.len() == 1);
    let joined: String = letters.split('.').collect();
    single && (letters.len() < text.len() || are_initials(&joined.to_ascii_lowercase()))
}

/// Returns whether `host` is a name of three or more labels in small letters, as of a package: com.example.app, a.b.c.
/// Three words of Twi are sentences without spaces.
fn is_dotted_name(host: &str) -> bool {
    let label = |l: &str| {
        l.starts_with(|c: char| c.is_ascii_lowercase())
            && l.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
    };
    host.split('.').count() > 2
        && host.split('.').all(label)
        && !host.split('.').all(|l| l.len() > 1 && is_twi_word(l))
}

/// Returns whether `rest` after a host of an unknown domain is a path, and the `domain` may be one: youtu.be/abc.
fn has_path(domain: &str, rest: &str) -> bool {
    let path = rest.strip_prefix('/');
    (2..=3).contains(&domain.len())
        && domain.bytes().all(|b| b.is_ascii_lowercase())
        && path.is_some_and(|path| path.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

fn is_address(text: &str) -> bool {
    let low = text.to_ascii_lowercase();
    let low = low.strip_prefix("mailto:").unwrap_or(&low);
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
        let port = low.strip_prefix("localhost:");
        return port.is_some_and(|port| port.starts_with(|c: char| c.is_ascii_digit()));
    };
    if text.starts_with(host) && is_dotted_name(host) {
        return true;
    }
    let label = |l: &str| {
        !l.is_empty()
            && l.bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    labels.split('.').all(label)
        && label(domain)
        && (named
            || (DOMAINS.contains(&domain)
                || has_path(domain, &low[host.len()..])
                || host.len() == low.len() && FILES.contains(&domain))
                && labels.bytes().any(|b| b.is_ascii_alphabetic()))
}
