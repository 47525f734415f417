//! Restores letters that chat messages write as digits and brackets.

use crate::address;
use crate::alphabet::{is_letter, is_vowel};
use crate::currency;
use crate::options::ChatSpelling;
use crate::traced::Writer;
use crate::words::{is_common_english, is_foreign, is_twi_word};

/// What may follow a number of threes so that it is not read as a word: 3kg, 3rd, 3pm.
#[rustfmt::skip]
const SUFFIXES: &[&str] = &[
    "rd", "th", "st", "nd", "kg", "kgs", "km", "kms", "cm", "mm", "mg", "ml", "cl", "ft", "g", "m", "l", "d", "k", "x",
    "bn", "mn", "am", "pm", "gb", "mb", "kb", "tb", "tv", "cedis", "hr", "hrs", "min", "mins", "sec",
    "secs", "yr", "yrs", "wk", "wks", "hour", "hours", "day", "days", "week", "weeks", "month", "months", "year", "years",
    "times", "pts", "kids", "people", "bedroom", "bedrooms", "pcs", "kw", "kwh", "mw", "db", "hz", "khz", "mhz", "ghz",
    "kbps", "mbps", "gbps", "oz", "lb", "lbs", "psi", "ppm", "rpm", "bpm", "kcal", "iu", "nm", "ms", "mcg", "dl", "mmol",
    "hpa", "kpa", "mmhg", "mph", "kph", "kmh",
];

/// What may precede a number of threes so that it is not read as a word.
const PREFIXES: [&str; 4] = ["mp", "tv", "ps", "covid"];

/// Returns whether a word of small letters is a unit or another word that only follows figures.
pub(super) fn is_unit(word: &str) -> bool {
    SUFFIXES.contains(&word)
}

/// Letters of the longest word whose c is tried as ɔ.
const LONGEST_WITH_C: usize = 6;

/// Abbreviations whose c is not an ɔ.
const INITIALS: [&str; 7] = ["abc", "ac", "cd", "fc", "mc", "pc", "vc"];

/// Returns whether letters of the alphabet may be chat spellings of other letters.
pub(super) fn has_letters(text: &str, chat: ChatSpelling) -> bool {
    match chat {
        ChatSpelling::Off => false,
        ChatSpelling::Wide => text.contains(['c', 'q', 'C', 'Q']),
        ChatSpelling::Narrow => {
            let is_c = |b: u8| matches!(b, b'c' | b'C');
            let mut tokens = text
                .split(|c| !is_token(c))
                .filter(|token| token.bytes().any(is_c));
            text.bytes().any(is_c)
                && tokens.any(|token| is_twi_with_c(&token.chars().collect::<Vec<_>>()))
        }
    }
}

/// Returns whether a token is a word of Twi once its c is read as ɔ, and is not one before, as "wc", "kcn" and "Cwɔ".
///
/// A capital C by itself is a letter: "vitamin C".
fn is_twi_with_c(token: &[char]) -> bool {
    let Some((first, rest)) = token.split_first() else {
        return false;
    };
    if !token.contains(&'c') && (*first != 'C' || rest.is_empty()) {
        return false;
    }
    let small = |c: &char| is_letter(*c) && c.is_lowercase();
    // The list errs on three words in a thousand; long ones are English: "acupuncture".
    if token.len() > LONGEST_WITH_C || !is_letter(*first) || !rest.iter().all(small) {
        return false;
    }
    let low: String = token.iter().flat_map(|c| c.to_lowercase()).collect();
    let twi = low.replace('c', "ɔ");
    let other = INITIALS.contains(&low.as_str()) || is_common_english(&low) || is_twi_word(&low);
    !other && !is_foreign(&twi) && is_twi_word(&twi)
}

/// Writes `text` with chat letters as letters, as far as `chat` allows.
pub(super) fn spell(text: &str, chat: ChatSpelling, writer: &mut Writer) {
    let mut chars: Vec<char> = text.chars().collect();
    brackets(&mut chars);
    let mut start = 0;
    while start < chars.len() {
        if !is_token(chars[start]) {
            start += 1;
            continue;
        }
        if let Some(end) = address::end(&chars, start) {
            start = end;
            continue;
        }
        let length = chars[start..].iter().take_while(|c| is_token(**c)).count();
        // "5 m3" is a volume.
        let cubes = start > 1 && chars[start - 1] == ' ' && chars[start - 2].is_ascii_digit();
        if cubes && is_cubic(&chars[start..start + length]) {
            start += length;
            continue;
        }
        if opens_sentence(&chars, start, length) {
            chars[start + 1] = 'ɛ';
        }
        digits(&mut chars, start, start + length, chat);
        // The Sc of B.Sc. is not a word.
        let alone = chars[..start]
            .last()
            .is_none_or(|c| c.is_whitespace() || *c == '(');
        let token = &mut chars[start..start + length];
        if alone && is_twi_with_c(token) {
            for c in token {
                match c {
                    'c' => *c = 'ɔ',
                    'C' => *c = 'Ɔ',
                    _ => {}
                }
            }
        }
        start += length;
    }
    // Letter for letter, but ɛ takes more bytes than 3.
    for ((at, _), c) in text.char_indices().zip(chars) {
        writer.cut(at);
        writer.text.push(c);
    }
}

