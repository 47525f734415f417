//! The tones of a word, nucleus by nucleus, packed in one machine word.

use crate::phoneme::{id_of, PhonemeId};
use crate::sounds::Nucleus;
use crate::words::Tone;

/// Maximum number of nuclei of a pattern; a longer word keeps its written tones.
pub(super) const LONGEST: u8 = 32;

const HIGH: PhonemeId = id_of("˥");
const LOW: PhonemeId = id_of("˩");
const MID: PhonemeId = id_of("˧");

/// Two bits per nucleus, the first one lowest: 0 is unspecified, 1 is low, 2 high, 3 a high that is stepped down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Pattern {
    tones: u64,
    length: u8,
}

impl Pattern {
    /// No tone on any of `length` nuclei; `None` if they are too many.
    pub fn bare(length: usize) -> Option<Self> {
        let length = u8::try_from(length).ok().filter(|n| *n <= LONGEST)?;
        Some(Self { tones: 0, length })
    }

    /// The tones that are written on nuclei; `None` if they do not fit in a pattern.
    pub fn of_nuclei(nuclei: &[Nucleus]) -> Option<Self> {
        let mut pattern = Self::default();
        for nucleus in nuclei {
            pattern.push(nucleus.tone)?;
        }
        Some(pattern)
    }

    /// The tones among units; `None` if they do not fit in a pattern.
    pub fn of_units(units: &[PhonemeId]) -> Option<Self> {
        let mut pattern = Self::default();
        for &unit in units {
            if unit.is_nucleus() {
                pattern.push(None)?;
            } else if unit.is_tone() && pattern.length > 0 {
                let at = usize::from(pattern.length - 1);
                let tone = match unit {
                    LOW => Tone::Low,
                    HIGH if pattern.get(at) == Some(Tone::Mid) => Tone::Mid,
                    HIGH => Tone::High,
                    _ => Tone::Mid,
                };
                pattern.set(at, tone);
            }
        }
        Some(pattern)
    }

    /// Adds a nucleus; `None` if it has no room.
    pub fn push(&mut self, tone: Option<Tone>) -> Option<()> {
        if self.length == LONGEST {
            return None;
        }
        self.tones |= code(tone) << (2 * self.length);
        self.length += 1;
        Some(())
    }

    /// Adds the nuclei of another pattern; `None` if they have no room.
    pub fn extend(&mut self, other: Self) -> Option<()> {
        if self.length + other.length > LONGEST {
            return None;
        }
        if other.length > 0 {
            self.tones |= other.tones << (2 * self.length);
        }
        self.length += other.length;
        Some(())
    }

    pub fn len(self) -> usize {
        usize::from(self.length)
    }

    /// Whether no nucleus has a tone.
    pub fn is_bare(self) -> bool {
        self.tones == 0
    }

    pub fn get(self, at: usize) -> Option<Tone> {
        match self.tones >> (2 * at) & 3 {
            1 => Some(Tone::Low),
            2 => Some(Tone::High),
            3 => Some(Tone::Mid),
            _ => None,
        }
    }

    pub fn set(&mut self, at: usize, tone: Tone) {
        if at < self.len() {
            self.tones = self.tones & !(3 << (2 * at)) | code(Some(tone)) << (2 * at);
        }
    }

    /// The same tone from one nucleus up to another.
    pub fn fill(&mut self, from: usize, to: usize, tone: Tone) {
        for at in from..to.min(self.len()) {
            self.set(at, tone);
        }
    }

    /// Nuclei `from` to the end.
    pub fn tail(self, from: usize) -> Self {
        let from = from.min(self.len());
        Self {
            tones: if from < 32 {
                self.tones >> (2 * from)
            } else {
                0
            },
            length: self.length - from as u8,
        }
    }

    /// The first `length` nuclei.
    pub fn head(self, length: usize) -> Self {
        let length = length.min(self.len());
        let mask = if length < 32 {
            (1 << (2 * length)) - 1
        } else {
            u64::MAX
        };
        Self {
            tones: self.tones & mask,
            length: length as u8,
        }
    }

    pub fn last(self) -> Option<Tone> {
        self.len().checked_sub(1).and_then(|at| self.get(at))
    }

    /// Units of a word without tones, with these after its nuclei.
    pub fn write(self, units: &[PhonemeId], out: &mut Vec<PhonemeId>) {
        let mut rest = self.tones;
        for &unit in units {
            out.push(unit);
            if unit.is_nucleus() {
                match rest & 3 {
                    1 => out.push(LOW),
                    2 => out.push(HIGH),
                    3 => out.push(MID),
                    _ => {}
                }
                rest >>= 2;
            }
        }
    }
}

fn code(tone: Option<Tone>) -> u64 {
    match tone {
        None => 0,
        Some(Tone::Low) => 1,
        Some(Tone::High) => 2,
        Some(Tone::Mid) => 3,
    }
}
