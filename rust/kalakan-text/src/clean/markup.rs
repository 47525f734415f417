//! Drops markup that is not read aloud: tags, notes, placeholders and emoticons.

use crate::steps::step;
use crate::traced::Writer;

/// Maximum length of a tag; a lone `<` must not remove a page of text.
const TAG_LENGTH: usize = 256;

/// Elements of HTML, and of `WebVTT` (c, v), that do not end a line.
#[rustfmt::skip]
const INLINE: &[&str] = &[
    "a", "abbr", "acronym", "audio", "b", "base", "bdi", "bdo", "big", "button", "c", "canvas", "cite", "code", "col",
    "data", "del", "dfn", "em", "embed", "font", "i", "iframe", "img", "input", "ins", "kbd", "label", "lang", "link",
    "map", "mark", "meta", "meter", "noscript", "object", "output", "param", "picture", "progress", "q", "rb", "rp",
    "rt", "ruby", "s", "samp", "script", "select", "small", "source", "span", "strike", "strong", "style", "sub", "sup",
    "svg", "template", "textarea", "time", "track", "tt", "u", "v", "var", "video", "wbr",
];

/// Elements of HTML that end the line before and after them.
#[rustfmt::skip]
const BLOCKS: &[&str] = &[
    "address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd", "details", "dialog", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "head",
    "header", "hr", "html", "legend", "li", "main", "menu", "nav", "ol", "optgroup", "option", "p", "pre", "section",
    "summary", "table", "tbody", "td", "tfoot", "th", "thead", "title", "tr", "ul",
];

/// The replacement of a tag.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trace {
    Space,
    Line,
}

/// Writes `text` without tags, notes, placeholders and emoticons.
pub(super) fn strip(text: &str, writer: &mut Writer) {
    let mut rest = text;
    let mut closers = Closers::default();
    while let Some(c) = rest.chars().next() {
        writer.cut(text.len() - rest.len());
        let out = &mut writer.text;
        let before = out.chars().next_back();
        let (taken, trace) = match c {
            '<' => angle(rest, &mut closers),
            '[' => square(rest, before),
            ':' | ';' | '=' => (emoticon(rest, before), Some(Trace::Space)),
            '\\' => (escape(rest, before), Some(Trace::Line)),
            '%' => (format_mark(rest, before), Some(Trace::Space)),
            '{' => (empty_braces(rest), Some(Trace::Space)),
            '$' => (template_mark(rest, before), None),
            '!' if rest.starts_with("![") && link(&rest[1..]) => (1, None),
            ']' => (target(rest), Some(Trace::Space)),
            _ => (0, None),
        };
        if taken == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        match trace {
            Some(Trace::Space) => out.push(' '),
            Some(Trace::Line) => out.push('\n'),
            None => {}
        }
        rest = &rest[taken..];
    }
}

/// Returns the length of a tag at the start of `rest` that ends a line, or 0.
pub(crate) fn line_tag(rest: &str) -> usize {
    if !rest.starts_with('<') {
        return 0;
    }
    match tag(rest) {
        (taken, Some(Trace::Line)) => taken,
        _ => 0,
    }
}

/// `[en]school[/en]`, `Nkrumah[1]`, `[^1]`, `[[Kumasi|Kumase]]`: language marks and notes are dropped, of a link
/// the text is kept.
fn square(rest: &str, before: Option<char>) -> (usize, Option<Trace>) {
    const MARKS: [&str; 4] = ["[en]", "[/en]", "[tw]", "[/tw]"];
    if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(*mark)) {
        return (mark.len(), Some(Trace::Space));
    }
    if let Some(link) = rest.strip_prefix("[[") {
        let end = |c: char| matches!(c, ']' | '\n' | '|');
        let name = link.char_indices().take(TAG_LENGTH).find(|(_, c)| end(*c));
        return match name {
            Some((at, '|')) => (2 + at + 1, None),
            _ => (0, None),
        };
    }
    if link(rest) {
        return (1, None);
    }
    let inner = rest[1..].strip_prefix('^').unwrap_or(&rest[1..]);
    let caret = inner.len() + 1 < rest.len();
    let length = inner.bytes().take(4).take_while(u8::is_ascii_digit).count();
    let touches = before.is_some_and(|c| {
        c.is_alphanumeric()
            || matches!(
                c,
                '.' | ',' | '!' | '?' | ';' | ':' | '"' | '\'' | ')' | ']' | '…'
            )
    });
    if (1..=3).contains(&length) && inner[length..].starts_with(']') && (caret || touches) {
        return (rest.len() - inner.len() + length + 1, None);
    }
    (0, None)
}

