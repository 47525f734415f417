//! What holds for every text.

use kalakan_text::{format_units, parse_units, syllables, G2pOptions, ToneMode, TwiG2p, UNK};
use proptest::prelude::*;

fn reader(cache_size: usize, tone: ToneMode) -> TwiG2p {
    TwiG2p::new(G2pOptions {
        cache_size,
        tone,
        ..G2pOptions::default()
    })
}

fn twi() -> impl Strategy<Value = String> {
    "([mnw]')?[a-zɛɔmnaeiou\u{301}\u{300}\u{303}!]{1,12}([ ,.?…] ?[a-zɛɔmnaeiou\u{301}]{1,8}){0,4}"
}

proptest! {
    #[test]
    fn every_text_has_a_reading_and_ids_round_trip(text in any::<String>()) {
        let ids = reader(64, ToneMode::Full).text_to_ids(&text);
        prop_assert!(ids.iter().all(|id| id.symbol().is_some()));
        prop_assert_eq!(parse_units(&format_units(&ids)), Ok(ids));
    }

    #[test]
    fn the_cache_changes_nothing(text in twi()) {
        let cached = reader(2, ToneMode::Full);
        let first = cached.text_to_ids(&text);
        prop_assert_eq!(&cached.text_to_ids(&text), &first);
        prop_assert_eq!(&reader(0, ToneMode::Full).text_to_ids(&text), &first);
    }

    #[test]
    fn latin_letters_are_never_unknown(text in twi()) {
        let g2p = reader(0, ToneMode::Full);
        prop_assert!(!g2p.text_to_ids(&text).contains(&UNK));
        prop_assert!(g2p.unknown().is_empty());
    }

    #[test]
    fn tone_units_stand_after_a_nucleus_and_change_no_sound(text in twi()) {
        let full = reader(0, ToneMode::Full).text_to_ids(&text);
        let economic = reader(0, ToneMode::Economic).text_to_ids(&text);
        for pair in full.windows(2).chain(economic.windows(2)) {
            prop_assert!(!pair[1].is_tone() || pair[0].is_nucleus() || pair[0].is_tone());
        }
        let sounds = |ids: &[kalakan_text::PhonemeId]| -> Vec<_> {
            ids.iter().copied().filter(|id| !id.is_tone()).collect()
        };
        prop_assert_eq!(sounds(&full), sounds(&economic));
    }

    #[test]
    fn syllables_lose_nothing_and_have_one_nucleus(word in "[a-zɛɔmnaeiou\u{301}]{1,12}") {
        let units = reader(0, ToneMode::Full).text_to_ids(&word);
        let found = syllables(&units);
        prop_assert_eq!(found.concat(), units.clone());
        let nuclei = |syllable: &&Vec<_>| {
            syllable.iter().filter(|unit: &&kalakan_text::PhonemeId| unit.is_nucleus()).count() == 1
        };
        prop_assert!(found.len() == 1 || found.iter().all(|syllable| nuclei(&syllable)));
    }
}

#[test]
fn a_long_word_takes_time_in_proportion() {
    let g2p = reader(0, ToneMode::Full);
    assert_eq!(g2p.text_to_ids(&"be".repeat(100_000)).len(), 200_000);
    assert_eq!(
        g2p.text_to_ids(&"!".repeat(100_000)),
        g2p.text_to_ids("!!!")
    );
    assert!(g2p.text_to_ids(&"' ".repeat(100_000)).is_empty());
    assert!(g2p.text_to_ids(&"\u{301}".repeat(100_000)).is_empty());
}
