//! Number words: cardinals in two varieties, citation and human forms, digit strings.

use super::{NormalizeOptions, Variety};

/// Form of a number in its sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// On its own: ɛnan, enum, edu.
    Citation,
    /// After the word it counts: nan, num, du.
    Attributive,
    /// After a noun for people: baanan, baanum.
    Human,
}

/// Numbers from here on are read digit by digit.
pub(crate) const LIMIT: u64 = 1_000_000_000_000_000;

#[rustfmt::skip]
const ASANTE: [&str; 20] = [
    "hwee", "baako", "mmienu", "mmiɛnsa", "nan", "num", "nsia", "nson", "nwɔtwe", "nkron",
    "du", "dubaako", "dummienu", "dummiɛnsa", "dunan", "dunum", "dunsia", "dunson", "dunwɔtwe", "dunkron",
];

#[rustfmt::skip]
const AKUAPEM: [&str; 20] = [
    "hwee", "biako", "abien", "abiɛsa", "anan", "anum", "asia", "asɔn", "awɔtwe", "akron",
    "du", "dubiako", "dumien", "dumiɛnsa", "dunan", "dunum", "dunsia", "dunson", "dunwɔtwe", "dunkron",
];

#[rustfmt::skip]
const TENS: [&str; 10] = [
    "", "", "aduonu", "aduasa", "aduanan", "aduonum", "aduosia", "aduɔson", "aduɔwɔtwe", "aduɔkron",
];

#[rustfmt::skip]
const HUNDREDS: [&str; 10] = [
    "", "ɔha", "ahanu", "ahasa", "ahanan", "ahanum", "ahansia", "ahanson", "ahanwɔtwe", "ahankron",
];

#[rustfmt::skip]
const PEOPLE: [&str; 8] = [
    "baanu", "baasa", "baanan", "baanum", "baasia", "baason", "baawɔtwe", "baakron",
];

/// Value, word for one, word for several.
const GROUPS: [(u64, &str, &str); 4] = [
    (1_000_000_000_000, "ɔpepepepem", "ɔpepepepem"),
    (1_000_000_000, "ɔpepepem", "ɔpepepem"),
    (1_000_000, "ɔpepem", "ɔpepem"),
    (1_000, "apem", "mpem"),
];

/// Returns the Twi words of a cardinal number; from 10^15 on, digit by digit.
///
/// `citation` picks ɛnan, enum and edu for the numbers that have such a form.
pub fn number_words(n: u64, options: &NormalizeOptions, citation: bool) -> String {
    let form = if citation {
        Form::Citation
    } else {
        Form::Attributive
    };
    cardinal(n, options, form)
}

pub(crate) fn cardinal(n: u64, options: &NormalizeOptions, form: Form) -> String {
    match (form, n) {
        (Form::Citation, 0..=19) => citation(n, options.variety).to_owned(),
        (Form::Human, 2..=9) if options.human => PEOPLE[n as usize - 2].to_owned(),
        (_, LIMIT..) => digit_words(&n.to_string(), options, Form::Citation),
        _ => groups(n, options.variety),
    }
}

fn citation(n: u64, variety: Variety) -> &'static str {
    match (variety, n) {
        (Variety::Asante, 4) => "ɛnan",
        (Variety::Asante, 5) => "enum",
        (Variety::Asante, 10) => "edu",
        _ => units(variety)[n as usize],
    }
}

fn units(variety: Variety) -> &'static [&'static str; 20] {
    match variety {
        Variety::Asante => &ASANTE,
        Variety::Akuapem => &AKUAPEM,
    }
}

fn groups(mut n: u64, variety: Variety) -> String {
    let mut words = String::new();
    for (value, one, several) in GROUPS {
        let count = n / value;
        n %= value;
        match count {
            0 => {}
            1 => add(&mut words, one),
            _ => {
                add(&mut words, several);
                below_thousand(&mut words, count, variety);
            }
        }
    }
    if words.is_empty() {
        below_thousand(&mut words, n, variety);
    } else if n > 0 {
        // Only the last group below a hundred is linked: "mpem mmienu ne aduonu nan".
        if n < 100 {
            add(&mut words, "ne");
        }
        below_thousand(&mut words, n, variety);
    }
    words
}

