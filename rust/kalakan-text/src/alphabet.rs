//! Letters, tone marks and pause marks of normalized text.

pub(crate) mod digits;

/// Pause marks, weakest first: of several in a row the strongest is kept.
const MARKS: [char; 7] = [',', ':', ';', '.', '…', '!', '?'];

/// Combining grave, acute and macron: the written tones.
pub const TONES: [char; 3] = ['\u{300}', '\u{301}', '\u{304}'];

/// Combining tilde: a nasal vowel.
pub const TILDE: char = '\u{303}';

/// The downstep mark of repaired text; cleaned and normalized text write it as `!` inside a word.
pub(crate) const DOWNSTEP: char = 'ꜜ';

/// π in repaired text: a sign, as the Greek letter would count as part of a word.
pub(crate) const PI: char = '∏';

/// Returns whether `c` is an arithmetic sign that is not on keyboards.
pub(crate) fn is_operator(c: char) -> bool {
    matches!(
        c,
        '×' | '÷' | '−' | '≠' | '≥' | '≤' | '±' | '≈' | '√' | '∞' | PI
    )
}

/// Vulgar fractions with numerator and denominator.
pub(crate) const FRACTIONS: [(char, u8, u8); 18] = [
    ('½', 1, 2),
    ('⅓', 1, 3),
    ('⅔', 2, 3),
    ('¼', 1, 4),
    ('¾', 3, 4),
    ('⅕', 1, 5),
    ('⅖', 2, 5),
    ('⅗', 3, 5),
    ('⅘', 4, 5),
    ('⅙', 1, 6),
    ('⅚', 5, 6),
    ('⅐', 1, 7),
    ('⅛', 1, 8),
    ('⅜', 3, 8),
    ('⅝', 5, 8),
    ('⅞', 7, 8),
    ('⅑', 1, 9),
    ('⅒', 1, 10),
];

/// Returns whether `c` is a pause mark of normalized text.
pub fn is_mark(c: char) -> bool {
    MARKS.contains(&c)
}

/// Returns the rank of `mark`; in a run of marks the one with the highest rank is kept.
pub(crate) fn mark_weight(mark: char) -> usize {
    MARKS.iter().position(|m| *m == mark).unwrap_or(0)
}

/// Returns whether `c` is one of the seven Twi vowel letters, of either case and without marks.
pub fn is_vowel(c: char) -> bool {
    matches!(
        c,
        'a' | 'e' | 'ɛ' | 'i' | 'o' | 'ɔ' | 'u' | 'A' | 'E' | 'Ɛ' | 'I' | 'O' | 'Ɔ' | 'U'
    )
}

/// Returns whether `c` is a letter without marks: ASCII or ɛ ɔ.
pub fn is_base_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, 'ɛ' | 'ɔ' | 'Ɛ' | 'Ɔ')
}

/// Returns whether `c` is a tone mark or the tilde.
pub fn is_combining(c: char) -> bool {
    c == TILDE || TONES.contains(&c)
}

/// Returns whether `mark` may be placed on `base`: any on a vowel, tones on a syllabic nasal.
pub(crate) fn carries(base: char, mark: char) -> bool {
    let nasal = matches!(base, 'm' | 'n' | 'M' | 'N');
    is_vowel(base) && is_combining(mark) || nasal && TONES.contains(&mark)
}

/// Returns whether `c` is a letter of repaired text, marked letters included.
pub(crate) fn is_letter(c: char) -> bool {
    is_base_letter(c)
        || (c as u32 >= 0xC0 && c.is_alphabetic() && !matches!(c, 'ª' | 'º'))
        || is_combining(c)
}

