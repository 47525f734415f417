//! Undoes UTF-8 that was read as Windows-1252 or Latin-1, once or several times over, one character at a time.

use crate::traced::Writer;

/// Maximum depth of mojibake that is repaired in one pass: at depth 4 an ɛ takes 28 characters.
const MAX_DEPTH: usize = 4;

/// What Windows-1252 reads the bytes from 0x80 as, where it differs from Latin-1.
const CP1252: [(char, u8); 27] = [
    ('€', 0x80),
    ('‚', 0x82),
    ('ƒ', 0x83),
    ('„', 0x84),
    ('…', 0x85),
    ('†', 0x86),
    ('‡', 0x87),
    ('ˆ', 0x88),
    ('‰', 0x89),
    ('Š', 0x8a),
    ('‹', 0x8b),
    ('Œ', 0x8c),
    ('Ž', 0x8e),
    ('‘', 0x91),
    ('’', 0x92),
    ('“', 0x93),
    ('”', 0x94),
    ('•', 0x95),
    ('–', 0x96),
    ('—', 0x97),
    ('˜', 0x98),
    ('™', 0x99),
    ('š', 0x9a),
    ('›', 0x9b),
    ('œ', 0x9c),
    ('ž', 0x9e),
    ('Ÿ', 0x9f),
];

/// UTF-8 that was read as Mac Roman; other sequences were not observed.
#[rustfmt::skip]
const MAC_ROMAN: [(&str, char); 18] = [
    ("…õ", 'ɛ'), ("…î", 'ɔ'), ("∆ê", 'Ɛ'), ("∆Ü", 'Ɔ'), ("‚Äô", '’'), ("‚Äò", '‘'), ("‚Äú", '“'), ("‚Äù", '”'),
    ("‚Äì", '–'), ("‚Äî", '—'), ("‚Ä¶", '…'), ("‚Çµ", '₵'), ("√©", 'é'), ("√®", 'è'), ("√°", 'á'), ("√≥", 'ó'),
    ("√£", 'ã'), ("√≠", 'í'),
];

/// Returns what Windows-1252 has in place of a control.
pub(super) fn windows(control: char) -> Option<char> {
    let row = CP1252.iter().find(|(_, byte)| char::from(*byte) == control);
    row.map(|(c, _)| *c)
}

/// Returns whether a broken character may have been `c`: the characters of Twi texts. É, Æ and Ã are real letters too,
/// so a sequence that makes any other character is kept.
fn is_expected(c: char) -> bool {
    matches!(c,
        'ɛ' | 'ɔ' | 'Ɛ' | 'Ɔ' | 'ε' | 'Ε' | 'ͻ'
        | '\u{a0}'..='¿' | 'à'..='ú' | 'ü'..='ÿ' | 'À'..='Ã' | 'Æ'..='Ê' | 'Ì' | 'Í' | 'Ñ'..='Ó' | 'Õ' | 'Ù'..='Ý'
        | 'ā' | 'Ā' | 'ē' | 'Ē' | 'ī' | 'Ī' | 'ō' | 'Ō' | 'ū' | 'Ū' | 'ĩ' | 'Ĩ' | 'ũ' | 'Ũ' | 'ẽ' | 'Ẽ'
        | 'ń' | 'Ń' | 'ǹ' | 'Ǹ' | 'ḿ' | 'Ḿ' | 'ŋ' | 'Ŋ' | 'œ' | 'Œ'
        | '\u{300}'..='\u{304}' | '\u{308}' | '\u{30c}' | '\u{323}' | '\u{329}'
        | '\u{2000}'..='\u{243f}' | '\u{25a0}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{fe0f}' | '\u{feff}'
        | '\u{1f000}'..='\u{1faff}')
}

fn is_lead(c: char) -> bool {
    matches!(
        c,
        'Â'..='Æ'
            | 'Ç'
            | 'É'
            | 'Ì'
            | 'Í'
            | 'Î'
            | 'á'
            | 'â'
            | 'ï'
            | 'ð'
            | '∆'
            | '…'
            | '‚'
            | '√'
    )
}

/// Returns whether `text` holds a letter that broken sequences start with.
pub(super) fn is_suspect(text: &str) -> bool {
    text.chars().any(is_lead)
}

