//! Abbreviations of an English text.

use super::Reader;

/// Abbreviations with or without a dot, and their spoken forms; `etc` keeps the dot of the sentence that it ends.
const ABBREVIATIONS: [(&str, &str); 20] = [
    ("e.g", "for example"),
    ("i.e", "that is"),
    ("etc", "et cetera"),
    ("vs", "versus"),
    ("Dr", "doctor"),
    ("Mr", "mister"),
    ("Mrs", "missis"),
    ("Ms", "miz"),
    ("Prof", "professor"),
    ("Rev", "reverend"),
    ("Hon", "honourable"),
    ("Jr", "junior"),
    ("Jnr", "junior"),
    ("Sr", "senior"),
    ("Snr", "senior"),
    ("Ltd", "limited"),
    ("Capt", "captain"),
    ("Gen", "general"),
    ("Sgt", "sergeant"),
    ("Nos", "numbers"),
];

impl Reader<'_> {
    /// Reads "e.g." and "Dr" in full.
    pub(super) fn abbreviation(&mut self) -> bool {
        let found = ABBREVIATIONS.iter().find(|(written, _)| {
            let end = self.at + written.chars().count();
            self.starts_token() && self.has(self.at, written) && self.ends_token(end)
        });
        let Some((written, words)) = found else {
            return false;
        };
        self.say(words);
        self.writer.text.truncate(self.writer.text.trim_end().len());
        self.at += written.chars().count();
        let ends = matches!(*written, "etc" | "Jr" | "Jnr" | "Sr" | "Snr" | "Ltd");
        let last = self.chars[self.at..]
            .iter()
            .skip(1)
            .all(|c| c.is_whitespace());
        if self.chars.get(self.at) == Some(&'.') && !(ends && (last || self.starts_sentence())) {
            self.at += 1;
        }
        true
    }

    /// Returns whether a capital follows the dot here.
    fn starts_sentence(&self) -> bool {
        let mut after = self.chars[self.at + 1..]
            .iter()
            .skip_while(|c| c.is_whitespace());
        after.next().is_some_and(|c| c.is_uppercase())
    }
}
