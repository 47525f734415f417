//! Every line of the golden tables, as Python reads them too.

use kalakan_text::clean::clean;
use kalakan_text::normalize::NormalizeOptions;
use kalakan_text::{format_units, G2pOptions, Lexicon, ToneMode, TwiG2p};

fn check(table: &str) {
    let full = TwiG2p::new(G2pOptions::default());
    let economic = TwiG2p::new(G2pOptions {
        tone: ToneMode::Economic,
        ..G2pOptions::default()
    });
    let mut wrong = Vec::new();
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [id, word, units, category, confidence, _source] = fields[..] else {
            panic!("not six columns: {line}");
        };
        let g2p = if id.starts_with('E') {
            &economic
        } else {
            &full
        };
        // Cleaning knows one spelling of the downstep mark.
        let word = clean(&word.replace('ꜜ', "!"), &NormalizeOptions::default());
        let got = format_units(&g2p.text_to_ids(&word));
        if got != units {
            wrong.push(format!(
                "{id} {category} {confidence} {word}: {got}, not {units}"
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

#[test]
fn words_of_the_specification() {
    check(include_str!("../../../tests/golden/g2p.tsv"));
}

#[test]
fn words_read_by_rule() {
    check(include_str!("../../../tests/golden/g2p_more.tsv"));
}

#[test]
fn the_built_in_lexicon_is_readable() {
    let table = include_str!("../data/lexicon.tsv");
    let mut lexicon = Lexicon::default();
    for line in table.lines().skip(1) {
        if let [word, units, _, _] = line.split('\t').collect::<Vec<_>>()[..] {
            if !units.is_empty() {
                let added = lexicon.insert(word, units, line);
                added.expect("a bad line in data/lexicon.tsv");
            }
        } else {
            panic!("not four columns: {line}");
        }
    }
    let read = table
        .lines()
        .skip(1)
        .filter(|line| line.split('\t').nth(1) != Some(""));
    let read = read.count();
    assert_eq!(lexicon.len(), read, "a word stands twice");
    let names: Vec<&str> = include_str!("../data/names.tsv").lines().skip(1).collect();
    assert_eq!(Lexicon::built_in().len(), read + names.len());
    assert!(names.is_sorted(), "data/names.tsv is not sorted");
}

/// A name is listed because its English spelling is no Twi one; what it is respelled with is.
#[test]
fn names_are_respelled_in_twi() {
    let g2p = TwiG2p::new(G2pOptions::default());
    for row in include_str!("../data/names.tsv").lines().skip(1) {
        let (name, spelling) = row.split_once('\t').expect("no tab in data/names.tsv");
        assert_eq!(g2p.text_to_ids(name), g2p.text_to_ids(spelling), "{row}");
        assert!(g2p.unknown().is_empty(), "{row}");
    }
}
