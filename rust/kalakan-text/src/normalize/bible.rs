//! Bible verses: "Yohane 3:16" is a chapter and a verse, not a time.

use super::number::{integer_words, Form};
use super::scanner::Scanner;
use super::Variety;

/// Books in Asante and Akuapem spelling, then in English; sorted for a binary search.
#[rustfmt::skip]
const BOOKS: &[&str] = &[
    "acts", "adiyisɛm", "adiyisɛmwoma", "ahemfo", "ahemfoɔ", "ahene", "amos", "apocalypse", "asomafo", "asomafoɔ",
    "atemmufo", "atemmufoɔ", "beresosɛm", "berɛsosɛm", "chronicles", "colossians", "corinthians", "daniel",
    "deuteronomium", "deuteronomy", "dwom", "dwoms", "ecclesiastes", "efesofo", "efesofoɔ", "eksodos", "eksodus",
    "ephesians", "esra", "ester", "esther", "exodus", "ezekiel", "ezra", "filemon", "filipifo", "filipifoɔ",
    "filipofo", "filipofoɔ", "galatians", "galatifo", "galatifoɔ", "genesis", "habakkuk", "habakuk", "hagai",
    "haggai", "hebrews", "hebrifo", "hebrifoɔ", "hesekiel", "hiob", "hosea", "isaiah", "james", "jeremiah", "job",
    "joel", "john", "jonah", "joshua", "jude", "judges", "kings", "kolosefo", "kolosefoɔ", "korintofo", "korintofoɔ",
    "kwadwom", "lamentations", "leviticus", "luka", "luke", "malachi", "malaki", "mark", "marko", "mateo", "mateɔ",
    "mathew", "matthew", "micah", "mika", "mikea", "mmebusɛm", "nahum", "nehemia", "nehemiah", "nnwom", "numbers",
    "numeri", "obadia", "obadiah", "peter", "petro", "philemon", "philippians", "proverbs", "psalm", "psalms",
    "revelation", "romafo", "romafoɔ", "romans", "rut", "ruth", "sakaria", "samuel", "sefania", "tesalonikafo",
    "tesalonikafoɔ", "thessalonians", "timoteo", "timothy", "tito", "titus", "yakobo", "yeremia", "yesaia", "yoel",
    "yohane", "yona", "yosua", "yuda", "zechariah", "zephaniah", "ɔsɛnkafo", "ɔsɛnkafoɔ",
];

/// Short names of books, as written before a chapter and a verse, and the book.
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

/// A book of two words.
const ACTS: [&str; 2] = ["asomafo nnwuma", "asomafoɔ nnwuma"];

/// Returns whether `word` is the name of a book of the Bible.
pub(super) fn is_book(word: &str) -> bool {
    BOOKS.binary_search(&word).is_ok()
}

/// Returns whether `word` is the short name of a book, with a capital.
pub(super) fn is_short_book(word: &str) -> bool {
    let short = |(short, _): &(&str, &str)| short.eq_ignore_ascii_case(word);
    word.starts_with(char::is_uppercase) && SHORT.iter().any(short)
}

impl Scanner<'_> {
    /// Returns whether the last words are the name of a book.
    pub(super) fn after_book(&self) -> bool {
        is_book(self.out.last_word()) || ACTS.iter().any(|book| self.out.ends_with(book))
    }

    /// Reads a chapter and a verse with spaces or a v between them: "29 : 25", "3 v 16".
    pub(super) fn spaced_verse(&mut self) -> bool {
        let chapter = self.digits_end(self.at);
        let start = self.skip_spaces(chapter);
        let mut end = start;
        match self.peek(start) {
            ':' => end += 1,
            'v' if start > chapter => {
                end += 1 + usize::from(self.peek(end + 1) == 's');
                end += usize::from(self.peek(end) == '.');
            }
            _ => return false,
        }
        let verse = self.skip_spaces(end);
        let counts =
            |from: usize, to: usize| self.peek(from) != '0' && (1..=3).contains(&(to - from));
        let written = counts(self.at, chapter) && counts(verse, self.digits_end(verse));
        if !written || verse == chapter + 1 || !self.after_book() {
            return false;
        }
        self.verse(chapter, verse);
        true
    }

    /// Reads the name of a book in capitals, if a chapter and a verse follow: "LUKA 12:33".
    pub(super) fn loud_book(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        let chapter = self.skip_spaces(end);
        let loud = end - start > 2 && chapter > end && self.peek(start + 1).is_uppercase();
        if !loud || !self.is_verse(chapter) || end - start > 16 {
            return false;
        }
        let low = self.lower(start, end);
        if !is_book(&low) {
            return false;
        }
        self.out.word(&low);
        self.at = end;
        true
    }

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

    /// Reads chapter and verses; the chapter ends at `colon`, the first verse starts at `start`.
    pub(super) fn verse(&mut self, colon: usize, start: usize) {
        self.chapter(colon);
        self.at = start;
        loop {
            let end = self.digits_end(self.at);
            self.figure(end);
            let next = self.peek(end);
            let dash = matches!(next, '-' | '–');
            if !(dash || next == ',') || !self.digit(end + 1) {
                if self.next_verse(end) {
                    continue;
                }
                self.following(end);
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

    /// Reads the "ff" of "3:16ff".
    fn following(&mut self, end: usize) {
        if self.peek(end) == 'f' && self.peek(end + 1) == 'f' && self.boundary(end + 2) {
            self.out.word("ne nea ɛdi so");
            self.at = end + 2;
        }
    }

    /// Continues with "; 6:9" after a verse that ends at `end`.
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

    /// Returns whether a chapter and a verse are at `start`: "0:00", "6:05" and "3:15pm" are times.
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

#[cfg(test)]
mod tests {
    use super::BOOKS;

    #[test]
    fn books_are_sorted() {
        assert!(BOOKS.is_sorted());
    }
}
