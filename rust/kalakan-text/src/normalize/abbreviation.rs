//! Abbreviations with a dot, titles, initials.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::spelling::{are_initials, letter_names};

use super::bible::is_short_book;
use super::date::{is_short_day, is_short_month};
use super::scanner::Scanner;

/// Bytes of letters of the longest phrase of single letters, as e.g.
const PHRASE: usize = 3;

/// Most initials that are read at once, so that a row of them takes no more time than other text.
const INITIALS: usize = 32;

/// Letters of degrees whose parts may be longer than a letter.
const DEGREES: [&str; 8] = ["phd", "bsc", "msc", "bed", "med", "llb", "llm", "bba"];

/// Required context of an abbreviation, and whether its dot can end a sentence.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Before a name.
    Title,
    /// Before a capitalized name only, and capitalized itself.
    Saint,
    /// Before a figure only.
    Figure,
    /// Before a figure only, and capitalized: "no" is the article.
    Number,
    /// After a name or before a figure, and capitalized.
    Place,
    /// Anywhere.
    Phrase,
}

struct Abbreviation {
    written: &'static str,
    spoken: &'static str,
    kind: Kind,
    /// With a capital and before a name it needs no dot.
    bare: bool,
}

/// The rows of a table of abbreviations; rows of another shape are skipped.
fn rows(table: &'static str) -> impl Iterator<Item = Option<Abbreviation>> {
    table.lines().skip(1).map(|row| {
        let mut fields = row.split('\t');
        let (written, spoken) = (fields.next()?, fields.next()?);
        let kind = match fields.next()? {
            "title" => Kind::Title,
            "saint" => Kind::Saint,
            "figure" => Kind::Figure,
            "number" => Kind::Number,
            "place" => Kind::Place,
            "phrase" => Kind::Phrase,
            _ => return None,
        };
        let bare = match fields.next()? {
            "bare" => true,
            "" => false,
            _ => return None,
        };
        Some(Abbreviation {
            written,
            spoken,
            kind,
            bare,
        })
    })
}

const TABLE: &str = include_str!("../../data/abbreviations.tsv");

static ABBREVIATIONS: LazyLock<HashMap<&'static str, Abbreviation>> = LazyLock::new(|| {
    let rows = rows(TABLE).flatten();
    rows.map(|row| (row.written, row)).collect()
});

/// Letters of the longest abbreviation.
static LONGEST: LazyLock<usize> = LazyLock::new(|| {
    ABBREVIATIONS
        .keys()
        .map(|written| written.len())
        .max()
        .unwrap_or(0)
});

fn find(written: &str) -> Option<&'static Abbreviation> {
    if written.len() > *LONGEST {
        return None;
    }
    ABBREVIATIONS.get(written).or_else(|| {
        let capital = written.bytes().any(|b| b.is_ascii_uppercase());
        let low = capital.then(|| written.to_ascii_lowercase())?;
        ABBREVIATIONS.get(low.as_str())
    })
}

/// Returns whether `word` before a dot is an abbreviation.
pub(super) fn is_abbreviation(word: &str) -> bool {
    find(word).is_some()
}

/// Returns whether `word`, as written, is a title that needs no dot before a name.
pub(super) fn is_bare_title(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase())
        && !word[1..].contains(|c: char| c.is_ascii_uppercase())
        && find(word).is_some_and(|found| found.bare)
}

/// Returns whether `word`, as written, needs no dot after a name.
pub(super) fn is_bare_suffix(word: &str) -> bool {
    matches!(word, "Ltd" | "Jnr" | "Jr" | "Snr" | "Sr")
}

/// Returns whether the dot after `word` belongs to it, so that the sentence goes on.
pub(crate) fn keeps_sentence(word: &str) -> bool {
    let letters: String = word.split('.').collect();
    let single = word
        .split('.')
        .all(|part| part.len() == 1 && part.bytes().all(|b| b.is_ascii_uppercase()));
    let initials = single && letters.len() <= 2 && !is_era(&letters);
    initials
        || find(word).is_some_and(|found| match found.kind {
            Kind::Title => true,
            Kind::Saint | Kind::Place => word.starts_with(char::is_uppercase),
            Kind::Figure | Kind::Number => false,
            Kind::Phrase => found.written.contains('.'),
        })
}

/// Returns whether a dot after `word` belongs to it where a small letter follows: "Jnr. aba", "25 Dec. na".
pub(crate) fn may_end_sentence(word: &str) -> bool {
    is_short_month(word)
        || is_short_day(word)
        || find(word).is_some_and(|found| found.kind == Kind::Phrase)
}

