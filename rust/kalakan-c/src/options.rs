//! Settings of a synthesis: those of `kalakan.synthesis.options.SpeakOptions`, with its limits, except `ssml`.

use kalakan_text::Tones;

use crate::error::{Error, Result};

/// Settings of a synthesis.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Name of a speaker; `None` for the voice's first.
    pub speaker: Option<String>,
    /// Source of tones for words without marks; `None` for the voice's default.
    pub tones: Option<Tones>,
    /// Tempo factor, 0.5 to 2.
    pub speed: f64,
    /// Pitch shift in semitones, -12 to 12.
    pub pitch: f64,
    /// Factor of log F0 around the speaker's mean, 0 to 2.
    pub pitch_range: f64,
    /// Gain in decibels, -20 to 12.
    pub volume: f64,
    /// The same gain as a factor of the amplitude, 0.25 to 4.
    pub energy: f64,
    /// Silence in seconds added between two sentences, 0 to 60.
    pub sentence_pause: f64,
    /// Silence in seconds added between two paragraphs, on top of the sentence pause.
    pub paragraph_pause: f64,
    /// Silence in seconds added after a heading.
    pub heading_pause: f64,
    /// Silence in seconds added at a scene break.
    pub scene_pause: f64,
    /// Silence in seconds before the first sound, 0 to 10.
    pub lead_in: f64,
    /// Seed of the vocoder's noise.
    pub seed: u32,
    /// Whether text without a reading is an error instead of being skipped.
    pub strict: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            speaker: None,
            tones: None,
            speed: 1.0,
            pitch: 0.0,
            pitch_range: 1.0,
            volume: 0.0,
            energy: 1.0,
            sentence_pause: 0.0,
            paragraph_pause: 0.4,
            heading_pause: 0.5,
            scene_pause: 1.0,
            lead_in: 0.0,
            seed: 0,
            strict: false,
        }
    }
}

/// Minimum and maximum gain in decibels.
const VOLUME: (f64, f64) = (-20.0, 12.0);

impl Options {
    /// Rejects a value out of range.
    ///
    /// # Errors
    /// `Status::Argument`, naming the option, its value and its limits.
    pub fn check(&self) -> Result<()> {
        let limits = [
            ("speed", self.speed, (0.5, 2.0)),
            ("pitch", self.pitch, (-12.0, 12.0)),
            ("pitch_range", self.pitch_range, (0.0, 2.0)),
            ("volume", self.volume, VOLUME),
            ("energy", self.energy, (0.25, 4.0)),
            ("sentence_pause", self.sentence_pause, (0.0, 60.0)),
            ("paragraph_pause", self.paragraph_pause, (0.0, 60.0)),
            ("heading_pause", self.heading_pause, (0.0, 60.0)),
            ("scene_pause", self.scene_pause, (0.0, 60.0)),
            ("lead_in", self.lead_in, (0.0, 10.0)),
        ];
        for (name, value, (low, high)) in limits {
            if !(low..=high).contains(&value) {
                return Err(Error::argument(format!(
                    "{name} is {value}; it must lie between {low} and {high}"
                )));
            }
        }
        Ok(())
    }

    /// `volume` and `energy` as one gain in decibels.
    pub(crate) fn gain(&self) -> f64 {
        (self.volume + 20.0 * self.energy.log10()).clamp(VOLUME.0, VOLUME.1)
    }
}
