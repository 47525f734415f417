//! Options of the text front-end.

/// Which written standard the number words follow. It never changes the spelling of other words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Variety {
    /// Asante Twi: baako, mmienu, mmiɛnsa.
    #[default]
    Asante,
    /// Akuapem Twi: biako, abien, abiɛsa.
    Akuapem,
}

/// Which chat spellings are read as letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ChatSpelling {
    /// Digits and brackets are never letters.
    Off,
    /// `3` is read as ɛ, an unbalanced `)` and the `c` of "wc" as ɔ, where no other reading fits.
    #[default]
    Narrow,
    /// Narrow, and where a consonant needs a vowel `0` and `c` are read as ɔ, `q` as ɛ: the keys of ɔ and ɛ on keyboards
    /// for Akan.
    Wide,
}

/// Options of the normalizer. The defaults suit most Asante texts.
#[derive(Clone, Debug, PartialEq)]
pub struct NormalizeOptions {
    /// The number words to use.
    pub variety: Variety,
    /// Count people with baanu, baasa, … after a noun for persons.
    pub human: bool,
    /// Chat letters to repair.
    pub chat: ChatSpelling,
    /// Read 3:45 as "aka simma dunum na abɔ nnɔn nan" instead of counting from the past hour.
    pub clock_to_hour: bool,
}

impl Default for NormalizeOptions {
    fn default() -> Self {
        Self {
            variety: Variety::default(),
            human: true,
            chat: ChatSpelling::default(),
            clock_to_hour: false,
        }
    }
}