/// Returns the letter that `c` is mistaken for, in any context.
pub(crate) fn confusable(c: char) -> Option<char> {
    Some(match c {
        'ε' | 'ϵ' | 'є' | 'ԑ' | 'ɜ' | 'ɞ' | 'ᴈ' | 'ƹ' | 'ꜫ' | 'ⲉ' | 'ꞓ' => 'ɛ',
        'Ε' | 'Є' | 'Ԑ' | 'Ɜ' | 'Ƹ' | 'Ꜫ' | 'ℇ' | 'Ⲉ' | 'ꓰ' => 'Ɛ',
        'ͻ' | 'ↄ' | 'ᴐ' | 'כ' | 'ꜿ' | 'ɵ' => 'ɔ',
        'Ͻ' | 'Ↄ' | 'ꓛ' | 'Ꜿ' | 'Ɵ' => 'Ɔ',
        'ο' | 'ᴏ' => 'o',
        'Ο' => 'O',
        'ı' | 'ɪ' | 'ɩ' => 'i',
        'ɡ' | 'ɢ' => 'g',
        'ɑ' | 'ᴀ' => 'a',
        'ʙ' => 'b',
        'ᴄ' => 'c',
        'ᴅ' => 'd',
        'ᴇ' => 'e',
        'ꜰ' => 'f',
        'ʜ' => 'h',
        'ᴊ' => 'j',
        'ᴋ' => 'k',
        'ʟ' => 'l',
        'ᴍ' => 'm',
        'ɴ' => 'n',
        'ᴘ' => 'p',
        'ʀ' => 'r',
        'ꜱ' => 's',
        'ᴛ' => 't',
        'ᴜ' | 'ʊ' => 'u',
        'ᴠ' => 'v',
        'ᴡ' => 'w',
        'ʏ' => 'y',
        'ᴢ' => 'z',
        _ => return None,
    })
}

/// Returns the Latin letter that a Cyrillic one looks like; true only inside a word with Latin letters.
pub(crate) fn cyrillic_twin(c: char) -> Option<char> {
    Some(match c {
        'а' => 'a',
        'е' => 'e',
        'о' => 'o',
        'р' => 'p',
        'с' => 'c',
        'і' => 'i',
        'у' => 'y',
        'А' => 'A',
        'Е' => 'E',
        'О' => 'O',
        'Р' => 'P',
        'С' => 'C',
        'І' => 'I',
        'У' => 'Y',
        'В' => 'B',
        'К' => 'K',
        'М' => 'M',
        'Н' => 'H',
        'Т' => 'T',
        'Х' => 'X',
        'х' => 'x',
        'ѕ' => 's',
        'ј' => 'j',
        _ => return None,
    })
}

/// Returns the base-letter spelling of a Latin letter that does not decompose.
pub(crate) fn latin_fold(c: char) -> Option<&'static str> {
    Some(match c {
        'æ' => "ae",
        'Æ' => "Ae",
        'œ' => "oe",
        'Œ' => "Oe",
        'ß' => "ss",
        'ø' => "o",
        'Ø' => "O",
        'ł' | 'ɬ' | 'ɭ' => "l",
        'Ł' => "L",
        'đ' | 'ɖ' | 'ɗ' | 'ð' => "d",
        'Đ' | 'Ɖ' | 'Ð' => "D",
        'þ' => "th",
        'Þ' => "Th",
        'ŋ' => "n",
        'Ŋ' => "N",
        'ƒ' | 'ɸ' => "f",
        'Ƒ' => "F",
        'ɣ' | 'ɠ' => "g",
        'Ɣ' => "G",
        'ʋ' => "v",
        'Ʋ' => "V",
        'ħ' | 'ɦ' => "h",
        'Ħ' => "H",
        'ǝ' | 'ə' => "e",
        'ɓ' => "b",
        'ƙ' => "k",
        'ʨ' | 'ʧ' => "ky",
        'ʥ' | 'ʤ' => "gy",
        'ɕ' | 'ʃ' | 'Ʃ' | 'ʒ' | 'ʑ' => "hy",
        'ɲ' | 'Ɲ' => "ny",
        'ɥ' | 'ʷ' | 'ᶣ' => "w",
        'ʲ' => "y",
        'ɾ' | 'ɹ' | 'ɽ' => "r",
        'ʌ' | 'ɐ' => "a",
        'ɒ' => "ɔ",
        'ɱ' => "m",
        _ => return None,
    })
}

/// Returns the small letter of `c`, and the downstep as written; one comparison for common Twi letters.
pub(crate) fn lower(c: char) -> char {
    match c {
        'A'..='Z' => c.to_ascii_lowercase(),
        'Ɛ' => 'ɛ',
        'Ɔ' => 'ɔ',
        'a'..='z' | 'ɛ' | 'ɔ' | ' '..='@' => c,
        DOWNSTEP => '!',
        _ => c.to_lowercase().next().unwrap_or(c),
    }
}
