//! Lengths of time in short form: 1h 20m, 5min 30s, 2h, 1h20.

use super::number::{integer_words, Form};
use super::scanner::Scanner;

/// Short names of a part, longest part first, and its noun.
const PARTS: [(&[&str], &str); 3] = [
    (&["h", "hr", "hrs"], "dɔnhwere"),
    (&["m", "min", "mins"], "simma"),
    (&["s", "sec", "secs"], "sɛkɛnd"),
];

/// Figures of one part.
const DIGITS: usize = 4;

impl Scanner<'_> {
    /// Reads hours, minutes and seconds. Minutes by the letter m alone are meters.
    pub(super) fn duration(&mut self) -> bool {
        let mut parts: Vec<(usize, usize, &str)> = Vec::new();
        let (mut at, mut stop, mut rank, mut sure) = (self.at, self.at, 0, false);
        while let Some((end, letters, found)) = self.duration_part(at, rank) {
            parts.push((at, end, PARTS[found].1));
            let tight = end < letters && self.peek(end) != ' ';
            // "the 1990s" and "a man in his 30s" are decades.
            sure |= found == 0 || found == 2 && !(tight && self.peek(end - 1) == '0');
            stop = letters;
            rank = found + 1;
            at = letters + usize::from(self.peek(letters) == ' ');
        }
        let bare = self.digits_end(stop);
        if rank == 1 && at == stop && bare == stop + 2 && self.boundary(bare) {
            // Minutes without a name; nobody says the zero of 05.
            let from = stop + usize::from(self.peek(stop) == '0');
            parts.push((from, bare, PARTS[1].1));
            stop = bare;
        }
        if !self.boundary(stop) {
            return false;
        }
        let one_letter = parts.len() == 1 && self.boundary(stop - 2);
        let short = parts.len() == 1 && (one_letter || self.digit(stop - 2));
        if parts.len() < 2 && !(short && sure) {
            return false;
        }
        for (from, to, noun) in parts {
            let words = integer_words(&self.slice(from, to), self.options, Form::Attributive);
            self.out.word(noun);
            self.out.word(&words);
        }
        self.at = stop;
        true
    }

    /// Returns the end of the figures at `at`, the end of the name after them and which part that is, from `rank` on.
    fn duration_part(&self, at: usize, rank: usize) -> Option<(usize, usize, usize)> {
        let end = self.digits_end(at);
        let start = end + usize::from(self.peek(end) == ' ');
        let stop = self.letters_end(start);
        let length = stop - start;
        let next = self.peek(stop);
        if end == at
            || end - at > DIGITS
            || !(1..=4).contains(&length)
            || matches!(next, '\'' | '/' | '²' | '³')
        {
            return None;
        }
        // 4G and 3M are names.
        let name = self.slice(start, stop);
        let found = PARTS
            .iter()
            .skip(rank)
            .position(|(names, _)| names.contains(&name.as_str()))
            .filter(|found| {
                // More may follow hours only: 1h20m.
                self.boundary(stop) || rank + found == 0 && self.digit(stop)
            });
        found.map(|found| (end, stop, rank + found))
    }
}
