//! The shared golden table: every line is one reading that must not change by accident.

use std::fs;
use std::path::Path;

use kalakan_text::normalize::{normalize, NormalizeOptions};

fn check(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden")
        .join(name);
    let table = fs::read_to_string(&path).expect("golden table");
    let options = NormalizeOptions::default();
    let mut wrong = Vec::new();
    for row in table.lines().skip(1) {
        let fields: Vec<&str> = row.split('\t').collect();
        let [id, input, expected, ..] = fields[..] else {
            panic!("{name}: short row {row:?}")
        };
        let found = normalize(input, &options);
        if found != expected {
            wrong.push(format!(
                "{id}: {input:?}\n  expected {expected:?}\n  found    {found:?}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong in {name}\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn golden_lines_hold() {
    check("norm.tsv");
    check("norm_more.tsv");
}
