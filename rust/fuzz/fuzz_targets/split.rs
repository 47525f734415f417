//! Sentences cover the text in order and lose nothing but space.
#![no_main]

use kalakan_text::sentence::split_sentences;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut at = 0;
    for sentence in split_sentences(text) {
        assert!(text[at..sentence.start].trim().is_empty());
        assert_eq!(text[sentence.clone()].trim(), &text[sentence.clone()]);
        assert!(!sentence.is_empty());
        at = sentence.end;
    }
    assert!(text[at..].trim().is_empty());
});