fn below_thousand(words: &mut String, n: u64, variety: Variety) {
    let (hundreds, rest) = (n as usize / 100, n as usize % 100);
    if hundreds > 0 {
        let akuapem_300 = variety == Variety::Akuapem && hundreds == 3;
        add(
            words,
            if akuapem_300 {
                "ahaasa"
            } else {
                HUNDREDS[hundreds]
            },
        );
        if rest == 0 {
            return;
        }
        add(words, "ne");
    }
    if rest < 20 {
        add(words, units(variety)[rest]);
    } else {
        add(words, TENS[rest / 10]);
        if rest % 10 > 0 {
            add(words, units(variety)[rest % 10]);
        }
    }
}

/// Returns `digits` one by one; anything else in it is skipped.
pub(crate) fn digit_words(digits: &str, options: &NormalizeOptions, form: Form) -> String {
    let mut words = String::new();
    for digit in digits.bytes().filter(u8::is_ascii_digit) {
        add(
            &mut words,
            &cardinal(u64::from(digit - b'0'), options, form),
        );
    }
    words
}

/// Returns a string of digits as a cardinal, or digit by digit where a leading zero or the length requires it.
pub(crate) fn integer_words(digits: &str, options: &NormalizeOptions, form: Form) -> String {
    let padded = digits.len() > 1 && digits.starts_with('0');
    match digits.parse::<u64>() {
        Ok(n) if !padded && n < LIMIT => cardinal(n, options, form),
        _ => digit_words(digits, options, Form::Citation),
    }
}

/// Returns the words of the figures after a decimal sign.
pub(crate) fn fraction_words(digits: &str, options: &NormalizeOptions) -> String {
    if digits.len() <= 2 && !digits.starts_with('0') {
        integer_words(digits, options, Form::Attributive)
    } else {
        digit_words(digits, options, Form::Attributive)
    }
}

fn add(words: &mut String, word: &str) {
    if !words.is_empty() {
        words.push(' ');
    }
    words.push_str(word);
}

/// Returns whether a numeral, in its one form, is 1 to 9 or 11 to 19: nothing is added to it.
pub(super) fn is_one(numeral: &str) -> bool {
    let ones = [
        "baako", "mmienu", "mmiɛnsa", "nan", "num", "nsia", "nson", "nwɔtwe", "nkron",
    ];
    ones.contains(&numeral) || numeral.starts_with("du") && numeral != "du"
}

/// Returns the one form of a numeral that has several, or nothing for any other word.
pub(super) fn numeral(word: &str) -> Option<&str> {
    Some(match word {
        "biako" | "koro" | "baako" => "baako",
        "abien" | "mienu" | "mmienu" | "baanu" => "mmienu",
        "abiɛsa" | "miɛnsa" | "mmiɛnsa" | "baasa" => "mmiɛnsa",
        "anan" | "ɛnan" | "nan" | "baanan" => "nan",
        "anum" | "enum" | "num" | "baanum" => "num",
        "asia" | "nsia" | "baasia" => "nsia",
        "ason" | "asɔn" | "asuon" | "nson" | "baason" => "nson",
        "awɔtwe" | "nwɔtwe" | "baawɔtwe" => "nwɔtwe",
        "akron" | "nkron" | "baakron" => "nkron",
        "edu" | "du" => "du",
        "dubiako" | "dubaako" => "dubaako",
        "dumien" | "dumienu" | "dummienu" => "dummienu",
        "dumiɛnsa" | "dummiɛnsa" => "dummiɛnsa",
        "aduɔson" | "aduoson" => "aduɔson",
        "aduɔwɔtwe" | "aduowɔtwe" => "aduɔwɔtwe",
        "aduɔkron" | "aduokron" => "aduɔkron",
        "ahannu" | "ahanu" => "ahanu",
        "ahaasa" | "ahasa" => "ahasa",
        "akyiri" | "pɔ" | "hwee" | "dunan" | "dunum" | "dunsia" | "dunson" | "dunwɔtwe"
        | "dunkron" | "aduonu" | "aduasa" | "aduanan" | "aduonum" | "aduosia" | "ɔha"
        | "ahanan" | "ahanum" | "ahansia" | "ahanson" | "ahanwɔtwe" | "ahankron" | "apem"
        | "mpem" | "ɔpepem" | "ɔpepepem" => word,
        _ => return None,
    })
}
