//! A text to phrases of phoneme ids, framed as in training; see `kalakan.synthesis.reading.phrases`.

pub(crate) mod marks;

mod breaks;
mod pieces;
mod sentences;

use std::ops::Range;

use kalakan_text::normalize::{normalize_counting, NormalizeOptions};
use kalakan_text::{PhonemeId, Tones, TwiG2p, WORD_BOUNDARY};

use crate::error::{Error, Result, Status};
use crate::options::Options;
use breaks::{has_letters, is_scene_break, is_space, Break};
use marks::{ends_sentence, framed, is_mark, is_sound, ELLIPSIS, FULL_STOP, PHRASE_BREAK};
use sentences::{read_sentences, Sentence};

/// Silence in seconds after an ellipsis.
const ELLIPSIS_PAUSE: f64 = 0.2;

/// Most phoneme ids of a phrase, begin and end marks not counted.
pub(crate) const MOST_UNITS: usize = 300;

/// The input of the models in one pass: a sentence, or a piece of a long one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Phrase {
    /// Its ids, the begin mark first and a pause mark last.
    pub ids: Vec<PhonemeId>,
    /// Seconds of silence before it.
    pub before: f64,
    /// Seconds of silence after it.
    pub after: f64,
    ends_sentence: bool,
}

impl Phrase {
    /// Number of its vowels and consonants.
    pub fn sounds(&self) -> usize {
        self.ids.iter().filter(|unit| is_sound(**unit)).count()
    }
}

/// A text as it was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Script {
    /// Its phrases.
    pub phrases: Vec<Phrase>,
    /// Stretches that have no reading and were left out.
    pub unread: usize,
}

/// The phrases of a text.
///
/// # Errors
/// `Status::Text` for a text with nothing to pronounce, and with `options.strict` for a stretch without a reading.
pub(crate) fn read_script(
    reader: &TwiG2p,
    text: &str,
    tones: Tones,
    options: &Options,
) -> Result<Script> {
    check_plain(text)?;
    let mut script = Script {
        phrases: Vec::new(),
        unread: 0,
    };
    let mut between = Break::Sentence;
    let sentences = read_sentences(reader, text, tones);
    for (row, sentence) in sentences.iter().enumerate() {
        between = between.max(sentence.opens);
        if !sentence.ids.iter().any(|unit| is_sound(*unit)) && is_scene_break(&sentence.text) {
            between = between.max(Break::Scene);
        } else if let Some(what) = unread(sentence, text, options.strict) {
            if options.strict {
                return Err(Error::new(Status::Text, what));
            }
            script.unread += 1;
        }
        let is_last = row + 1 == sentences.len();
        let mark = if sentence.goes_on && !is_last {
            *PHRASE_BREAK
        } else {
            *FULL_STOP
        };
        for phrase in phrases(sentence, mark) {
            if let Some(before) = script.phrases.last_mut() {
                before.after = pause(before, between, options);
            }
            script.phrases.push(phrase);
            between = Break::Sentence;
        }
        if is_last {
            between = between.max(sentence.closes);
        }
    }
    let Some(first) = script.phrases.first_mut() else {
        let what = if text.trim_matches(is_space).is_empty() {
            "the text is empty".to_owned()
        } else {
            format!("{} holds nothing pronounceable", shown(text))
        };
        let message = format!("{what}; give words or numbers to speak");
        return Err(Error::new(Status::Text, message));
    };
    first.before = options.lead_in;
    Ok(script)
}

/// Refuses the document of a word processor, which would be read aloud as noise.
fn check_plain(text: &str) -> Result<()> {
    const BEGINNINGS: [(&str, &str); 3] = [
        ("{\\rtf", "RTF"),
        ("%PDF-", "PDF"),
        ("PK\x03\x04", "a packed document, as DOCX, ODT and EPUB are"),
    ];
    let start: String = text.chars().take(64).collect();
    let start = start.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    for (magic, name) in BEGINNINGS {
        if start.starts_with(magic) {
            let message = format!("the text is {name}, not plain text; save it as text in UTF-8");
            return Err(Error::new(Status::Text, message));
        }
    }
    Ok(())
}

/// What of a sentence has no reading, for a person; if `strict`, signs without a name too.
fn unread(sentence: &Sentence, text: &str, strict: bool) -> Option<String> {
    // Counting the characters before it costs the whole text, so only a sentence that is told of pays for it.
    let place = || text[..sentence.start].chars().count();
    let told = |fault: String| format!("{fault}; write it in Latin letters or leave it out");
    if !sentence.ids.iter().any(|unit| is_sound(*unit)) {
        if has_letters(&sentence.text) {
            return Some(told(format!(
                "{} at character {} holds nothing pronounceable",
                shown(&sentence.text),
                place()
            )));
        }
        if !strict {
            return None;
        }
    }
    let lost = without_reading(&sentence.text, strict);
    (!lost.is_empty()).then(|| {
        told(format!(
            "{lost} in {}, which begins at character {}, without a reading",
            shown(&sentence.text),
            place()
        ))
    })
}

