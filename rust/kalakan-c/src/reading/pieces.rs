//! Inline tags: `[en]…[/en]` and `[tw]…[/tw]` mark the language of a stretch of text, as in
//! `kalakan.synthesis.markup.inline`.

use std::ops::Range;

use kalakan_text::Language;

/// A stretch of text in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Its bytes in the raw text.
    pub range: Range<usize>,
    /// The language that a tag names; `None` if the spelling of the words decides.
    pub language: Option<Language>,
}

/// A tag in the raw text.
#[derive(Debug, Clone)]
struct Tag {
    range: Range<usize>,
    language: Language,
    closes: bool,
}

const TAGS: [(&str, Language, bool); 4] = [
    ("[en]", Language::English, false),
    ("[tw]", Language::Twi, false),
    ("[/en]", Language::English, true),
    ("[/tw]", Language::Twi, true),
];

/// The pieces of a text; tags may nest, and unpaired tags are text.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut languages: Vec<Language> = Vec::new();
    let mut start = 0;
    let mut push = |range: Range<usize>, language| {
        if !range.is_empty() {
            found.push(Piece { range, language });
        }
    };
    for tag in paired(text) {
        push(start..tag.range.start, languages.last().copied());
        if tag.closes {
            languages.pop();
        } else {
            languages.push(tag.language);
        }
        start = tag.range.end;
    }
    push(start..text.len(), None);
    found
}

/// The paired tags in order: an end tag matches the last open tag of its language.
fn paired(text: &str) -> Vec<Tag> {
    let mut opened: Vec<Tag> = Vec::new();
    let mut paired = Vec::new();
    for (at, _) in text.match_indices('[') {
        let rest = &text[at..];
        let Some((name, language, closes)) =
            TAGS.into_iter().find(|(tag, ..)| rest.starts_with(tag))
        else {
            continue;
        };
        let tag = Tag {
            range: at..at + name.len(),
            language,
            closes,
        };
        if !closes {
            opened.push(tag);
        } else if let Some(place) = opened.iter().rposition(|other| other.language == language) {
            opened.truncate(place + 1); // tags that were opened since have no partner
            paired.extend(opened.pop());
            paired.push(tag);
        }
    }
    paired.sort_unstable_by_key(|tag| tag.range.start);
    paired
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(&str, Option<Language>)> {
        pieces(text)
            .into_iter()
            .map(|piece| (&text[piece.range], piece.language))
            .collect()
    }

    #[test]
    fn tags_nest_and_unpaired_ones_stay() {
        use Language::{English, Twi};
        assert_eq!(read("Me ho yɛ."), [("Me ho yɛ.", None)]);
        assert_eq!(
            read("a [en]b[/en] c"),
            [("a ", None), ("b", Some(English)), (" c", None)]
        );
        assert_eq!(
            read("[en]a[tw]b[/tw]c[/en]"),
            [("a", Some(English)), ("b", Some(Twi)), ("c", Some(English))]
        );
        assert_eq!(
            read("[en]a[tw]b[/en]c"),
            [("a[tw]b", Some(English)), ("c", None)]
        );
        assert_eq!(read("a[/en] [x] [en]b"), [("a[/en] [x] [en]b", None)]);
    }
}