/// Returns whether the dot after `word` belongs to it because of the figures in `after`: "Yoh. 3:16", "Oct. 6", "p. 5".
pub(crate) fn keeps_sentence_before(word: &str, after: &str) -> bool {
    let after = after.trim_start_matches(' ');
    let figures = after.trim_start_matches(|c: char| c.is_ascii_digit());
    if figures.len() == after.len() {
        return false;
    }
    let verse = figures
        .strip_prefix(':')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    verse && is_short_book(word)
        || is_short_month(word)
        || find(word).is_some_and(|found| match found.kind {
            Kind::Figure => true,
            Kind::Number => word.starts_with(char::is_uppercase),
            _ => false,
        })
}

/// Letters after a year; a capital after their last dot starts a sentence.
fn is_era(letters: &str) -> bool {
    matches!(letters, "AD" | "BC" | "BCE" | "CE" | "YB" | "AYB")
}

impl Scanner<'_> {
    /// Reads Ph.D. and B.Sc., whose parts are longer than a letter.
    pub(super) fn degree(&mut self) -> bool {
        let start = self.at;
        if self.peek(self.word) != '.' {
            return false;
        }

        let written = |c: &&char| c.is_ascii_alphabetic() || **c == '.';
        let end = start
            + self.chars[start..]
                .iter()
                .take(8)
                .take_while(written)
                .count();
        let letters: String = self.lower(start, end).split('.').collect();
        let single = self.peek(start + 1) == '.' && self.peek(start + 3) == '.';
        if single || !DEGREES.contains(&letters.as_str()) || !self.boundary(end) {
            return false;
        }
        self.out.word(&letter_names(&letters));
        self.close(end, true);
        true
    }

    /// Reads "Prof." and "etc.".
    pub(super) fn abbreviation(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        if self.peek(end) != '.' || end - start > *LONGEST {
            return false;
        }
        let Some(found) = find(&self.slice(start, end)) else {
            return false;
        };
        let next = self.next_word(end + 1);
        // "Oxford St." is a street.
        if found.written == "st"
            && self.follows_names(start)
            && !next.is_some_and(char::is_uppercase)
        {
            self.out.word("street");
            self.close(end + 1, false);
            return true;
        }
        let fits = match found.kind {
            Kind::Phrase => true,
            Kind::Saint => self.chars[start].is_uppercase() && next.is_some_and(char::is_uppercase),
            Kind::Figure => self.digit(self.skip_spaces(end + 1)),
            Kind::Number => {
                self.chars[start].is_uppercase() && self.digit(self.skip_spaces(end + 1))
            }
            Kind::Place => {
                let next = self.skip_spaces(end + 1);
                let label = self.peek(next).is_ascii_uppercase() && self.boundary(next + 1);
                self.chars[start].is_uppercase()
                    && (self.digit(next) || label || self.follows_names(start))
            }
            // "hon" is a Twi word too: at the end of a sentence it stays one.
            Kind::Title => found.written != "hon" || next.is_some(),
        };
        if !fits {
            return false;
        }
        self.out.word(found.spoken);
        self.close(end + 1, found.kind == Kind::Phrase);
        true
    }

    /// Moves past the dot; it ends the sentence as well where nothing more follows.
    fn close(&mut self, after: usize, capital_ends: bool) {
        let over = if capital_ends {
            self.ends_sentence(after)
        } else {
            self.ends_line(after)
        };
        if over {
            self.out.mark('.');
        }
        self.at = after;
    }

    fn ends_line(&self, i: usize) -> bool {
        let silent = |c: &&char| matches!(**c, ' ' | '"' | '\'' | ')' | ']');
        let next = i + self.chars[i.min(self.chars.len())..]
            .iter()
            .take_while(silent)
            .count();
        self.chars.get(next).is_none_or(|c| *c == '\n')
    }

    /// Returns the first letter of the next word on the line.
    fn next_word(&self, i: usize) -> Option<char> {
        let silent = |c: &&char| matches!(**c, ' ' | '"' | '\'' | '(' | '[');
        let next = i + self.chars[i.min(self.chars.len())..]
            .iter()
            .take_while(silent)
            .count();
        self.chars
            .get(next)
            .copied()
            .filter(|c| crate::alphabet::is_letter(*c))
    }

    /// "Dr Mensah", "Mr & Mrs Mensah": a capitalized title right before a capitalized name, or before "and" and such a
    /// name, needs no dot.
    pub(super) fn bare_title(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        if end - start > *LONGEST
            || self.peek(end) != ' '
            || !self.peek(self.after_and(end + 1)).is_uppercase()
        {
            return false;
        }
        let written = self.slice(start, end);
        let Some(found) = find(&written).filter(|_| is_bare_title(&written)) else {
            return false;
        };
        self.out.word(found.spoken);
        self.at = end;
        true
    }

    /// Skips an "and" at `i`, and the space after it.
    fn after_and(&self, i: usize) -> usize {
        let found = ["& ", "ne ", "na ", "and "]
            .into_iter()
            .find(|word| self.starts_with(i, word));
        i + found.map_or(0, str::len)
    }

    /// Reads e.g., i.e., A.D., U.S.A. and initials before a name.
    pub(super) fn dotted_letters(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        if end != start + 1 || self.peek(end) != '.' || self.starts_items(start, end) {
            return false;
        }
        let mut letters = String::new();
        let (mut at, mut small) = (start, false);
        while letters.len() < INITIALS
            && self.letters_end(at) == at + 1
            && (self.peek(at + 1) == '.' || !letters.is_empty())
        {
            let letter = self.peek(at);
            letters.push(letter);
            small |= !letter.is_ascii_uppercase();
            if letters.len() > PHRASE && small {
                return false;
            }
            at += 1;
            if self.peek(at) != '.' {
                break;
            }
            at += 1;
        }
        let dotted = self.peek(at - 1) == '.';
        let count = letters.chars().count();
        let phrase: String = letters
            .chars()
            .map(String::from)
            .collect::<Vec<_>>()
            .join(".");
        if let Some(found) = find(&phrase).filter(|_| count > 1) {
            self.out.word(found.spoken);
            self.at = at;
            return true;
        }
        // "J.B.Danquah" lacks a space; of a longer row of initials the rest is read after these.
        let joined = dotted && self.peek(at).is_uppercase() && self.peek(at + 1).is_lowercase()
            || letters.len() == INITIALS;
        if self.small_initials(&letters, dotted && self.boundary(at)) {
            self.at = at;
            if self.ends_line(at) {
                self.out.mark('.');
            }
            return true;
        }
        if !letters.chars().all(|c| c.is_ascii_uppercase()) || !self.boundary(at) && !joined {
            return false;
        }
        let names = letter_names(&letters.to_ascii_lowercase());
        self.out.word(&names);
        self.at = at;
        // "K. Mensah" and "J. B. Danquah" go on; "Plan B." and "afe 70 A.D. Ɔkɔɔ" end.
        let ends = match count {
            1 => !self.next_word(at).is_some_and(char::is_uppercase),
            _ => is_era(&letters) && self.ends_sentence(at),
        };
        if dotted && (self.ends_line(at) || ends) {
            self.out.mark('.');
        }
        true
    }
}

