//! The text being written: words, marks and the pauses between them.

use crate::alphabet::is_mark;
use crate::punctuation::push_mark;

use super::number::{is_one, numeral};

/// Normalized text under construction.
#[derive(Default)]
pub(super) struct Spoken {
    text: String,
    clause_has_word: bool,
    pause: bool,
}

impl Spoken {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            ..Self::default()
        }
    }

    /// Appends words.
    pub(super) fn word(&mut self, words: &str) {
        if words.is_empty() {
            return;
        }
        if self.pause && !self.text.is_empty() && !self.text.ends_with(is_mark) {
            self.text.push(',');
        }
        self.pause = false;
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(words);
        self.clause_has_word = true;
    }

    /// Removes `word`, which was written last.
    pub(super) fn drop_word(&mut self, word: &str) {
        let length = self.text.trim_end_matches(word).trim_end_matches(' ').len();
        self.text.truncate(length);
    }

    /// Appends a letter to the last word.
    pub(super) fn suffix(&mut self, letter: char) {
        self.text.push(letter);
    }

    /// Appends a pause mark of the source text.
    pub(super) fn mark(&mut self, mark: char) {
        self.pause = false;
        self.clause_has_word = false;
        push_mark(&mut self.text, mark);
    }

    /// Separates what comes next by a comma, if anything comes next.
    pub(super) fn pause(&mut self) {
        self.pause = true;
        self.clause_has_word = false;
    }

    /// Starts a line: no pause, but a number here follows no noun.
    pub(super) fn line(&mut self) {
        self.clause_has_word = false;
    }

    /// Returns whether the current clause ends with `words`, on word boundaries.
    pub(super) fn ends_with(&self, words: &str) -> bool {
        self.clause_has_word
            && self
                .text
                .strip_suffix(words)
                .is_some_and(|before| before.is_empty() || before.ends_with(' '))
    }

    /// Returns whether the current clause ends with the number that `words` say, in any of its forms and not as the end
    /// of a longer one. A `noun` may stand after it.
    pub(super) fn ends_with_number(&self, words: &str, noun: &str) -> bool {
        if !self.clause_has_word {
            return false;
        }
        // "ɔpepem baako" is ɔpepem.
        let whole = |words: &str| matches!(words, "apem" | "ɔpepem" | "ɔpepepem" | "ɔpepepepem");
        let counted = self.text.strip_suffix(noun).map(str::trim_end);
        let text = counted.unwrap_or(&self.text);
        let one = text.strip_suffix(" baako").filter(|_| whole(words));
        let text = one.unwrap_or(text);
        let mut said = text.rsplit(' ').filter(|word| *word != "ne").peekable();
        let mut wanted = words.rsplit(' ').filter(|word| *word != "ne");
        let same = wanted.all(|word| {
            let Some(word) = numeral(word) else {
                return false;
            };
            let last = said.next().and_then(numeral);
            // "mpem du baako" is mpem dubaako.
            let apart = word.strip_prefix("du").is_some_and(|one| last == Some(one));
            last == Some(word) || apart && said.next_if(|word| *word == "du").is_some()
        });
        // Ones before it are another number: "baako ne mmienu (2)".
        let before = said.next().and_then(numeral);
        same && before.is_none_or(is_one)
    }

    /// Returns the last word of the current clause, or nothing.
    pub(super) fn last_word(&self) -> &str {
        if !self.clause_has_word {
            return "";
        }
        self.text.rsplit(' ').next().unwrap_or("")
    }

    /// Returns the last word written, before a pause too.
    pub(super) fn last_written(&self) -> &str {
        self.text.rsplit(' ').next().unwrap_or("")
    }

    /// Returns the word before the last one.
    pub(super) fn word_before_last(&self) -> &str {
        self.text.rsplit(' ').nth(1).unwrap_or("")
    }

    /// Bytes written so far.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}
