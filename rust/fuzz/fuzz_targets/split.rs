//! Sentences and their parts cover the text in order, and no part is longer than it may be.
#![no_main]

use kalakan_text::sentence::{split_long, split_sentences};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| {
    let (limit, text) = input;
    let limit = usize::from(limit) + 1;
    let mut at = 0;
    for sentence in split_sentences(text) {
        assert!(text[at..sentence.start].trim().is_empty());
        assert_eq!(text[sentence.clone()].trim(), &text[sentence.clone()]);
        let mut inside = sentence.start;
        for part in split_long(text, sentence.clone(), limit) {
            assert!(text[inside..part.start].trim().is_empty());
            assert!(!part.is_empty() && text[part.clone()].chars().count() <= limit);
            inside = part.end;
        }
        assert!(text[inside..sentence.end].trim().is_empty());
        at = sentence.end;
    }
    assert!(text[at..].trim().is_empty());
});