/// Writes `text` with every broken sequence repaired as a whole.
pub(super) fn repair(text: &str, writer: &mut Writer) {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        writer.cut(text.len() - rest.len());
        let (repaired, taken) = sequence(rest, c, &writer.text).unwrap_or((c, c.len_utf8()));
        writer.text.push(repaired);
        rest = &rest[taken..];
    }
}

/// The character that the broken sequence at the start of `rest` was, and the bytes of the sequence.
fn sequence(rest: &str, first: char, before: &str) -> Option<(char, usize)> {
    if !is_lead(first) {
        return None;
    }
    if let Some((written, c)) = MAC_ROMAN
        .iter()
        .find(|(written, _)| rest.starts_with(written))
    {
        return Some((*c, written.len()));
    }
    // Deepest first: a doubly broken character must not be decoded as several singly broken ones.
    let found = (1..=MAX_DEPTH)
        .rev()
        .find_map(|depth| broken(rest, depth).filter(|(c, _)| is_expected(*c)))
        .or_else(|| straightened(rest, before))?;
    (!closes_capitals(&rest[..found.1], &rest[found.1..], before)).then_some(found)
}

/// The character whose UTF-8 was `depth` times read as single bytes, and the bytes it takes up now.
fn broken(text: &str, depth: usize) -> Option<(char, usize)> {
    let (lead, mut at) = byte(text, depth)?;
    let length = match lead {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let mut bytes = [lead, 0, 0, 0];
    for row in 1..length {
        let (next, taken) = continuation(&bytes[..row], &text[at..], depth)?;
        bytes[row] = next;
        at += taken;
    }
    let c = std::str::from_utf8(&bytes[..length]).ok()?.chars().next()?;
    Some((c, at))
}

/// The byte that follows `before` in UTF-8, which other tools may have damaged: a no-break space has become a space,
/// and the five bytes that Windows-1252 has no character for are written as U+FFFD or left out.
fn continuation(before: &[u8], text: &str, depth: usize) -> Option<(u8, usize)> {
    match before {
        [0xc2] if depth == 1 && text.starts_with(' ') => return Some((0xa0, 1)),
        [0xc6] if depth == 2 && text.starts_with("â€ ") => return Some((0x86, "â€ ".len())),
        _ => {}
    }
    let whole = byte(text, depth).filter(|(next, _)| (0x80..0xc0).contains(next));
    whole.or_else(|| {
        let unread = match depth {
            1 => text.strip_prefix('\u{fffd}'),
            2 => text
                .strip_prefix('Â')
                .map(|rest| rest.strip_prefix('\u{fffd}').unwrap_or(rest)),
            _ => None,
        };
        let taken = unread.map(|rest| text.len() - rest.len());
        match before {
            [0xc4 | 0xcc] => Some((0x81, taken?)),
            [0xc5] => Some((0x8d, taken?)),
            [0xc6] => Some((0x90, taken?)),
            [0xe2, 0x80] => Some((0x9d, taken.unwrap_or(0))),
            _ => None,
        }
    })
}

/// The original byte at the start of `text` before it was broken `depth` times.
fn byte(text: &str, depth: usize) -> Option<(u8, usize)> {
    let (c, taken) = match depth {
        1 => text.chars().next().map(|c| (c, c.len_utf8()))?,
        _ => broken(text, depth - 1)?,
    };
    let special = CP1252.iter().find(|(special, _)| *special == c);
    let latin = || u8::try_from(c).ok().filter(|latin| *latin >= 0x80);
    Some((special.map(|row| row.1).or_else(latin)?, taken))
}

/// The ɔ whose `É”` became `É"` in a second tool.
fn straightened(rest: &str, before: &str) -> Option<(char, usize)> {
    let after = rest.strip_prefix("É\"")?.chars().next();
    let touches = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    (touches(before.chars().next_back()) || touches(after)).then_some(('ɔ', 3))
}

/// Returns whether a sequence is a real letter at the end of capitals and the mark after them, as in “CAFÉ”.
fn closes_capitals(sequence: &str, after: &str, before: &str) -> bool {
    let mark = |c: char| matches!(c, '"' | '‘'..='„' | '‹' | '›' | '–' | '—' | '…' | '•' | '™');
    sequence.chars().count() == 2
        && sequence.ends_with(mark)
        && !after.starts_with(char::is_alphabetic)
        && before
            .chars()
            .rev()
            .take(2)
            .filter(|c| c.is_uppercase())
            .count()
            == 2
}
