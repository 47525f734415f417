//! Signs and small words between two numbers: 5 + 3 = 8, 2x4, 10 to 15.

use super::scanner::Scanner;

impl Scanner<'_> {
    /// Says the sign that stands between two numbers.
    pub(super) fn operator(&mut self) -> bool {
        let words = match self.peek(self.at) {
            '+' => "plɔs",
            '=' => "yɛ",
            '×' | '*' => "mpɛn",
            '÷' => "kyɛ mu",
            _ => return false,
        };
        self.between_numbers(self.at, self.at + 1) && self.say(words, self.at + 1)
    }

    /// Reads the x of "5 x 3" and "20m x 30m".
    pub(super) fn times(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        let x = end == start + 1 && matches!(self.peek(start), 'x' | 'X');
        x && self.between_numbers(start, end) && self.say("mpɛn", end)
    }

    /// Reads the English "to" of "10 to 15" and "8am to 5pm".
    pub(super) fn until(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        let to = end == start + 2 && self.lower(start, end) == "to";
        to && self.between_numbers(start, end) && self.say("kɔsi", end)
    }

    fn say(&mut self, words: &str, end: usize) -> bool {
        self.out.word(words);
        self.at = end;
        true
    }

    /// Tells whether a number has just ended before `start` and one begins after `end`, at most a space away.
    fn between_numbers(&self, start: usize, end: usize) -> bool {
        let before = start
            .checked_sub(1)
            .map_or(' ', |before| self.chars[before]);
        self.quantity_end == start - usize::from(start > 0 && before == ' ')
            && self.starts_amount(end + usize::from(self.peek(end) == ' '))
    }
}
