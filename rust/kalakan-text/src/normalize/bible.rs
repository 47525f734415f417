//! Bible verses: "Yohane 3:16" is a chapter and a verse, not a time.

use super::number::{integer_words, Form};
use super::scanner::Scanner;

/// Books in Asante and Akuapem spelling, then in English; sorted for a binary search.
#[rustfmt::skip]
const BOOKS: &[&str] = &[
    "acts", "adiyisɛm", "adiyisɛmwoma", "ahemfo", "ahemfoɔ", "amos", "apocalypse", "asomafo", "asomafoɔ", "atemmufo",
    "atemmufoɔ", "berɛsosɛm", "beresosɛm", "chronicles", "colossians", "corinthians", "daniel",
    "deuteronomium", "deuteronomy", "dwom", "dwoms", "ecclesiastes", "efesofo", "efesofoɔ", "ephesians", "esra",
    "ester", "esther", "exodus", "ezekiel", "ezra", "filemon", "filipifo", "filipifoɔ", "galatians",
    "galatifo", "galatifoɔ", "genesis", "habakkuk", "habakuk", "hagai", "haggai", "hebrews",
    "hebrifo", "hebrifoɔ", "hesekiel", "hiob", "hosea", "isaiah", "james", "jeremiah", "job", "joel", "john", "jonah",
    "joshua", "jude", "judges", "kings", "kolosefo", "kolosefoɔ", "korintofo", "korintofoɔ", "kwadwom",
    "lamentations", "leviticus", "luka", "luke", "malachi", "malaki", "mark", "marko", "mateo", "matthew",
    "mateɔ", "micah", "mika", "mmebusɛm", "nahum", "nehemia", "nehemiah", "nnwom", "numbers", "numeri", "obadia",
    "obadiah", "peter", "petro", "philemon", "philippians", "proverbs", "psalm", "psalms", "revelation", "romafo",
    "romafoɔ", "romans", "rut", "ruth", "sakaria", "samuel", "sefania", "tesalonikafo", "tesalonikafoɔ",
    "thessalonians", "timoteo", "timothy", "tito", "titus", "yakobo", "yeremia", "yesaia", "yoel", "yohane", "yona",
    "yosua", "yuda", "zechariah", "zephaniah", "ɔsɛnkafo", "ɔsɛnkafoɔ",
];

/// Tells whether `word` is the name of a book of the Bible.
pub(super) fn is_book(word: &str) -> bool {
    BOOKS.contains(&word)
}

impl Scanner<'_> {
    /// Reads chapter and verses; the colon stands at `colon`.
    pub(super) fn verse(&mut self, colon: usize) {
        self.chapter(colon);
        loop {
            let end = self.digits_end(self.at);
            self.figure(end);
            let next = self.peek(end);
            let dash = matches!(next, '-' | '–');
            if !(dash || next == ',') || !self.digit(end + 1) {
                return;
            }
            let stop = self.digits_end(end + 1);
            self.at = end + 1;
            if dash {
                self.out.word("kɔsi");
            } else {
                self.out.pause();
            }
            if self.peek(stop) == ':' && self.digit(stop + 1) {
                self.chapter(stop);
            }
        }
    }

    fn chapter(&mut self, colon: usize) {
        self.out.word("ti");
        self.figure(colon);
        self.out.word("nkyekyɛmu");
        self.at = colon + 1;
    }

    fn figure(&mut self, end: usize) {
        let words = integer_words(&self.slice(self.at, end), self.options, Form::Attributive);
        self.out.word(&words);
        self.at = end;
    }
}
