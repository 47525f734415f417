//! What holds for the predicted tones of every text.

use kalakan_text::normalize::{normalize, NormalizeOptions, Variety};
use kalakan_text::{format_units, G2pOptions, PhonemeId, Tones, TwiG2p};
use proptest::prelude::*;

fn reader(cache_size: usize, variety: Variety) -> TwiG2p {
    TwiG2p::new(G2pOptions {
        cache_size,
        variety,
        ..G2pOptions::default()
    })
}

/// Words of every class beside letters at random.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "me", "wo", "ne", "no", "na", "a", "bi", "sɛ", "nea", "da", "yɛ", "wɔ", "so", "Kofi", "sika", "papa", "ɔbaa", "nnipa", "adwuma",
    "kɔ", "ɔkɔɔ", "obisaa", "mɛma", "wobɛtumi", "yɛrekɔ", "akɔ", "wɔabɔ", "menni", "mannhu", "ɛnyɛ", "nyɛ", "ammoa", "dunan",
    "okuafoɔ", "ayaresabea", "nsɛmmisa", "n'adwuma", "m'ani", "Asamoah", "Ghana", "school", "the", "tɔ́", "ɔ̀kɔ́", "pá!pá", "hũ", "ǹkɔ", "Twi",
    "1,200", "GHS 5", ",", ".", "?", "!", "…", "Dr.", "anigyesɛmfoforo", "nnwontofo", "kyerɛkyerɛ", "w'", "mmmm", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

fn text() -> impl Strategy<Value = String> {
    let words =
        prop::collection::vec(prop::sample::select(WORDS), 0..12).prop_map(|words| words.join(" "));
    let letters = "([mnw]')?[a-zɛɔmnaeiouyw\u{301}\u{300}\u{303}!]{1,10}([ ,.?] ?[a-zɛɔmnaeioukyw]{1,8}){0,6}";
    prop_oneof![4 => words, 2 => letters, 1 => any::<String>()]
}

fn sounds(ids: &[PhonemeId]) -> Vec<PhonemeId> {
    ids.iter().copied().filter(|id| !id.is_tone()).collect()
}

fn predicted(g2p: &TwiG2p, text: &str) -> Vec<PhonemeId> {
    g2p.read_ids(
        text,
        Some(&NormalizeOptions::default()),
        None,
        Some(Tones::Predicted),
    )
}

fn written(g2p: &TwiG2p, text: &str) -> Vec<PhonemeId> {
    g2p.read_ids(
        text,
        Some(&NormalizeOptions::default()),
        None,
        Some(Tones::Written),
    )
}

fn variety() -> impl Strategy<Value = Variety> {
    prop::sample::select(vec![Variety::Asante, Variety::Akuapem])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tones_are_added_to_nuclei_and_nothing_else_changes(text in text(), variety in variety()) {
        let g2p = reader(64, variety);
        let ids = predicted(&g2p, &text);
        prop_assert_eq!(sounds(&ids), sounds(&written(&g2p, &text)));
        for pair in ids.windows(2) {
            prop_assert!(!pair[1].is_tone() || pair[0].is_nucleus() || pair[0].is_tone());
        }
    }

    #[test]
    fn marked_words_stay_as_they_are_written(text in text()) {
        let g2p = reader(64, Variety::Asante);
        let with = g2p.read(&text, Some(&NormalizeOptions::default()), None, Some(Tones::Predicted));
        let without = g2p.read(&text, Some(&NormalizeOptions::default()), None, Some(Tones::Written));
        prop_assert_eq!(with.words.len(), without.words.len());
        for (a, b) in with.words.iter().zip(&without.words) {
            prop_assert_eq!(&a.text, &b.text);
            let marked = &without.ids[b.ids.clone()];
            // A span may hold several words.
            let one_word = !marked.iter().any(|id| id.is_pause() || id.row().class == "boundary");
            if one_word && marked.iter().any(|id| id.is_tone()) {
                prop_assert_eq!(&with.ids[a.ids.clone()], marked);
            }
        }
    }

    #[test]
    fn the_cache_changes_nothing(text in text(), variety in variety()) {
        let cached = reader(2, variety);
        let first = predicted(&cached, &text);
        // The cache holds words that were read in another sentence, and with the other choice.
        written(&cached, &text);
        predicted(&cached, "no na ne wo bi");
        prop_assert_eq!(&predicted(&cached, &text), &first);
        prop_assert_eq!(&predicted(&reader(0, variety), &text), &first);
    }

    #[test]
    fn written_tones_are_read_as_they_were_predicted(text in text()) {
        let g2p = reader(64, Variety::Asante);
        let options = NormalizeOptions::default();
        let marked = g2p.write_tones(&text, Some(&options), None);
        prop_assert_eq!(format_units(&written(&g2p, &marked)), format_units(&predicted(&g2p, &text)), "{}", marked);
        prop_assert_eq!(&normalize(&marked, &options), &marked);
    }

    #[test]
    fn written_tones_stay_when_they_are_predicted_again(text in text()) {
        let g2p = reader(64, Variety::Asante);
        let options = NormalizeOptions::default();
        let once = g2p.write_tones(&text, Some(&options), None);
        let twice = g2p.write_tones(&once, Some(&options), None);
        // A word that the first reading knew nothing of may learn from its neighbours' marks, but no mark changes.
        let bare = |text: &str| -> String { text.chars().filter(|c| !matches!(c, '\u{301}' | '\u{300}' | '\u{304}')).collect() };
        let words = once.split_whitespace().zip(twice.split_whitespace());
        for (a, b) in words {
            if a.chars().any(|c| matches!(c, '\u{301}' | '\u{300}' | '\u{304}' | 'á' | 'à' | 'é' | 'è' | 'í' | 'ì' | 'ó' | 'ò' | 'ú' | 'ù')) {
                prop_assert_eq!(a, b);
            }
        }
        prop_assert_eq!(bare(&once).split_whitespace().count(), bare(&twice).split_whitespace().count());
    }

    #[test]
    fn every_word_is_explained(text in text()) {
        let g2p = reader(0, Variety::Asante);
        for word in g2p.explain_tones(&text, Some(&NormalizeOptions::default()), None) {
            prop_assert_eq!(word.rules.is_some(), word.confidence.is_some());
            prop_assert_eq!(word.rules.is_some(), !word.source.is_empty());
            prop_assert!(word.rules.is_none_or(|rules| !rules.name().is_empty()));
            prop_assert!(word.rules.is_some() || word.form == word.word);
        }
    }
}

#[test]
fn a_long_phrase_takes_time_in_proportion() {
    let g2p = reader(8192, Variety::Asante);
    let ids = predicted(&g2p, &"me kɔ fie na ".repeat(50_000));
    assert!(ids.len() > 400_000);
}
