//! Spans cover the text and the ids, and the ids are those of the normalized text.
#![no_main]

use std::sync::LazyLock;

use kalakan_text::normalize::{normalize, NormalizeOptions};
use kalakan_text::{G2pOptions, Language, Tones, TwiG2p};
use libfuzzer_sys::fuzz_target;

static READER: LazyLock<TwiG2p> = LazyLock::new(|| TwiG2p::new(G2pOptions::default()));

fuzz_target!(|input: (bool, Option<bool>, bool, &str)| {
    let (is_raw, english, predicted, text) = input;
    let options = NormalizeOptions::default();
    let given = (!is_raw).then_some(&options);
    let language = english.map(|yes| {
        if yes {
            Language::English
        } else {
            Language::Twi
        }
    });
    let tones = Some(if predicted {
        Tones::Predicted
    } else {
        Tones::Written
    });
    let reading = READER.read(text, given, language, tones);
    assert_eq!(reading.ids, READER.read_ids(text, given, language, tones));
    if !is_raw && language.is_none() && !predicted {
        assert_eq!(reading.ids, READER.text_to_ids(&normalize(text, &options)));
    }
    let (mut at, mut id) = (0, 0);
    for word in &reading.words {
        assert!(text[at..word.text.start].trim().is_empty());
        assert!(!text[word.text.clone()].is_empty());
        assert!(id <= word.ids.start && word.ids.end <= reading.ids.len());
        (at, id) = (word.text.end, word.ids.end);
    }
    assert!(text[at..].trim().is_empty());
});