impl Scanner<'_> {
    /// Reads r.i.p. and a.k.a by the names of their letters.
    fn small_initials(&mut self, letters: &str, dotted: bool) -> bool {
        let small = letters.len() > 1 && letters.bytes().all(|b| b.is_ascii_lowercase());
        let spelled = small && (dotted || are_initials(letters));
        if spelled {
            self.out.word(&letter_names(letters));
        }
        spelled
    }

    /// Reads "Mensah Ltd" and "Kofi Jnr": what may follow a name needs no dot.
    pub(super) fn bare_suffix(&mut self) -> bool {
        let (start, end) = (self.at, self.word);
        if !self.follows_names(start) || !(2..=3).contains(&(end - start)) {
            return false;
        }
        let written = self.slice(start, end);
        let Some(found) = find(&written).filter(|_| is_bare_suffix(&written)) else {
            return false;
        };
        self.out.word(found.spoken);
        self.at = end;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{rows, ABBREVIATIONS, TABLE};

    #[test]
    fn every_row_of_the_table_is_read() {
        for (row, line) in rows(TABLE).zip(TABLE.lines().skip(1)) {
            let row = row.unwrap_or_else(|| panic!("data/abbreviations.tsv: {line}"));
            let small = row
                .written
                .chars()
                .all(|c| c.is_ascii_lowercase() || c == '.');
            assert!(small && !row.spoken.is_empty(), "{line}");
        }
        assert_eq!(
            ABBREVIATIONS.len() + 1,
            TABLE.lines().count(),
            "a row stands twice"
        );
    }
}