/// Returns whether `rest` starts with a link of Markdown, whose text is read and whose target is not: `[text](target)`.
fn link(rest: &str) -> bool {
    let end = |c: char| matches!(c, ']' | '\n');
    let close = rest
        .char_indices()
        .skip(1)
        .take(TAG_LENGTH)
        .find(|(at, c)| {
            step(1);
            end(*c) || *c == '[' && *at > 0
        });
    close.is_some_and(|(at, c)| c == ']' && at > 1 && target(&rest[at..]) > 0)
}

/// The length of "](target)" at the start of `rest`, or 0.
fn target(rest: &str) -> usize {
    let Some(address) = rest.strip_prefix("](") else {
        return 0;
    };
    let end = |c: char| c.is_whitespace() || matches!(c, ')' | '(');
    let close = address.char_indices().take(TAG_LENGTH).find(|(_, c)| {
        step(1);
        end(*c)
    });
    match close {
        Some((at, ')')) if address[..at].contains(['.', '/', '#', ':']) => at + 3,
        _ => 0,
    }
}

/// The length of the sign of `${name}`, a place of a template; "US${fare}" is money.
fn template_mark(rest: &str, before: Option<char>) -> usize {
    let money = before.is_some_and(char::is_alphanumeric);
    usize::from(rest.starts_with("${") && !money)
}

/// Closers that are searched to the end of the text, and not again once known to be missing.
#[derive(Default)]
struct Closers {
    missing: [bool; 3],
}

impl Closers {
    /// Returns the length of `rest` to the end of `CLOSERS[which]`, or 0.
    fn find(&mut self, rest: &str, which: usize) -> usize {
        const CLOSERS: [&str; 3] = ["-->", "</style>", "</script>"];
        if self.missing[which] {
            return 0;
        }
        let closer = CLOSERS[which];
        step(rest.len());
        let found = rest.find(closer).map_or(0, |at| at + closer.len());
        self.missing[which] = found == 0;
        found
    }
}

fn angle(rest: &str, closers: &mut Closers) -> (usize, Option<Trace>) {
    let space = |taken: usize| (taken, Some(Trace::Space));
    if rest.starts_with("<!--") {
        return space(closers.find(rest, 0));
    }
    let heart = heart(rest);
    if heart > 0 {
        return space(heart);
    }
    let found = tag(rest);
    let silent = ["<style", "<script"].iter().position(|name| {
        found.0 > name.len()
            && rest
                .get(..name.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(name))
    });
    if let Some(which) = silent {
        let end = closers.find(rest, which + 1);
        return space(end.max(found.0));
    }
    found
}

/// The length of `<3`, where it is not a comparison: with a longer number, or with an amount: "<3 cedis", "<3%".
fn heart(rest: &str) -> usize {
    let more =
        |c: char| c.is_alphanumeric() || matches!(c, '.' | ',' | '%' | '‰' | '°' | '/' | '=');
    match rest.strip_prefix("<3") {
        Some(after) if !after.starts_with(more) && !is_counted(after) => 2,
        _ => 0,
    }
}

