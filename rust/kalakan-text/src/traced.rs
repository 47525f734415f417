//! A text passing through the stages, together with the source positions of its characters.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

/// A text and, if requested, which stretches of it come from which stretches of the raw text.
#[derive(Debug, Clone)]
pub(crate) struct Traced<'t> {
    text: Cow<'t, str>,
    origin: Origin,
    lost: Option<Lost>,
}

/// Characters that have no reading, and how often each occurred.
pub type Lost = BTreeMap<char, u64>;

impl<'t> Traced<'t> {
    /// A raw text without tracking of source positions.
    pub fn plain(text: &'t str) -> Self {
        Self::new(text, Origin::Off)
    }

    /// A raw text with tracking: [`source`](Self::source) maps positions back to it.
    pub fn raw(text: &'t str) -> Self {
        Self::new(text, Origin::Same)
    }

    fn new(text: &'t str, origin: Origin) -> Self {
        let text = Cow::Borrowed(text);
        let lost = None;
        Self { text, origin, lost }
    }

    /// A raw text whose characters without a reading are counted.
    pub fn counting(text: &'t str) -> Self {
        let lost = Some(Lost::new());
        Self {
            lost,
            ..Self::plain(text)
        }
    }

    /// This text as the raw text of what follows, for a stage whose result may be discarded.
    pub fn fresh(&self) -> Traced<'_> {
        let lost = self.lost.is_some().then(Lost::new);
        let fresh = match self.origin {
            Origin::Off => Traced::plain(&self.text),
            _ => Traced::raw(&self.text),
        };
        Traced { lost, ..fresh }
    }

    /// The current text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text without the rest.
    pub fn into_text(self) -> Cow<'t, str> {
        self.text
    }

    /// The text and its characters without a reading.
    pub fn into_parts(self) -> (String, Lost) {
        (self.text.into_owned(), self.lost.unwrap_or_default())
    }

    /// Applies `stage` to this text.
    pub fn rewrite(self, stage: impl FnOnce(&str, &mut Writer)) -> Self {
        let mut writer = Writer {
            text: String::with_capacity(self.text.len()),
            cuts: self.origin.stage(),
            lost: self.lost,
        };
        stage(&self.text, &mut writer);
        let end = self.text.len();
        writer.cut(end);
        let mut origin = self.origin;
        origin.then(writer.cuts);
        let text = Cow::Owned(writer.text);
        let lost = writer.lost;
        Self { text, origin, lost }
    }

    /// This text with some letters replaced.
    pub fn in_place(self, text: String) -> Self {
        debug_assert_eq!(text.len(), self.text.len());
        let text = Cow::Owned(text);
        Self { text, ..self }
    }

    /// The result `text` of a [`fresh`](Self::fresh) copy, with its `origin` composed with that of this text.
    pub fn then(&self, next: Traced<'_>) -> Self {
        let mut origin = self.origin.clone();
        origin.then(next.origin);
        let text = Cow::Owned(next.text.into_owned());
        let mut lost = self.lost.clone();
        if let (Some(lost), Some(more)) = (&mut lost, next.lost) {
            for (c, count) in more {
                *lost.entry(c).or_default() += count;
            }
        }
        Self { text, origin, lost }
    }

    /// The stretch of the raw text, `length` bytes long, that a stretch of this one comes from.
    pub fn source(&self, range: Range<usize>, length: usize) -> Range<usize> {
        self.origin.source(range, length)
    }
}

/// A text under construction and the source positions of its characters.
pub(crate) struct Writer {
    pub text: String,
    cuts: Origin,
    lost: Option<Lost>,
}

impl Writer {
    /// Copies the text at `at` unchanged, character by character.
    pub fn copy(&mut self, part: &str, at: usize) {
        for (offset, c) in part.char_indices() {
            self.cut(at + offset);
            self.text.push(c);
        }
    }

    /// Counts a character that has no reading.
    pub fn lose(&mut self, c: char) {
        if let Some(lost) = &mut self.lost {
            *lost.entry(c).or_default() += 1;
        }
    }

