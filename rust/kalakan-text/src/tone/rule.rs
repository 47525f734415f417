//! The rules behind a word's tones, with their confidence and sources.

/// Confidence of a prediction; combining two takes the lower one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// By analogy, or from a single unclear print.
    Guess,
    /// From one source, or by a rule that its source calls general.
    Likely,
    /// From several sources that agree.
    Sure,
}

impl Confidence {
    /// `sure`, `likely` or `guess`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sure => "sure",
            Self::Likely => "likely",
            Self::Guess => "guess",
        }
    }

    /// The confidence of a name in a table.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "sure" => Self::Sure,
            "likely" => Self::Likely,
            "guess" => Self::Guess,
            _ => return None,
        })
    }
}

/// A set of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules(u32);

/// Names in the order of the bits, as they are printed.
const NAMES: [&str; 25] = [
    "written",
    "word",
    "context",
    "prefix",
    "stem",
    "ending",
    "compound",
    "subject",
    "habitual",
    "stative",
    "progressive",
    "prospective",
    "past",
    "future",
    "perfect",
    "consecutive",
    "motional",
    "negative",
    "imperative",
    "link",
    "possessive",
    "spread",
    "object",
    "clitic",
    "shape",
];

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl Rules {
            $($(#[$doc])* pub(crate) const $name: Self = Self(1 << $bit);)*
        }
    };
}

rules! {
    /// The writer's own marks.
    WRITTEN = 0;
    /// The word is in the table.
    WORD = 1;
    /// Its neighbors selected one of several readings.
    CONTEXT = 2;
    /// A noun's prefix is low (rules 1 and 2).
    PREFIX = 3;
    /// A stem of the table under another prefix or spelling.
    STEM = 4;
    /// A noun's ending has a fixed tone (rule 23d).
    ENDING = 5;
    /// Two nouns of the table in one word (rule 23c).
    COMPOUND = 6;
    /// The verb's subject prefix (rule 3).
    SUBJECT = 7;
    /// The verb's basic form (rule 4).
    HABITUAL = 8;
    /// A stative verb is low (rule 5).
    STATIVE = 9;
    /// re- (rule 6).
    PROGRESSIVE = 10;
    /// rebɛ- (rule 13b).
    PROSPECTIVE = 11;
    /// The vowel is doubled or e, i is added (rule 7).
    PAST = 12;
    /// bɛ- and mɛ- (rule 8).
    FUTURE = 13;
    /// a- (rule 9).
    PERFECT = 14;
    /// a- of a second verb (rule 9c).
    CONSECUTIVE = 15;
    /// kɔ- and bɛ- of motion (rule 13).
    MOTIONAL = 16;
    /// The nasal of negation (rule 10).
    NEGATIVE = 17;
    /// A command to one person is low (rule 11).
    IMPERATIVE = 18;
    /// The verb of a relative, time or focus clause (rule 15).
    LINK = 19;
    /// The noun after a possessor (rule 20).
    POSSESSIVE = 20;
    /// A low prefix after a high tone (rule 1b).
    SPREAD = 21;
    /// A pronoun after its verb (rule 3b).
    OBJECT = 22;
    /// m', n', w' before its noun.
    CLITIC = 23;
    /// A long unknown noun: the most common tones for its length.
    SHAPE = 24;
}

impl Rules {
    /// Both sets together.
    #[must_use]
    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are among these.
    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of the rules, joined by `+`.
    pub fn name(self) -> String {
        let names = NAMES.iter().enumerate();
        let chosen: Vec<&str> = names
            .filter(|(bit, _)| self.0 >> bit & 1 == 1)
            .map(|(_, name)| *name)
            .collect();
        chosen.join("+")
    }
}
