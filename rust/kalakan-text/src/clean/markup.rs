//! Drops tags, entities and emoticons: written for a screen, not for the voice.

use crate::traced::Writer;

const ENTITIES: [(&str, char); 8] = [
    ("nbsp;", ' '),
    ("quot;", '"'),
    ("apos;", '\''),
    ("#39;", '\''),
    ("#x27;", '\''),
    ("lt;", '<'),
    ("gt;", '>'),
    ("hellip;", '…'),
];

/// Longest tag believed to be one; a lone `<` must not swallow a page.
const TAG_LENGTH: usize = 256;

/// Writes `text` without tags, entities and emoticons.
pub(super) fn strip(text: &str, writer: &mut Writer) {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        writer.cut(text.len() - rest.len());
        let out = &mut writer.text;
        let before = out.chars().next_back();
        let taken = match c {
            '&' => entity(rest, out),
            '<' => heart(rest).max(tag(rest)),
            '[' => language(rest),
            ':' | ';' | '=' => emoticon(rest, before),
            _ => 0,
        };
        if taken == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            if c != '&' {
                out.push(' ');
            }
            rest = &rest[taken..];
        }
    }
}

fn entity(rest: &str, out: &mut String) -> usize {
    let mut end = 1;
    // Text that went through two tools carries &amp;amp;.
    while rest[end..].starts_with("amp;") {
        end += 4;
    }
    match ENTITIES
        .iter()
        .find(|(name, _)| rest[end..].starts_with(name))
    {
        Some((name, c)) => {
            out.push(*c);
            end + name.len()
        }
        None if end > 1 => {
            out.push('&');
            end
        }
        None => 0,
    }
}

/// `[en]school[/en]`: the marks of a language are not spoken.
fn language(rest: &str) -> usize {
    const MARKS: [&str; 4] = ["[en]", "[/en]", "[tw]", "[/tw]"];
    MARKS
        .iter()
        .find(|mark| rest.starts_with(*mark))
        .map_or(0, |mark| mark.len())
}

/// The length of `<3`, where it is no comparison with a longer number.
fn heart(rest: &str) -> usize {
    let more = |c: char| c.is_alphanumeric() || matches!(c, '.' | ',');
    match rest.strip_prefix("<3") {
        Some(after) if !after.starts_with(more) => 2,
        _ => 0,
    }
}

fn tag(rest: &str) -> usize {
    let Some(close) = rest
        .char_indices()
        .take(TAG_LENGTH)
        .find(|(i, c)| *c == '>' || *i > 0 && *c == '<')
    else {
        return 0;
    };
    if close.1 != '>' {
        return 0;
    }
    let inner = rest[1..close.0].trim_matches('/');
    let name = inner
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(inner.len());
    let named = inner.starts_with(|c: char| c.is_ascii_alphabetic());
    let attributes = inner[name..].trim();
    if named
        && (attributes.is_empty() || inner[name..].starts_with(' ') && attributes.contains('='))
    {
        close.0 + 1
    } else {
        0
    }
}

fn emoticon(rest: &str, before: Option<char>) -> usize {
    let eyes = 1;
    let nose = usize::from(rest[eyes..].starts_with('-'));
    let mut mouths = rest[eyes + nose..].chars();
    let mouth = match mouths.next() {
        Some(')' | '(' | ']' | '[' | '*') => true,
        // Letters are mouths only when nothing is joined to the face: "mu:Da" is text.
        Some('D' | 'P' | 'p') => {
            before.is_none_or(char::is_whitespace)
                && mouths.next().is_none_or(|c| !c.is_alphanumeric())
        }
        _ => false,
    };
    if mouth {
        eyes + nose + 1
    } else {
        0
    }
}
