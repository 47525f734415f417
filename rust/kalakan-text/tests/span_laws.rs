//! Every word of a raw text has a span, whatever the normalizer makes of it.

use std::sync::{Arc, LazyLock};

use kalakan_text::normalize::{normalize, ChatSpelling, NormalizeOptions};
use kalakan_text::{
    format_units, EnglishLexicon, EnglishSource, G2pOptions, Language, PhonemeId, Reading, TwiG2p,
};
use proptest::prelude::*;

/// Pieces that rules look for; random joins of them reach far more states than random characters.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "me", "kɔ", "Nnipa", "ɛ", "Ɔ", "n'a", "GHS", "ECG", "II", "Osei", "March", "Ɛbɔ", "Yohane", "Dr", "no", "etc", "e.g",
    "A", "b", "am", "pm", "km", "m²", "kg", "%", "$", "GH₵", "₵", "¢", "£", "1", "5", "10", "2024", "03", "3", "0244123456",
    "000", "½", ".", ",", ":", ";", "!", "?", "…", "-", "–", "—", "/", "+", "(", ")", "[", "]", "\"", "'", "’", " ", " ",
    " ", " ", " ", " ", "\n", "\t", "\u{a0}", "\u{200b}", "\u{301}", "\u{300}", "\u{303}", "\u{304}", "É", "›", "”", "Ã",
    "©", "Æ", "†", "â€™", "&amp;", "<b>", "</b>", "<a b=", "<", ">", "&", "@", "#", "_", "www.", ".com", "http://", "ε", "כ",
    "⊃", "а", "😀", "3y3", "k)", "st", "th", "million", "cedis", "°C", "²", "٣", "①", "Ⅳ", "ﬁ", "ñ", "m̀", "ŋ", "*", "~",
    "=", "×", "\u{ad}", "ꜜ",
    "Ã‰", "â€", "*170#", "n'", "x", "to", "o'clock", "Gen", "Jan", "Ph.D.", "hrs", "tv", "NPP's", "PIN ", "233", "gh", "<3", "school", "the", "time",
];

fn text() -> impl Strategy<Value = String> {
    let pieces =
        prop::collection::vec(prop::sample::select(PIECES), 0..20).prop_map(|p| p.concat());
    prop_oneof![4 => pieces, 1 => any::<String>()]
}

fn language() -> impl Strategy<Value = Option<Language>> {
    prop::sample::select(vec![None, Some(Language::Twi), Some(Language::English)])
}

fn english() -> EnglishSource {
    let lines = "school\ts k uː l\nthe\tð ə\ntime\tt a ɪ m\ntwo\tt uː\nme\tm iː\n";
    let lexicon = EnglishLexicon::new(lines.into()).expect("a bad line");
    let lexicon = Arc::new(lexicon);
    EnglishSource::new(move || Some(Arc::clone(&lexicon)))
}

static PLAIN: LazyLock<TwiG2p> = LazyLock::new(|| TwiG2p::new(G2pOptions::default()));

/// With a small cache and without.
static ENGLISH: LazyLock<[TwiG2p; 2]> = LazyLock::new(|| {
    [16, 0].map(|cache_size| {
        TwiG2p::new(G2pOptions {
            english: Some(english()),
            cache_size,
            ..G2pOptions::default()
        })
    })
});

fn check(text: &str, reading: &Reading) -> Result<(), TestCaseError> {
    let (mut at, mut id) = (0, 0);
    let silent = |ids: &[PhonemeId]| {
        ids.iter()
            .all(|id| id.is_pause() || id.row().class == "boundary")
    };
    for span in &reading.words {
        prop_assert!(text[at..span.text.start].trim().is_empty());
        prop_assert!(
            !span.text.is_empty() && text[span.text.clone()].trim() == &text[span.text.clone()]
        );
        prop_assert!(silent(&reading.ids[id..span.ids.start]), "{:?}", reading);
        if let [first, .., last] | [first @ last] = &reading.ids[span.ids.clone()] {
            prop_assert!(!silent(&[*first]) && !silent(&[*last]));
        }
        (at, id) = (span.text.end, span.ids.end);
        prop_assert!(text[at..].is_empty() || text[at..].starts_with(char::is_whitespace));
    }
    prop_assert!(text[at..].trim().is_empty());
    prop_assert!(silent(&reading.ids[id..]));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spans_cover_text_and_ids_in_every_language(text in text(), language in language()) {
        for options in [Some(&NormalizeOptions::default()), None] {
            let reading = ENGLISH[0].read(&text, options, language, None);
            prop_assert_eq!(&reading.ids, &ENGLISH[1].read_ids(&text, options, language, None));
            check(&text, &reading)?;
            if language == Some(Language::Twi) {
                prop_assert_eq!(&reading.ids, &PLAIN.read_ids(&text, options, language, None));
            }
        }
    }

    #[test]
    fn spans_cover_text_and_ids(text in text(), wide in any::<bool>()) {
        let chat = if wide { ChatSpelling::Wide } else { ChatSpelling::Narrow };
        let options = NormalizeOptions { chat, ..NormalizeOptions::default() };
        let reading = PLAIN.read(&text, Some(&options), None, None);
        prop_assert_eq!(&reading.ids, &PLAIN.text_to_ids(&normalize(&text, &options)));
        check(&text, &reading)?;
        let as_it_is = PLAIN.read(&text, None, None, None);
        prop_assert_eq!(&as_it_is.ids, &PLAIN.text_to_ids(&text));
        check(&text, &as_it_is)?;
    }
}

#[test]
fn golden_spans() {
    for line in include_str!("../../../tests/golden/spans.tsv")
        .lines()
        .skip(1)
    {
        let fields: Vec<&str> = line.split('\t').collect();
        let [id, input, words, units, _category] = fields[..] else {
            panic!("not five columns: {line}");
        };
        let reading = PLAIN.read(input, Some(&NormalizeOptions::default()), None, None);
        let texts: Vec<&str> = reading
            .words
            .iter()
            .map(|word| &input[word.text.clone()])
            .collect();
        let sounds: Vec<String> = reading
            .words
            .iter()
            .map(|word| format_units(&reading.ids[word.ids.clone()]))
            .collect();
        assert_eq!(texts.join(" | "), words, "{id}");
        assert_eq!(sounds.join(" | "), units, "{id}");
    }
}

#[test]
fn a_long_text_takes_time_in_proportion() {
    let text = "Nnipa 20% wÉ” 12 km <b>hɔ</b> j3 ".repeat(5_000);
    let reading = PLAIN.read(&text, Some(&NormalizeOptions::default()), None, None);
    assert_eq!(reading.words.len(), 6 * 5_000);
}