/// The letters and digits of a sentence that have no reading, with `signs` all characters, each once, in order.
fn without_reading(text: &str, signs: bool) -> String {
    let is_common = |c: char| {
        matches!(c, '\0'..='\u{24f}' | '\u{300}'..='\u{36f}' | '\u{1e00}'..='\u{1eff}' | '\u{2000}'..='\u{22ff}')
            || "ɛɔƐƆ".contains(c)
    };
    if !signs && text.chars().all(is_common) {
        return String::new(); // asking costs a second reading of the sentence
    }
    let (_, counts) = normalize_counting(text, &NormalizeOptions::default());
    let lost = counts.into_keys();
    let mut lost: Vec<char> = lost.filter(|c| signs || c.is_alphanumeric()).collect();
    lost.sort_by_key(|c| text.find(*c));
    lost.into_iter().collect()
}

/// The phrases of a sentence, each with a mark last: `last_mark`, or where the sentence is cut a break.
fn phrases(sentence: &Sentence, last_mark: PhonemeId) -> impl Iterator<Item = Phrase> + '_ {
    let ranges = ranges(&sentence.ids, MOST_UNITS);
    let count = ranges.len();
    let cut = move |(row, range): (usize, Range<usize>)| {
        let units = &sentence.ids[range];
        let is_last = row + 1 == count;
        let mark = if is_last { last_mark } else { *PHRASE_BREAK };
        let ids = framed(units, mark);
        let closes = mark == *FULL_STOP || ids.last().is_some_and(|last| ends_sentence(*last));
        units.iter().any(|unit| is_sound(*unit)).then_some(Phrase {
            ids,
            before: 0.0,
            after: 0.0,
            ends_sentence: is_last && !sentence.goes_on && closes,
        })
    };
    ranges.into_iter().enumerate().filter_map(cut)
}

/// Seconds of silence after a phrase that is followed by another one.
fn pause(phrase: &Phrase, between: Break, options: &Options) -> f64 {
    let more = match between {
        Break::Sentence => 0.0,
        Break::Paragraph => options.paragraph_pause,
        Break::Heading => options.heading_pause,
        Break::Scene => options.scene_pause,
    };
    let seconds = if phrase.ends_sentence {
        options.sentence_pause + more
    } else {
        0.0
    };
    if phrase.ids.last() == Some(&*ELLIPSIS) {
        return seconds + ELLIPSIS_PAUSE;
    }
    seconds
}

/// The places of pieces of at most `limit` units; an ellipsis ends one.
fn ranges(units: &[PhonemeId], limit: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    let ends = (0..units.len())
        .filter(|at| units[*at] == *ELLIPSIS)
        .map(|at| at + 1);
    for end in ends.chain([units.len()]) {
        cut_ranges(&units[start..end], limit, |range| {
            found.push(start + range.start..start + range.end);
        });
        start = end;
    }
    found
}

fn cut_ranges(units: &[PhonemeId], limit: usize, mut found: impl FnMut(Range<usize>)) {
    let mut start = 0;
    while start < units.len() {
        let end = if units.len() - start > limit {
            cut(units, start, start + limit)
        } else {
            units.len()
        };
        let mut last = end;
        while last > start && units[last - 1] == WORD_BOUNDARY {
            last -= 1;
        }
        if last > start {
            found(start..last);
        }
        start = end;
    }
}

/// Where to end the piece that begins at `start` and may reach `end`; never in its first third.
fn cut(units: &[PhonemeId], start: usize, end: usize) -> usize {
    let first = start + (end - start) / 3;
    let after = |is_end: fn(PhonemeId) -> bool| {
        (first + 1..=end)
            .rev()
            .find(|place| is_end(units[place - 1]))
    };
    if let Some(place) = after(is_mark).or_else(|| after(|unit| unit == WORD_BOUNDARY)) {
        return place;
    }
    let mut place = end;
    while place > first && units[place].is_tone() {
        place -= 1; // a tone stays with its nucleus
    }
    place
}

/// A text for an error message, cut if it is long.
fn shown(text: &str) -> String {
    if text.chars().count() <= 40 {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(39).collect();
    format!("{:?}", format!("{start}…"))
}
