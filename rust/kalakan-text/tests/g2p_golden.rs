//! Every line of the golden tables, as Python reads them too.

use kalakan_text::{format_units, G2pOptions, TwiG2p};

fn check(table: &str) {
    let g2p = TwiG2p::new(G2pOptions::default());
    let mut wrong = Vec::new();
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [id, word, units, category, confidence, _source] = fields[..] else {
            panic!("not six columns: {line}");
        };
        let word = word.replace('ε', "ɛ");
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
