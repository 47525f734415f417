//! Normalized text stays itself, whatever the options.
#![no_main]

use kalakan_text::normalize::{normalize, ChatSpelling, NormalizeOptions, Variety};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| {
    let (choice, text) = input;
    let chats = [
        ChatSpelling::Off,
        ChatSpelling::Narrow,
        ChatSpelling::Wide,
        ChatSpelling::Narrow,
    ];
    let options = NormalizeOptions {
        variety: [Variety::Asante, Variety::Akuapem][usize::from(choice & 1)],
        human: choice & 2 != 0,
        chat: chats[usize::from(choice >> 2 & 3)],
        clock_to_hour: choice & 16 != 0,
    };
    let once = normalize(text, &options);
    assert_eq!(normalize(&once, &options), once);
    assert_eq!(once.trim(), once);
});