/// Returns whether the first word of `after` is a unit, money or what is counted.
fn is_counted(after: &str) -> bool {
    let word = after
        .trim_start_matches(' ')
        .split(|c: char| !c.is_alphabetic())
        .next();
    let low = word.unwrap_or_default().to_lowercase();
    let counted = matches!(
        low.as_str(),
        "cedi"
            | "cedis"
            | "sidi"
            | "pesewas"
            | "pɛsewa"
            | "dollars"
            | "dɔla"
            | "euros"
            | "pounds"
            | "percent"
            | "nnipa"
            | "mfeɛ"
            | "mfe"
            | "afe"
            | "nna"
            | "nnafua"
            | "dɔnhwere"
            | "simma"
            | "kilomita"
            | "kilo"
            | "mita"
    );
    counted || super::chat::is_unit(&low) || crate::currency::is_code_after(&low)
}

fn tag(rest: &str) -> (usize, Option<Trace>) {
    let none = (0, None);
    let Some(close) = rest
        .char_indices()
        .take(TAG_LENGTH)
        .find(|(i, c)| *c == '>' || *i > 0 && *c == '<')
    else {
        return none;
    };
    step(close.0);
    if close.1 != '>' {
        return none;
    }
    let inner = &rest[1..close.0];
    let taken = close.0 + 1;
    if inner.starts_with(['!', '?']) {
        let known = ["!doctype", "?xml"].iter().any(|begin| {
            inner
                .get(..begin.len())
                .is_some_and(|found| found.eq_ignore_ascii_case(begin))
        });
        return if known {
            (taken, Some(Trace::Space))
        } else {
            none
        };
    }
    let closes = inner.starts_with('/');
    let inner = inner.trim_matches('/');
    let end = inner
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(inner.len());
    let name = inner[..end].to_ascii_lowercase();
    let attributes = inner[end..].trim();
    let plain = attributes.is_empty();
    let assigned = inner[end..].starts_with(' ') && attributes.contains('=');
    if !(name.starts_with(|c: char| c.is_ascii_alphabetic())) {
        // A time inside a caption of WebVTT.
        let time = !inner.is_empty()
            && inner.contains(':')
            && inner
                .bytes()
                .all(|b| b.is_ascii_digit() || b == b':' || b == b'.');
        return if time {
            (taken, Some(Trace::Space))
        } else {
            none
        };
    }
    if BLOCKS.contains(&name.as_str()) && (plain || assigned) {
        (taken, Some(Trace::Line))
    } else if INLINE.contains(&name.as_str()) && (plain || assigned)
        || name == "v" || name == "c" && inner[end..].starts_with('.')
        // Bracketed words with attributes or a slash are tags of another markup language.
        || assigned && attributes.contains(['"', '\'']) || closes && plain
    {
        (taken, Some(Trace::Space))
    } else {
        none
    }
}

/// The length of a line end written as `\n`, as in the strings of programs; C:\new is a path.
fn escape(rest: &str, before: Option<char>) -> usize {
    let written = rest.starts_with("\\n") || rest.starts_with("\\r") || rest.starts_with("\\t");
    let path = before.is_some_and(|c| matches!(c, ':' | '\\'));
    if written && !path {
        2
    } else {
        0
    }
}

/// The length of a format mark, as %s and %1$s.
fn format_mark(rest: &str, before: Option<char>) -> usize {
    if before.is_some_and(|c| c.is_ascii_digit()) {
        return 0;
    }
    let digits = |text: &str| text.bytes().take(3).take_while(u8::is_ascii_digit).count();
    let mut at = 1 + digits(&rest[1..]);
    if rest[at..].starts_with('$') {
        at += 1;
    }
    if rest[at..].starts_with('.') {
        at += 1 + digits(&rest[at + 1..]);
    }
    let kind = rest[at..].chars().next();
    let after = rest[at..].chars().nth(1);
    let known = kind.is_some_and(|c| matches!(c, 's' | 'd' | 'i' | 'f' | 'u' | '@' | 'x'));
    if known && after.is_none_or(|c| !c.is_alphanumeric()) {
        at + 1
    } else {
        0
    }
}

/// The length of {0} and {}: places of a template without a name.
fn empty_braces(rest: &str) -> usize {
    let digits = rest[1..]
        .bytes()
        .take(2)
        .take_while(u8::is_ascii_digit)
        .count();
    if rest[1 + digits..].starts_with('}') {
        digits + 2
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
