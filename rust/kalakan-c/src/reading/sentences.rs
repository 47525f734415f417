//! The sentences of a text as they are read; see `kalakan.synthesis.reading.sentences`.

use std::ops::Range;

use kalakan_text::normalize::NormalizeOptions;
use kalakan_text::sentence::split_sentences;
use kalakan_text::{Language, PhonemeId, Tones, TwiG2p, WORD_BOUNDARY};
use unicode_normalization::char::canonical_combining_class;

use super::breaks::{break_between, is_space, Break};
use super::marks::is_mark;
use super::pieces::{pieces, Piece};

/// Maximum number of characters of a sentence read at once.
const READ_AT_ONCE: usize = 4000;

/// A sentence, or a piece of a long one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sentence {
    /// The text that is read, without tags.
    pub text: String,
    /// Its first byte in the raw text.
    pub start: usize,
    /// The break between it and the previous sentence.
    pub opens: Break,
    /// What ends after the last sentence.
    pub closes: Break,
    /// Its ids, without begin and end marks.
    pub ids: Vec<PhonemeId>,
    /// Whether this is a piece of a longer sentence, and not its end.
    pub goes_on: bool,
}

/// The text without its tags, and where its stretches come from.
struct Flow {
    text: String,
    pieces: Vec<Piece>,
    /// Start of each piece in `text`, and the end of the last one.
    starts: Vec<usize>,
}

impl Flow {
    fn new(raw: &str) -> Self {
        let pieces = pieces(raw);
        let mut flow = Self {
            text: String::with_capacity(raw.len()),
            starts: vec![0],
            pieces: Vec::new(),
        };
        for piece in &pieces {
            flow.text.push_str(&raw[piece.range.clone()]);
            flow.starts.push(flow.text.len());
        }
        flow.pieces = pieces;
        flow
    }

    /// Position of a byte of the text in the raw text.
    fn source(&self, place: usize) -> usize {
        let index = self.starts.partition_point(|start| *start <= place) - 1;
        let index = index.min(self.pieces.len() - 1);
        self.pieces[index].range.start + place - self.starts[index]
    }

    /// The stretches of a sentence in one language, in order; neighbors in the same language are read together.
    fn runs(&self, range: Range<usize>) -> Vec<(Range<usize>, Option<Language>)> {
        let mut runs: Vec<(Range<usize>, Option<Language>)> = Vec::new();
        for (piece, bounds) in self.pieces.iter().zip(self.starts.windows(2)) {
            let part = bounds[0].max(range.start)..bounds[1].min(range.end);
            if part.is_empty() {
                continue;
            }
            match runs.last_mut() {
                Some((before, language)) if *language == piece.language => before.end = part.end,
                _ => runs.push((part, piece.language)),
            }
        }
        runs
    }
}

/// The sentences of a raw text.
pub(crate) fn read_sentences(reader: &TwiG2p, raw: &str, tones: Tones) -> Vec<Sentence> {
    let flow = Flow::new(raw);
    let text = flow.text.as_str();
    let ranges = bounded(text, split_sentences(text));
    let (mut before, mut found) = (0..0, Vec::with_capacity(ranges.len()));
    let last = ranges.len().saturating_sub(1);
    for (row, (range, goes_on)) in ranges.into_iter().enumerate() {
        let spoken = &text[range.clone()];
        let opens = break_between(
            &text[before.clone()],
            &text[before.end..range.start],
            spoken,
        );
        let closes = if row == last {
            break_between(spoken, &text[range.end..], "")
        } else {
            Break::Sentence
        };
        found.push(Sentence {
            text: spoken.to_owned(),
            start: flow.source(range.start),
            opens,
            closes,
            ids: read(reader, text, &flow.runs(range.clone()), tones),
            goes_on,
        });
        before = range;
    }
    found
}

/// The ids of the runs of a sentence.
fn read(
    reader: &TwiG2p,
    text: &str,
    runs: &[(Range<usize>, Option<Language>)],
    tones: Tones,
) -> Vec<PhonemeId> {
    let options = NormalizeOptions::default();
    let mut ids: Vec<PhonemeId> = Vec::new();
    let mut before = "";
    for (range, language) in runs {
        let part = &text[range.clone()];
        let is_apart =
            before.is_empty() || before.ends_with(is_space) || part.starts_with(is_space);
        if !is_apart {
            ids.extend(leading_mark(reader, part, &ids));
        }
        let read = reader.read_ids(part, Some(&options), *language, Some(tones));
        if is_apart && !read.is_empty() && ids.last().is_some_and(|last| !is_mark(*last)) {
            ids.push(WORD_BOUNDARY);
        }
        ids.extend(read);
        before = part;
    }
    ids
}

/// The pause mark at the start of a part that belongs to the word before it.
fn leading_mark(reader: &TwiG2p, part: &str, ids: &[PhonemeId]) -> Option<PhonemeId> {
    let size = part
        .find(|c: char| c.is_alphanumeric() || is_space(c))
        .unwrap_or(part.len());
    if size == 0 || ids.last().is_none_or(|last| is_mark(*last)) {
        return None;
    }
    let word = format!("a{}", &part[..size]);
    let read = reader.read_ids(&word, Some(&NormalizeOptions::default()), None, None);
    read.last().copied().filter(|last| is_mark(*last))
}

/// The bytes of each sentence or piece, and whether the sentence continues after it.
fn bounded(text: &str, sentences: Vec<Range<usize>>) -> Vec<(Range<usize>, bool)> {
    let mut found = Vec::with_capacity(sentences.len());
    for sentence in sentences {
        // No character has more than four bytes, so most sentences need not be counted.
        if sentence.len() <= READ_AT_ONCE {
            found.push((sentence, false));
            continue;
        }
        let letters: Vec<(usize, char)> = text[sentence.clone()].char_indices().collect();
        let place = |index: usize| {
            letters
                .get(index)
                .map_or(sentence.end, |(at, _)| sentence.start + at)
        };
        let mut start = 0;
        while letters.len() - start > READ_AT_ONCE {
            let cut = cut_place(&letters, start + READ_AT_ONCE / 2, start + READ_AT_ONCE);
            found.push((place(start)..place(cut), true));
            start = cut;
        }
        found.push((place(start)..sentence.end, false));
    }
    found
}

/// Where to cut a sentence, after `first` and not after `last`: after a comma or colon, otherwise between two words
/// that are not numbers, otherwise between two characters of which the second does not modify the first.
fn cut_place(letters: &[(usize, char)], first: usize, last: usize) -> usize {
    let at = |place: usize| letters[place].1;
    let is_gap = |place: usize| is_space(at(place - 1)) && !is_space(at(place));
    let is_after_mark = |place: usize| is_gap(place) && ",;:".contains(at(place - 2));
    let is_between_words =
        |place: usize| is_gap(place) && !(at(place - 2).is_numeric() && at(place).is_numeric());
    let is_between_letters = |place: usize| canonical_combining_class(at(place)) == 0;
    let rules: [&dyn Fn(usize) -> bool; 3] =
        [&is_after_mark, &is_between_words, &is_between_letters];
    let find =
        |may_cut: &&dyn Fn(usize) -> bool| (first + 1..=last).rev().find(|place| may_cut(*place));
    rules.iter().find_map(find).unwrap_or(last)
}
