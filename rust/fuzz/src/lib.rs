//! What holds for every text, as functions of bytes: the targets of `make fuzz`, and of `cargo test` for the corpora.
//!
//! The first byte of an input selects options; the rest, up to the first byte that is no UTF-8, is the text.

use std::io::Read;
use std::sync::LazyLock;

use kalakan_text::normalize::{normalize as normalized, ChatSpelling, NormalizeOptions, Variety};
use kalakan_text::sentence::split_sentences;
use kalakan_text::{format_units, parse_units, G2pOptions, Language, PhonemeId, Tones, TwiG2p};

const VARIETIES: [Variety; 2] = [Variety::Asante, Variety::Akuapem];

static READER: LazyLock<TwiG2p> = LazyLock::new(|| TwiG2p::new(G2pOptions::default()));
static UNCACHED: LazyLock<[TwiG2p; 2]> = LazyLock::new(|| {
    VARIETIES.map(|variety| {
        TwiG2p::new(G2pOptions {
            cache_size: 0,
            variety,
            ..G2pOptions::default()
        })
    })
});

fn parts(data: &[u8]) -> (u8, &str) {
    let (choice, rest) = data.split_first().unwrap_or((&0, &[]));
    let text = match std::str::from_utf8(rest) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&rest[..error.valid_up_to()]).unwrap_or_default(),
    };
    (*choice, text)
}

/// Normalized text stays itself, whatever the options.
pub fn normalize(data: &[u8]) {
    let (choice, text) = parts(data);
    let chats = [
        ChatSpelling::Off,
        ChatSpelling::Narrow,
        ChatSpelling::Wide,
        ChatSpelling::Narrow,
    ];
    let options = NormalizeOptions {
        variety: VARIETIES[usize::from(choice & 1)],
        human: choice & 2 != 0,
        chat: chats[usize::from(choice >> 2 & 3)],
        clock_to_hour: choice & 16 != 0,
    };
    let once = normalized(text, &options);
    assert_eq!(normalized(&once, &options), once);
    assert_eq!(once.trim(), once);
}

/// Spans cover the text and the ids, and the ids are those of the normalized text and of their own names.
pub fn g2p(data: &[u8]) {
    let (choice, text) = parts(data);
    let options = NormalizeOptions::default();
    let is_raw = choice & 1 != 0;
    let given = (!is_raw).then_some(&options);
    let language =
        [None, Some(Language::English), Some(Language::Twi), None][usize::from(choice >> 1 & 3)];
    let tones = [Tones::Written, Tones::Predicted][usize::from(choice >> 3 & 1)];
    let reading = READER.read(text, given, language, Some(tones));
    assert_eq!(
        reading.ids,
        READER.read_ids(text, given, language, Some(tones))
    );
    assert_eq!(
        parse_units(&format_units(&reading.ids)).as_ref(),
        Ok(&reading.ids)
    );
    if !is_raw && language.is_none() && tones == Tones::Written {
        assert_eq!(reading.ids, READER.text_to_ids(&normalized(text, &options)));
    }
    let (mut at, mut id) = (0, 0);
    for word in &reading.words {
        assert!(text[at..word.text.start].trim().is_empty());
        assert!(!text[word.text.clone()].is_empty());
        assert!(id <= word.ids.start && word.ids.end <= reading.ids.len());
        (at, id) = (word.text.end, word.ids.end);
    }
    assert!(text[at..].trim().is_empty());
}

/// Predicted tones change no sound, follow nuclei only, do not depend on the cache, and are read back as written.
pub fn tone(data: &[u8]) {
    let (choice, text) = parts(data);
    let is_akuapem = choice & 1 != 0;
    let reader = &UNCACHED[usize::from(is_akuapem)];
    let options = NormalizeOptions::default();
    let read = |reader: &TwiG2p, text: &str, tones| {
        reader.read_ids(text, Some(&options), None, Some(tones))
    };
    let sounds = |ids: &[PhonemeId]| -> Vec<PhonemeId> {
        ids.iter().copied().filter(|id| !id.is_tone()).collect()
    };
    let predicted = read(reader, text, Tones::Predicted);
    assert_eq!(
        sounds(&predicted),
        sounds(&read(reader, text, Tones::Written))
    );
    for pair in predicted.windows(2) {
        assert!(!pair[1].is_tone() || pair[0].is_nucleus() || pair[0].is_tone());
    }
    if !is_akuapem {
        assert_eq!(predicted, read(&READER, text, Tones::Predicted));
    }
    let marked = reader.write_tones(text, Some(&options), None);
    assert_eq!(normalized(&marked, &options), marked);
    assert_eq!(
        format_units(&read(reader, &marked, Tones::Written)),
        format_units(&predicted)
    );
}

/// Sentences cover the text in order and lose nothing but space.
pub fn split(data: &[u8]) {
    let (_, text) = parts(data);
    let mut at = 0;
    for sentence in split_sentences(text) {
        assert!(text[at..sentence.start].trim().is_empty());
        assert_eq!(text[sentence.clone()].trim(), &text[sentence.clone()]);
        assert!(!sentence.is_empty());
        at = sentence.end;
    }
    assert!(text[at..].trim().is_empty());
}

/// Checks the inputs in the files that the command line names; standard input without any.
///
/// # Panics
/// Where a file cannot be read, or an input breaks the law.
pub fn run(check: fn(&[u8])) {
    let mut paths = std::env::args_os().skip(1).peekable();
    if paths.peek().is_none() {
        let mut data = Vec::new();
        std::io::stdin().read_to_end(&mut data).expect("an input");
        check(&data);
    }
    for path in paths {
        check(&std::fs::read(path).expect("a file"));
    }
}

#[cfg(test)]
mod tests {
    /// The inputs of a corpus: a line each, in hexadecimal digits.
    fn replay(name: &str, check: fn(&[u8])) {
        let path = format!("{}/corpora/{name}.hex", env!("CARGO_MANIFEST_DIR"));
        let corpus = std::fs::read_to_string(path).expect("a corpus");
        assert!(corpus.lines().count() > 50);
        for line in corpus.lines() {
            let bytes = (0..line.len()).step_by(2);
            let data: Vec<u8> = bytes
                .map(|at| u8::from_str_radix(&line[at..at + 2], 16).expect("hexadecimal digits"))
                .collect();
            check(&data);
        }
    }

    #[test]
    fn every_input_of_the_corpora_keeps_the_laws() {
        replay("normalize", super::normalize);
        replay("g2p", super::g2p);
        replay("tone", super::tone);
        replay("split", super::split);
    }
}
