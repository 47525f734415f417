//! Which nouns are people, who are counted with forms of their own: "nnipa baanu".

use super::number::Form;
use super::scanner::Scanner;

impl Scanner<'_> {
    /// Returns the form a number takes here.
    pub(super) fn form(&self) -> Form {
        let noun = self.out.last_word();
        if noun.is_empty() {
            Form::Citation
        } else if self.options.human && self.counts_people(noun) {
            Form::Human
        } else {
            Form::Attributive
        }
    }

    /// Returns whether `noun`, the last word, takes the number forms for people. Books and the young of animals do not.
    fn counts_people(&self, noun: &str) -> bool {
        is_people(noun)
            && !(self.after_book() && self.follows_names(self.at))
            && !(noun == "mma" && ANIMALS.contains(&self.out.word_before_last()))
    }
}

/// Nouns for people in the plural; most end in -foɔ.
fn is_people(noun: &str) -> bool {
    const PEOPLE: [&str; 25] = [
        "nnipa",
        "mmaa",
        "mmarima",
        "mmɔfra",
        "mmofra",
        "anuanom",
        "nuanom",
        "asuafo",
        "nananom",
        "nnamfonom",
        "agyanom",
        "enanom",
        "yerenom",
        "mmabunu",
        "mmabaawa",
        "nkurɔfo",
        "mmammarima",
        "mmammaa",
        "mmerante",
        "mmerantee",
        "mmeranteɛ",
        "mmea",
        "mma",
        "wɔn",
        "yɛn",
    ];
    PEOPLE.contains(&noun)
        || noun.len() > 5 && noun.ends_with("foɔ")
        // The telephone is not a person, despite its ending.
        || noun.len() > 4 && noun.ends_with("fo") && noun != "ahomatrofo"
}

/// Animals, whose young are not counted as children.
const ANIMALS: [&str; 14] = [
    "anantwie",
    "nantwie",
    "nnantwie",
    "nnwan",
    "odwan",
    "mmirekyie",
    "abirekyie",
    "nkokɔ",
    "akokɔ",
    "mprako",
    "prako",
    "nkraman",
    "ɔkraman",
    "mmoa",
];
