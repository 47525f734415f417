//! Every line of the golden table of tones, as Python reads it too.

use kalakan_text::normalize::{NormalizeOptions, Variety};
use kalakan_text::{G2pOptions, Rules, TwiG2p};

#[test]
fn sentences_have_the_tones_of_the_sources() {
    let g2p = TwiG2p::new(G2pOptions::default());
    let options = NormalizeOptions::default();
    let mut wrong = Vec::new();
    for line in include_str!("../../../tests/golden/tone.tsv")
        .lines()
        .skip(1)
    {
        let fields: Vec<&str> = line.split('\t').collect();
        let [id, sentence, marked, rules, confidence, _source] = fields[..] else {
            panic!("not six columns: {line}");
        };
        let got = g2p.write_tones(sentence, Some(&options), None);
        let words = g2p.explain_tones(sentence, Some(&options), None);
        let names: Vec<String> = words
            .iter()
            .map(|word| word.rules.map_or("-".into(), Rules::name))
            .collect();
        let sure: Vec<&str> = words
            .iter()
            .map(|word| word.confidence.map_or("-", |confidence| confidence.name()))
            .collect();
        if got != marked || names.join(" ") != rules || sure.join(" ") != confidence {
            wrong.push(format!(
                "{id} {sentence}: {got}, not {marked}; {names:?} {sure:?}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn marked(sentence: &str, variety: Variety) -> String {
    let g2p = TwiG2p::new(G2pOptions {
        variety,
        ..G2pOptions::default()
    });
    g2p.write_tones(sentence, None, None)
}

/// Rules 7b and 15: a short verb's past, and where the high tone of a linked clause lands.
#[test]
fn the_standards_differ_where_the_sources_say_so() {
    assert_eq!(marked("ɔkɔɔ fie", Variety::Asante), "ɔ̀kɔ̀ɔ̀ fíé");
    assert_eq!(marked("wɔhuu no", Variety::Asante), "wɔ̀hùù nò");
    assert_eq!(marked("wɔhuu no", Variety::Akuapem), "wɔ̀húù nò");
    assert_eq!(marked("obi a ɔkɔ", Variety::Asante), "òbí à ɔ̀kɔ́");
    assert_eq!(marked("obi a ɔkɔ", Variety::Akuapem), "òbí à ɔ́kɔ́");
}

#[test]
fn a_marked_word_steers_its_neighbours() {
    // After a high tone the prefix of a perfect is high, after a low one it is low (rule 9).
    assert_eq!(marked("nó aka", Variety::Asante), "nó áká");
    assert_eq!(marked("nò aka", Variety::Asante), "nò àká");
}

#[test]
fn nothing_is_said_of_words_without_evidence() {
    for word in ["computer", "zambia", "obama", "vxq"] {
        let g2p = TwiG2p::new(G2pOptions::default());
        let words = g2p.explain_tones(word, None, None);
        assert!(
            words
                .iter()
                .all(|found| found.rules.is_none() || found.form != word),
            "{word}"
        );
    }
    assert_eq!(marked("school", Variety::Asante), "school");
}
