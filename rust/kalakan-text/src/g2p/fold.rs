//! Phones of English in IPA to the units of Twi (docs/frontend.md 3.8).

use crate::phoneme::{unit, PhonemeId};

/// Phones to units; `None` if one of them has no mapping.
pub(super) fn fold<'p>(phones: impl Iterator<Item = &'p str>) -> Option<Vec<PhonemeId>> {
    let phones: Vec<&str> = phones.filter(|phone| !phone.is_empty()).collect();
    let mut units = Vec::with_capacity(phones.len() + 4);
    let mut rest = phones.as_slice();
    while let [first, after @ ..] = rest {
        let (folded, length) = pair(first, after.first().copied())
            .map(|folded| (folded, 2))
            .or_else(|| single(first, after.first().copied()).map(|folded| (folded, 1)))?;
        units.extend(folded.into_iter().flatten());
        rest = &rest[length..];
    }
    (!units.is_empty()).then_some(units)
}

type Units = [Option<PhonemeId>; 2];

/// Pairs of phones that are not mapped one by one.
fn pair(first: &str, second: Option<&str>) -> Option<Units> {
    Some(match (first, second?) {
        ("e", "ɪ") => [Some(unit!("e")); 2],
        ("o", "ʊ") => [Some(unit!("o")); 2],
        ("k", "w") => [Some(unit!("kʷ")), None],
        ("ɡ", "w") => [Some(unit!("ɡʷ")), None],
        _ => return None,
    })
}

fn single(phone: &str, next: Option<&str>) -> Option<Units> {
    let two = |first, second| Some([Some(first), Some(second)]);
    if let Some(short) = phone.strip_suffix('ː') {
        let [vowel, _] = single(short, next)?;
        return two(vowel?, vowel?);
    }
    // A nasal is syllabic unless a vowel or a glide follows, as in words of Twi.
    let onset = next.is_some_and(|next| next.starts_with(|c| "aæɑʌəɐeɛɜiɪoɔɒuʊwj".contains(c)));
    let unit = match phone {
        "m" if onset => unit!("m"),
        "m" => unit!("m̩"),
        "n" if onset => unit!("n"),
        "n" => unit!("n̩"),
        "ɲ" => unit!("ɲ"),
        "ŋ" => unit!("ŋ̩"),
        "ʃ" | "ʒ" | "ɕ" | "ç" => unit!("ɕ"),
        "tʃ" | "tɕ" | "c" => unit!("tɕ"),
        "dʒ" | "dʑ" | "ɟ" => unit!("dʑ"),
        "ɹ" | "r" | "ɾ" => unit!("ɾ"),
        "i" | "ɪ" => unit!("i"),
        "u" | "ʊ" => unit!("u"),
        "a" | "æ" | "ɑ" | "ʌ" | "ə" | "ɐ" => unit!("a"),
        "e" => unit!("e"),
        "ɛ" | "ɜ" => unit!("ɛ"),
        "o" => unit!("o"),
        "ɔ" | "ɒ" => unit!("ɔ"),
        "j" | "y" => unit!("j"),
        "h" | "x" => unit!("h"),
        "ts" => return two(unit!("t"), unit!("s")),
        "dz" => return two(unit!("d"), unit!("z")),
        "kp" => return two(unit!("k"), unit!("p")),
        "ɡb" => return two(unit!("ɡ"), unit!("b")),
        "p" => unit!("p"),
        "b" => unit!("b"),
        "t" | "θ" => unit!("t"),
        "d" | "ð" => unit!("d"),
        "k" => unit!("k"),
        "ɡ" => unit!("ɡ"),
        "f" => unit!("f"),
        "v" => unit!("v"),
        "s" => unit!("s"),
        "z" => unit!("z"),
        "l" => unit!("l"),
        "w" => unit!("w"),
        _ => return None,
    };
    Some([Some(unit), None])
}

#[cfg(test)]
mod tests {
    use super::fold;
    use crate::phoneme::format_units;

    #[test]
    fn every_phone_of_the_fold_table_has_its_units() {
        let table = [
            ("θ ð ʃ tʃ dʒ ʒ ɹ ŋ", "t d ɕ tɕ dʑ ɕ ɾ ŋ̩"),
            ("ɪ iː ʊ uː", "i i i u u u"),
            ("æ ɑ ʌ ə a", "a a a a a"),
            ("ɜː ɒ ɔː", "ɛ ɛ ɔ ɔ ɔ"),
            ("e ɪ o ʊ a ɪ a ʊ ɔ ɪ", "e e o o a i a u ɔ i"),
            ("k w ɪ k m u n j uː n", "kʷ i k m u n j u u n̩"),
        ];
        for (phones, units) in table {
            let folded = fold(phones.split(' ')).map(|units| format_units(&units));
            assert_eq!(folded.as_deref(), Some(units));
        }
        assert_eq!(fold(["ʘ"].into_iter()), None);
    }
}
