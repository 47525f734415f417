//! Laws of clean, normalize and the splitters on any text whatever.

use kalakan_text::clean::clean;
use kalakan_text::normalize::{normalize, number_words, ChatSpelling, NormalizeOptions, Variety};
use kalakan_text::sentence::split_sentences;
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

/// Pieces that rules look for; random joins of them reach far more states than random characters.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "me", "kɔ", "Nnipa", "ɛ", "Ɔ", "n'a", "GHS", "ECG", "II", "Osei", "March", "Ɛbɔ", "Yohane", "Dr", "no", "etc", "e.g",
    "A", "b", "am", "pm", "km", "m²", "kg", "%", "$", "GH₵", "₵", "¢", "£", "1", "5", "10", "2024", "03", "3", "0244123456",
    "000", "½", ".", ",", ":", ";", "!", "?", "…", "-", "–", "—", "/", "+", "(", ")", "[", "]", "\"", "'", "’", " ", " ",
    " ", "\n", "\t", "\u{a0}", "\u{200b}", "\u{301}", "\u{300}", "\u{303}", "\u{304}", "É", "›", "”", "Ã", "©", "Æ", "†",
    "â€™", "&amp;", "<b>", "</b>", "<", ">", "&", "@", "#", "_", "www.", ".com", "http://", "ε", "כ", "⊃", "а", "😀", "3y3",
    "k)", "st", "th", "million", "cedis", "°C", "²", "٣", "①", "Ⅳ", "ﬁ", "ñ", "m̀", "ŋ", "*", "~", "=", "×", "\u{ad}", "ꜜ",
    "Ã‰", "â€", "*170#", "n'", "x", "to", "o'clock", "Gen", "Jan", "Ph.D.", "hrs", "tv", "NPP's", "PIN ", "233", "gh", "<3",
];

fn text() -> impl Strategy<Value = String> {
    let pieces =
        prop::collection::vec(prop::sample::select(PIECES), 0..14).prop_map(|p| p.concat());
    prop_oneof![4 => pieces, 1 => any::<String>()]
}

fn options() -> impl Strategy<Value = NormalizeOptions> {
    let chat = prop::sample::select(vec![
        ChatSpelling::Off,
        ChatSpelling::Narrow,
        ChatSpelling::Wide,
    ]);
    let variety = prop::sample::select(vec![Variety::Asante, Variety::Akuapem]);
    (variety, any::<bool>(), chat, any::<bool>()).prop_map(
        |(variety, human, chat, clock_to_hour)| NormalizeOptions {
            variety,
            human,
            chat,
            clock_to_hour,
        },
    )
}

fn is_closed(text: &str) -> bool {
    let letters = "abcdefghijklmnopqrstuvwxyzɛɔ' .,?!;:…\u{300}\u{301}\u{303}\u{304}";
    let marks = ['.', ',', '?', '!', ';', ':', '…'];
    text.nfd().all(|c| letters.contains(c))
        && text.nfc().eq(text.chars())
        && text.trim() == text
        && !text.contains("  ")
        && marks.iter().all(|mark| !text.contains(&format!(" {mark}")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn normalized_text_is_closed_and_stays_itself(text in text(), options in options()) {
        let once = normalize(&text, &options);
        prop_assert!(is_closed(&once), "{once:?}");
        prop_assert_eq!(&normalize(&once, &options), &once);
        prop_assert_eq!(&clean(&once, &options), &once);
    }

    #[test]
    fn cleaned_text_stays_itself(text in text(), options in options()) {
        let once = clean(&text, &options);
        prop_assert_eq!(&clean(&once, &options), &once);
        prop_assert!(once.nfc().eq(once.chars()));
    }

    #[test]
    fn numbers_are_closed_and_read_alike(n in any::<u64>(), options in options()) {
        // Twelve digits that begin so are a telephone number.
        let phone = [2332, 2333, 2335].contains(&(n / 100_000_000));
        prop_assume!(!phone);
        let words = number_words(n, &options, true);
        prop_assert!(is_closed(&words) && !words.is_empty());
        prop_assert_eq!(normalize(&n.to_string(), &options), words);
    }

    #[test]
    fn sentences_are_ordered_and_lose_nothing(text in text()) {
        let mut at = 0;
        for range in split_sentences(&text) {
            prop_assert!(text[at..range.start].trim().is_empty());
            prop_assert_eq!(text[range.clone()].trim(), &text[range.clone()]);
            prop_assert!(!range.is_empty());
            at = range.end;
        }
        prop_assert!(text[at..].trim().is_empty());
    }
}