/// Longest gap before a sentence, in characters: its mark, a quote and spaces.
const GAP: usize = 6;

/// Returns whether the token is S3 or Y3 at the start of a sentence of Twi: "S3 wobɛba a", and not "S3 bucket".
fn opens_sentence(chars: &[char], start: usize, length: usize) -> bool {
    if length != 2 || chars[start + 1] != '3' || !matches!(chars[start], 'S' | 'Y') {
        return false;
    }
    let before = chars[..start].iter().rev().take(GAP);
    let opens = before
        .clone()
        .find(|c| !matches!(c, ' ' | '"' | '\''))
        .map_or(before.count() < GAP, |c| {
            matches!(c, '.' | '!' | '?' | '…' | '\n' | ':')
        });
    let letters = chars[start + 2..].iter().skip_while(|c| **c == ' ');
    let next: String = letters
        .take_while(|c| is_letter(**c))
        .take(GAP * 4)
        .collect();
    opens
        && chars.get(start + 2) == Some(&' ')
        && next.starts_with(char::is_lowercase)
        && (is_twi_word(&next) || !next.is_ascii())
        && !is_common_english(&next)
}

fn is_token(c: char) -> bool {
    is_letter(c) || c.is_ascii_digit()
}

/// A `)` is ɔ when no `(` before it in the line is open and a letter touches it.
fn brackets(chars: &mut [char]) {
    let mut open = 0_usize;
    let mut next_label = None;
    let mut run_end = 0;
    for i in 0..chars.len() {
        if i >= run_end {
            run_end = i + closers(chars, i);
        }
        match chars[i] {
            '\n' => open = 0,
            '(' => open += 1,
            ')' if open > 0 && !(touches_letter(chars, i) && run_end - i > open) => open -= 1,
            ')' if touches_letter(chars, i) && !is_list_item(chars, i, &mut next_label) => {
                let loud = i > 0
                    && chars[i - 1].is_uppercase()
                    && chars.get(i + 1).is_none_or(|c| !c.is_lowercase());
                chars[i] = if loud { 'Ɔ' } else { 'ɔ' };
            }
            _ => {}
        }
    }
}

fn is_cubic(token: &[char]) -> bool {
    let unit: String = token.iter().collect();
    matches!(unit.as_str(), "m3" | "cm3" | "mm3" | "km3" | "dm3" | "ft3")
}

/// Number of consecutive closing brackets from `i` on.
fn closers(chars: &[char], i: usize) -> usize {
    chars[i..].iter().take_while(|c| **c == ')').count()
}

fn touches_letter(chars: &[char], i: usize) -> bool {
    i > 0 && is_letter(chars[i - 1]) || chars.get(i + 1).is_some_and(|c| is_letter(*c))
}

/// Letters of the longest label, viii.
const LONGEST_LABEL: usize = 4;

/// "a) first b) second", "ii) second": a label alone before the bracket, a space after it.
///
/// A vowel, c or q is one at the start of a line, a anywhere, and after it the letter that is `next`.
fn is_list_item(chars: &[char], i: usize, next: &mut Option<char>) -> bool {
    let letters = chars[..i].iter().rev().take(LONGEST_LABEL + 1);
    let length = letters.take_while(|c| is_letter(**c)).count();
    let before = &chars[..i - length];
    let alone = before.last().is_none_or(|c| c.is_whitespace());
    let spaced = chars.get(i + 1).is_none_or(|c| c.is_whitespace());
    if !alone || !spaced || length == 0 || length > LONGEST_LABEL {
        return false;
    }
    if length > 1 {
        return chars[i - length..i]
            .iter()
            .all(|c| matches!(c.to_ascii_lowercase(), 'i' | 'v' | 'x'));
    }
    let letter = chars[i - 1].to_ascii_lowercase();
    let starts = before.last().is_none_or(|c| *c == '\n')
        && (is_vowel(letter) || matches!(letter, 'c' | 'q'));
    // "b) Ankaa" is an option, "k) fie" a verb.
    let next_word = chars
        .get(i + 2)
        .is_some_and(|c| c.is_uppercase() || c.is_ascii_digit());
    let option = before.last().is_none_or(|c| *c == '\n')
        && matches!(letter, 'b' | 'd' | 'f' | 'g')
        && next_word;
    let is_item = starts || option || letter == 'a' || Some(letter) == *next;
    if letter == 'a' || Some(letter) == *next {
        *next = char::from_u32(u32::from(letter) + 1);
    }
    is_item
}

