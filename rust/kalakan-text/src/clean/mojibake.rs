//! Undoes UTF-8 that was read as Windows-1252 or Latin-1, one known sequence at a time.

use crate::origin::Origin;

/// Broken sequence and what it was. Never a blind re-decode: É, Æ and Ã are real letters too.
#[rustfmt::skip]
const REPAIRS: &[(&str, &str)] = &[
    ("É›", "ɛ"), ("É\u{9b}", "ɛ"), ("É”", "ɔ"), ("É\u{94}", "ɔ"),
    ("Æ†", "Ɔ"), ("Æ\u{86}", "Ɔ"), ("Æ\u{90}", "Ɛ"),
    ("Ã\u{a0}", "à"), ("Ã¡", "á"), ("Ã¨", "è"), ("Ã©", "é"), ("Ã¬", "ì"), ("Ã\u{ad}", "í"),
    ("Ã²", "ò"), ("Ã³", "ó"), ("Ã¹", "ù"), ("Ãº", "ú"), ("Ã£", "ã"), ("Ãµ", "õ"),
    ("Ã€", "À"), ("Ã\u{80}", "À"), ("Ã\u{81}", "Á"), ("Ãˆ", "È"), ("Ã\u{88}", "È"),
    ("Ã‰", "É"), ("Ã\u{89}", "É"), ("Ã†", "Æ"), ("Ã\u{86}", "Æ"), ("Ã‚", "Â"), ("Ã\u{82}", "Â"),
    ("Ãƒ", "Ã"), ("Ã\u{83}", "Ã"), ("ÃŒ", "Ì"), ("Ã\u{8c}", "Ì"), ("Ã¢", "â"),
    ("Ä©", "ĩ"), ("Å©", "ũ"), ("Ä\u{81}", "ā"), ("Ä“", "ē"), ("Ä\u{93}", "ē"), ("Ä«", "ī"),
    ("Å\u{8d}", "ō"), ("Å«", "ū"),
    ("Ì€", "\u{300}"), ("Ì\u{80}", "\u{300}"), ("Ì\u{81}", "\u{301}"),
    ("Ìƒ", "\u{303}"), ("Ì\u{83}", "\u{303}"), ("Ì„", "\u{304}"), ("Ì\u{84}", "\u{304}"),
    ("â€™", "'"), ("â€˜", "'"), ("â\u{80}\u{99}", "'"), ("â\u{80}\u{98}", "'"),
    ("â€œ", "\""), ("â\u{80}\u{9c}", "\""), ("â€\u{9d}", "”"), ("â\u{80}\u{9d}", "”"),
    ("â€“", "-"), ("â€”", "—"), ("â\u{80}\u{93}", "-"), ("â\u{80}\u{94}", "—"),
    ("â€¦", "…"), ("â\u{80}\u{a6}", "…"), ("â€º", "›"), ("â\u{80}\u{ba}", "›"), ("â€\u{a0}", "†"),
    ("â‚µ", "₵"), ("â\u{82}\u{b5}", "₵"), ("â‚¦", "₦"), ("â\u{82}\u{a6}", "₦"),
    ("â‚¬", "€"), ("â\u{82}\u{ac}", "€"),
    ("Â£", "£"), ("Â¢", "¢"), ("Â½", "½"), ("Â¼", "¼"), ("Â¾", "¾"), ("Â°", "°"), ("Â²", "²"), ("Â³", "³"),
    ("Â\u{a0}", " "), ("Â ", " "),
];

fn is_lead(c: char) -> bool {
    matches!(c, 'É' | 'Æ' | 'Ã' | 'Ä' | 'Å' | 'Ì' | 'â' | 'Â')
}

/// Tells whether `text` holds a letter that broken sequences start with.
pub(super) fn is_suspect(text: &str) -> bool {
    text.chars().any(is_lead)
}

/// Returns `text` with every known broken sequence repaired once.
pub(super) fn repair(text: &str, origin: &mut Origin) -> String {
    let mut out = String::with_capacity(text.len());
    let mut cuts = origin.stage();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        cuts.cut(text.len() - rest.len(), out.len());
        let (taken, replacement) = match sequence(rest, out.chars().next_back()) {
            Some((from, to)) => (from.len(), to),
            None => (c.len_utf8(), &rest[..c.len_utf8()]),
        };
        out.push_str(replacement);
        rest = &rest[taken..];
    }
    cuts.cut(text.len(), out.len());
    origin.then(cuts);
    out
}

fn sequence(rest: &str, before: Option<char>) -> Option<(&'static str, &'static str)> {
    if !rest.starts_with(is_lead) {
        return None;
    }
    if rest.starts_with("É\"") {
        return straight_quote(rest, before).then_some(("É\"", "ɔ"));
    }
    REPAIRS
        .iter()
        .find(|(from, _)| rest.starts_with(from))
        .copied()
}

/// A second tool straightened the quote of `É”`. A capital before it means a real É at the end of a
/// quotation ("CAFÉ").
fn straight_quote(rest: &str, before: Option<char>) -> bool {
    let after = rest.chars().nth(2).is_some_and(char::is_alphabetic);
    match before {
        Some(c) if c.is_alphabetic() => !c.is_uppercase(),
        _ => after,
    }
}
