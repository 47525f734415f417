//! Bible verses: "Yohane 3:16" is a chapter and a verse, not a time.

use super::number::{integer_words, Form};
use super::scanner::Scanner;
use super::Variety;

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
    "lamentations", "leviticus", "luka", "luke", "malachi", "malaki", "mark", "marko", "mateo", "mathew", "matthew",
    "mateɔ", "micah", "mika", "mmebusɛm", "nahum", "nehemia", "nehemiah", "nnwom", "numbers", "numeri", "obadia",
    "obadiah", "peter", "petro", "philemon", "philippians", "proverbs", "psalm", "psalms", "revelation", "romafo",
    "romafoɔ", "romans", "rut", "ruth", "sakaria", "samuel", "sefania", "tesalonikafo", "tesalonikafoɔ",
    "thessalonians", "timoteo", "timothy", "tito", "titus", "yakobo", "yeremia", "yesaia", "yoel", "yohane", "yona",
    "yosua", "yuda", "zechariah", "zephaniah", "ɔsɛnkafo", "ɔsɛnkafoɔ",
];

/// Short names of books, as they stand before a chapter and a verse, and the book.
#[rustfmt::skip]
const SHORT: &[(&str, &str)] = &[
    ("adi", "adiyisɛm"), ("ahem", "ahemfoɔ"), ("aso", "asomafoɔ"), ("atem", "atemmufoɔ"), ("ber", "beresosɛm"),
    ("col", "kolosefoɔ"), ("cor", "korintofoɔ"), ("dan", "daniel"), ("deut", "deuteronomium"),
    ("dt", "deuteronomium"), ("dw", "dwom"), ("eccl", "ɔsɛnkafoɔ"), ("efe", "efesofoɔ"), ("eph", "efesofoɔ"),
    ("ex", "exodus"), ("exo", "exodus"), ("exod", "exodus"), ("ezek", "hesekiel"), ("fil", "filipifoɔ"),
    ("gal", "galatifoɔ"), ("gen", "genesis"), ("hab", "habakuk"), ("heb", "hebrifoɔ"), ("hes", "hesekiel"),
    ("hos", "hosea"), ("isa", "yesaia"), ("jas", "yakobo"), ("jer", "yeremia"), ("jn", "yohane"), ("josh", "yosua"),
    ("judg", "atemmufoɔ"), ("kol", "kolosefoɔ"), ("kor", "korintofoɔ"), ("lev", "leviticus"), ("lk", "luka"),
    ("luk", "luka"), ("mal", "malaki"), ("mar", "marko"), ("mat", "mateo"), ("matt", "mateo"), ("mk", "marko"),
    ("mmeb", "mmebusɛm"), ("mt", "mateo"), ("neh", "nehemia"), ("num", "numeri"), ("pet", "petro"),
    ("phil", "filipifoɔ"), ("prov", "mmebusɛm"), ("ps", "dwom"), ("psa", "dwom"), ("rev", "adiyisɛm"),
    ("rm", "romafoɔ"), ("rom", "romafoɔ"), ("sam", "samuel"), ("tes", "tesalonikafoɔ"), ("thess", "tesalonikafoɔ"),
    ("tim", "timoteo"), ("tit", "tito"), ("yak", "yakobo"), ("yer", "yeremia"), ("yes", "yesaia"), ("yoh", "yohane"),
    ("yos", "yosua"), ("yud", "yuda"), ("zech", "sakaria"), ("zeph", "sefania"),
];

/// Tells whether `word` is the name of a book of the Bible.
pub(super) fn is_book(word: &str) -> bool {
    BOOKS.contains(&word)
}

/// Tells whether `word` is the short name of a book, with a capital.
pub(super) fn is_short_book(word: &str) -> bool {
    let short = |(short, _): &(&str, &str)| short.eq_ignore_ascii_case(word);
    word.starts_with(char::is_uppercase) && SHORT.iter().any(short)
}

impl Scanner<'_> {
    /// Reads the short name of a book, if a chapter and a verse follow: "Yoh. 3:16".
    pub(super) fn short_book(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        if end - start > 5 {
            return false;
        }
        let after = end + usize::from(self.peek(end) == '.');
        let chapter = self.skip_spaces(after);
        if chapter == end || !self.is_verse(chapter) {
            return false;
        }
        let word = self.lower(start, end);
        let Some((_, book)) = SHORT.iter().find(|(short, _)| *short == word) else {
            return false;
        };
        // Akuapem writes -fo where Asante writes -foɔ.
        let akuapem = self.options.variety == Variety::Akuapem && book.ends_with("foɔ");
        self.out.word(if akuapem {
            book.trim_end_matches('ɔ')
        } else {
            book
        });
        self.at = after;
        true
    }

    /// Reads chapter and verses; the colon stands at `colon`.
    pub(super) fn verse(&mut self, colon: usize) {
        self.chapter(colon);
        loop {
            let end = self.digits_end(self.at);
            self.figure(end);
            let next = self.peek(end);
            let dash = matches!(next, '-' | '–');
            if !(dash || next == ',') || !self.digit(end + 1) {
                if self.next_verse(end) {
                    continue;
                }
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

    /// Goes on to "; 6:9" after a verse that ends at `end`.
    fn next_verse(&mut self, end: usize) -> bool {
        let start = self.skip_spaces(end + 1);
        if self.peek(end) != ';' || !self.is_verse(start) {
            return false;
        }
        self.out.mark(';');
        self.at = start;
        self.chapter(self.digits_end(start));
        true
    }

    /// Tells whether a chapter and a verse stand at `start`: "0:00", "6:05" and "3:15pm" are times.
    pub(super) fn is_verse(&self, start: usize) -> bool {
        let colon = self.digits_end(start);
        let end = self.digits_end(colon + 1);
        let counts = |from: usize, to: usize| {
            let begins = self.digit(from) && self.peek(from) != '0';
            begins && to - from <= 3
        };
        self.peek(colon) == ':'
            && counts(start, colon)
            && counts(colon + 1, end)
            && self.half_day(end).is_none()
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