fn digits(chars: &mut [char], start: usize, end: usize, chat: ChatSpelling) {
    let wide = chat == ChatSpelling::Wide;
    let token = &chars[start..end];
    let foreign = |c: &char| c.is_ascii_digit() && *c != '3' && !(wide && *c == '0');
    if token.iter().any(foreign) || !token.iter().any(|c| is_letter(*c)) {
        return;
    }
    let beside_money = start > 0 && currency::is_sign(chars[start - 1])
        || chars.get(end).is_some_and(|c| currency::is_sign(*c));
    if beside_money || is_code(token) {
        return;
    }
    let loud = token.iter().filter(|c| c.is_uppercase()).count() > 1
        && !token.iter().any(|c| c.is_lowercase());
    for i in start..end {
        let letter = match chars[i] {
            '3' => ['ɛ', 'Ɛ'],
            '0' if wide => ['ɔ', 'Ɔ'],
            'c' | 'C' if wide && stands_for_vowel(chars, start, i, end) => ['ɔ', 'Ɔ'],
            // The key of ɛ on the keyboards for Akan is q on others.
            'q' | 'Q' if wide && stands_for_e(chars, start, i, end) => ['ɛ', 'Ɛ'],
            _ => continue,
        };
        chars[i] = letter[usize::from(loud)];
    }
}

/// Units, ordinals, models and amounts: 3kg, 3rd, mp3, A3, 3D, GHS3.
fn is_code(token: &[char]) -> bool {
    let low: String = token.iter().flat_map(|c| c.to_lowercase()).collect();
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let tail = low.trim_start_matches(|c: char| c.is_ascii_digit());
    let head = low.trim_end_matches(|c: char| c.is_ascii_digit());
    if tail.len() < low.len() && (SUFFIXES.contains(&tail) || currency::is_code_after(tail)) {
        return true;
    }
    // No word is ɛ and consonants: "3h" is a time, "3y" a term, 3GPP a name; 3FA is a factor more than 2FA.
    let consonants = tail.len() == 1 || token[1..].iter().all(char::is_ascii_uppercase);
    if low.len() - tail.len() == 1
        && (consonants && !tail.contains(is_vowel) || token[1..] == ['F', 'A'])
    {
        return true;
    }
    let one_capital = token.len() > 1 && token[0].is_ascii_uppercase() && number(&low[1..]);
    let named = PREFIXES.contains(&head) || currency::is_code_before(head);
    number(&low[head.len()..]) && named || one_capital && token.len() == 2
}

/// In "wc" and "kcn" the c is where only a vowel is possible.
fn stands_for_vowel(chars: &[char], start: usize, i: usize, end: usize) -> bool {
    let consonant = |c: char| !is_vowel(c) && !matches!(c, 'c' | 'C' | 's' | 'S' | 'n' | 'N');
    let after = if i + 1 < end { chars[i + 1] } else { ' ' };
    i > start
        && consonant(chars[i - 1])
        && !is_vowel(after)
        && !matches!(after, 'h' | 'k' | 'r' | 'l' | 'H' | 'K')
}

/// In "yq", "sqn" and "qyq" the q is where only a vowel is possible; "sq" and "qr" are abbreviations.
fn stands_for_e(chars: &[char], start: usize, i: usize, end: usize) -> bool {
    let low = |i: usize| chars[i].to_ascii_lowercase();
    let open = i + 1 == end || !is_vowel(chars[i + 1]) && low(i + 1) != 'q';
    let held = i > start && !is_vowel(chars[i - 1]) && low(i - 1) != 'q';
    let abbreviation = end == start + 2 && (low(start), low(start + 1)) == ('s', 'q');
    let starts = i == start && end > start + 2 && {
        let token = chars[start..end].iter().map(char::to_ascii_lowercase);
        let word: String = token.map(|c| if c == 'q' { 'ɛ' } else { c }).collect();
        is_twi_word(&word)
    };
    open && (held || starts) && !abbreviation
}
