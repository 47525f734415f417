//! What separates two sentences; the rules are those of `kalakan.synthesis.reading.sentences`.

use std::sync::LazyLock;

use regex_lite::Regex;

/// What ends between two sentences; of several the largest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Break {
    Sentence,
    Paragraph,
    Heading,
    Scene,
}

/// White space as Python's `str.isspace` and `re` know it.
const SPACE: &str =
    r"\t-\r\x1c-\x20\x85\xa0\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";

struct Patterns {
    blank_line: Regex,
    paragraph: Regex,
    rule: Regex,
    heading: Regex,
    heading_end: Regex,
    signs: Regex,
    tag: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    // The patterns are constants, and every test reads a text with them.
    let pattern = |text: &str| {
        let text = text.replace(r"\s", &format!("[{SPACE}]"));
        Regex::new(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
    };
    Patterns {
        blank_line: pattern(&format!(
            // \r\n is one line end: \r alone is one only where no \n comes next.
            r"(?:\r\n|[\n\u{{2028}}])[\t\x0b\x0c{0}]*{1}|\r(?:[\t\x0b\x0c{0}]+{1}|\r\n?|\u{{2028}})|\u{{2029}}|\x0c",
            SPACE.trim_start_matches(r"\t-\r"),
            r"(?:\r\n|\n|\r|\u{2028})"
        )),
        paragraph: pattern(r"(?i)</?p(?:\s[^<>]*)?>"),
        rule: pattern(r"(?i)<hr(?:\s[^<>]*)?/?>"),
        heading: pattern(r"(?i)^(?:#{1,6}\s|<h[1-6](?:\s[^<>]*)?>)"),
        heading_end: pattern(r"(?i)^</h[1-6]\s*>$"),
        signs: pattern(r"^\s*(?:(?:[*_~#•·§—–-]\s*){3,}|(?:[⁂❦❧☙※]\s*)+)$"),
        tag: pattern(r"<[^<>]*>"),
    }
});

/// Whether a character is white space for Python, which counts four separators that Unicode's property lacks.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// The break between the sentences `before` and `after`; `gap` is what stands between them.
pub(crate) fn break_between(before: &str, gap: &str, after: &str) -> Break {
    let patterns = &*PATTERNS;
    let start = after.trim_start_matches(is_space);
    let end = last_tag(before);
    let (is_all, is_first) = (
        |pattern: &Regex| {
            pattern
                .find(&end)
                .is_some_and(|found| found.range() == (0..end.len()))
        },
        |pattern: &Regex| pattern.find(start).is_some_and(|found| found.start() == 0),
    );
    if is_scene_break(gap)
        || patterns.rule.is_match(gap)
        || is_all(&patterns.rule)
        || is_first(&patterns.rule)
    {
        return Break::Scene;
    }
    let opened = before.trim_start_matches(is_space);
    if patterns.heading.is_match(opened) || patterns.heading_end.is_match(&end) {
        return Break::Heading;
    }
    if patterns.blank_line.is_match(gap)
        || patterns.paragraph.is_match(gap)
        || is_all(&patterns.paragraph)
        || is_first(&patterns.paragraph)
    {
        return Break::Paragraph;
    }
    Break::Sentence
}

/// Whether what was cut out as a sentence is the line of signs between two scenes.
pub(crate) fn is_scene_break(sentence: &str) -> bool {
    PATTERNS.signs.is_match(sentence)
}

/// Whether there is a letter or digit outside of tags.
pub(crate) fn has_letters(sentence: &str) -> bool {
    PATTERNS
        .tag
        .replace_all(sentence, "")
        .contains(char::is_alphanumeric)
}

/// The tag at the end of a sentence, if there is one.
fn last_tag(sentence: &str) -> String {
    let sentence = sentence.trim_end_matches(is_space);
    let tail = sentence.rsplit('<').next().unwrap_or_default();
    format!("<{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_by_what_is_written() {
        for (before, gap, after, wanted) in [
            ("Ɔkɔ.", " ", "Ɔba.", Break::Sentence),
            ("Ɔkɔ.", "\n", "Ɔba.", Break::Sentence),
            ("Ɔkɔ.", "\r\n", "Ɔba.", Break::Sentence),
            ("Ɔkɔ.", "\r", "Ɔba.", Break::Sentence),
            ("Ɔkɔ.", "\r\r", "Ɔba.", Break::Paragraph),
            ("Ɔkɔ.", "\r \n", "Ɔba.", Break::Paragraph),
            ("Ɔkɔ.", "\r\n\r\n", "Ɔba.", Break::Paragraph),
            ("Ɔkɔ.", "\n \t\n", "Ɔba.", Break::Paragraph),
            ("Ɔkɔ.", "\u{2029}", "Ɔba.", Break::Paragraph),
            ("Ɔkɔ.</P>", "", "Ɔba.", Break::Paragraph),
            ("Ɔkɔ.", "", "<p class=a>Ɔba.", Break::Paragraph),
            ("## Ti", "\n", "Ɔba.", Break::Heading),
            ("<h2>Ti</h2 >", "", "Ɔba.", Break::Heading),
            ("Ɔkɔ.", "\n* * *\n", "Ɔba.", Break::Scene),
            ("Ɔkɔ.", "\n\u{1f}❦\n", "Ɔba.", Break::Scene),
            ("Ɔkɔ.<hr/>", "", "Ɔba.", Break::Scene),
        ] {
            assert_eq!(
                break_between(before, gap, after),
                wanted,
                "{before}{gap}{after}"
            );
        }
    }

    #[test]
    fn tags_have_no_letters() {
        assert!(!has_letters("<p class=a> — </p>"));
        assert!(has_letters("<p>Ɔ</p>"));
    }
}