    /// Records that the first `input` bytes read correspond to everything written so far.
    pub fn cut(&mut self, input: usize) {
        self.cut_at(input, self.text.len());
    }

    /// Records that the first `input` bytes read correspond to the first `output` bytes written.
    pub fn cut_at(&mut self, input: usize, output: usize) {
        self.cuts.cut(input, output);
    }
}

/// Which stretches of a rewritten text come from which stretches of the raw one.
///
/// A cut (i, o) means: the text before byte i became the text before byte o. Between two cuts nothing more
/// is known, so the text between them is one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// Tracking is off: nothing is recorded.
    Off,
    /// Every byte is at its original position.
    Same,
    /// Cuts, rising in both texts.
    Cuts(Vec<(usize, usize)>),
}

impl Origin {
    /// An empty record for one more stage, to be composed with [`then`](Self::then).
    fn stage(&self) -> Self {
        match self {
            Self::Off => Self::Off,
            _ => Self::Cuts(Vec::new()),
        }
    }

    /// Records that the first `input` bytes read correspond to the first `output` bytes written.
    fn cut(&mut self, input: usize, output: usize) {
        let Self::Cuts(cuts) = self else { return };
        // A mark of higher rank overwrites the previous one, so the cuts past this position are dropped.
        while cuts.last().is_some_and(|last| last.1 > output) {
            cuts.pop();
        }
        if cuts.last().is_none_or(|last| last.0 < input) {
            cuts.push((input, output));
        }
    }

    /// Composes with the next stage: a cut common to both is a cut of the composition.
    fn then(&mut self, next: Self) {
        match (&mut *self, &next) {
            (Self::Off, _) | (_, Self::Off | Self::Same) => {}
            (Self::Same, Self::Cuts(_)) => *self = next,
            (Self::Cuts(before), Self::Cuts(after)) => {
                let mut after = after.iter().copied().peekable();
                let mut both = Vec::with_capacity(before.len());
                for &(input, middle) in &*before {
                    while after.next_if(|cut| cut.0 < middle).is_some() {}
                    if let Some(&(_, output)) = after.peek().filter(|cut| cut.0 == middle) {
                        both.push((input, output));
                    }
                }
                *before = both;
            }
        }
    }

    /// The stretch of the raw text, `length` bytes long, that a stretch of the rewritten one comes from.
    fn source(&self, range: Range<usize>, length: usize) -> Range<usize> {
        let Self::Cuts(cuts) = self else { return range };
        let after = cuts.partition_point(|cut| cut.1 <= range.start);
        let start = after.checked_sub(1).map_or(0, |at| cuts[at].0);
        let end = cuts.partition_point(|cut| cut.1 < range.end);
        start..cuts.get(end).map_or(length, |cut| cut.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Origin;

    fn cuts(pairs: &[(usize, usize)]) -> Origin {
        let mut origin = Origin::Same.stage();
        for &(input, output) in pairs {
            origin.cut(input, output);
        }
        origin
    }

    #[test]
    fn a_stage_on_top_keeps_the_cuts_that_both_have() {
        let mut origin = cuts(&[(0, 0), (4, 2), (5, 2), (9, 7)]);
        origin.then(cuts(&[(0, 0), (2, 3), (6, 9), (7, 10)]));
        assert_eq!(origin, cuts(&[(0, 0), (4, 3), (5, 3), (9, 10)]));
    }

    #[test]
    fn a_source_is_as_narrow_as_the_cuts_allow() {
        let origin = cuts(&[(0, 0), (4, 2), (5, 2), (9, 7)]);
        assert_eq!(origin.source(2..7, 9), 5..9);
        assert_eq!(origin.source(0..2, 9), 0..4);
        assert_eq!(origin.source(1..3, 9), 0..9);
        assert_eq!(Origin::Same.source(1..3, 9), 1..3);
    }

    #[test]
    fn what_is_rewritten_has_no_cut() {
        assert_eq!(cuts(&[(0, 0), (3, 5), (4, 3)]), cuts(&[(0, 0), (4, 3)]));
    }
}
