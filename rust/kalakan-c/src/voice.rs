//! An opened and verified voice, and synthesis from a text to samples.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use kalakan_text::{G2pOptions, TwiG2p};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result, Status};
use crate::external::locations;
use crate::manifest::Manifest;
use crate::models::{AcousticModel, Controls, Folder, Speaker, Vocoder};
use crate::onnxruntime::Runtime;
use crate::options::Options;
use crate::reading::{read_script, Phrase};

/// Amplitude below which the limiter changes nothing.
const KNEE: f32 = 0.8;

/// A voice; any number of threads can use it at the same time.
pub struct Voice {
    manifest: Manifest,
    reader: TwiG2p,
    acoustic: AcousticModel,
    vocoder: Vocoder,
}

/// Statistics of a synthesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spoken {
    /// Number of parts of the text that have no reading and were skipped.
    pub unread: usize,
}

impl Voice {
    /// Opens the voice in a folder.
    ///
    /// `onnxruntime` is the path of its shared library; by default the one in the environment variable
    /// `KALAKAN_ONNXRUNTIME` or the system's. `threads` is the number of CPU threads per graph, 1 to 256.
    ///
    /// # Errors
    /// `Status::Voice` for a voice that is missing, damaged or uses another phoneme table, `Status::Unsupported` for a
    /// vocoder other than `harmonic_noise`, `Status::Runtime` if onnxruntime cannot be loaded.
    pub fn open(folder: &Path, onnxruntime: Option<&str>, threads: u32) -> Result<Self> {
        if !(1..=256).contains(&threads) {
            return Err(Error::argument(format!(
                "threads is {threads}; it must lie between 1 and 256"
            )));
        }
        if folder.is_file() {
            return Err(Error::new(
                Status::Unsupported,
                format!(
                    "{}: is a file, and only Python's Kalakan reads voices in a single file; give a voice's folder",
                    folder.display()
                ),
            ));
        }
        let manifest = read_manifest(folder)?;
        let Some(config) = manifest.source_filter else {
            return Err(Error::new(
                Status::Unsupported,
                format!(
                    "{}: its vocoder is {}, which only Python's Kalakan runs; give a voice with a harmonic_noise",
                    folder.display(),
                    manifest.vocoder
                ),
            ));
        };
        check_files(folder, &manifest)?;
        let names: Vec<&str> = manifest.files.keys().map(String::as_str).collect();
        let files = Folder {
            path: folder,
            names: &names,
            runtime: Runtime::load(onnxruntime)?,
            threads,
        };
        Ok(Self {
            acoustic: AcousticModel::open(&files)?,
            vocoder: Vocoder::open(&files, config)?,
            reader: TwiG2p::new(G2pOptions {
                tones: manifest.tones,
                ..G2pOptions::default()
            }),
            manifest,
        })
    }

    /// Sample rate in Hz.
    pub fn sample_rate(&self) -> u32 {
        self.manifest.sample_rate
    }

    /// Names of its speakers; the first is the default.
    pub fn speakers(&self) -> &[String] {
        &self.manifest.speakers
    }

    /// Synthesizes a text sentence by sentence: `sink` gets the samples of each phrase, in [-1, 1], with the silence
    /// around it, and returns whether to continue.
    ///
    /// # Errors
    /// `Status::Argument` for an option out of range, `Status::Text` for a text with nothing to pronounce,
    /// `Status::Stopped` if `sink` requests it.
    pub fn synthesize(
        &self,
        text: &str,
        options: &Options,
        mut sink: impl FnMut(&[f32]) -> bool,
    ) -> Result<Spoken> {
        options.check()?;
        let shares = self.shares(options)?;
        let tones = options.tones.unwrap_or(self.manifest.tones);
        let script = read_script(&self.reader, text, tones, options)?;
        for phrase in &script.phrases {
            let mut samples = vec![0.0; self.silence(phrase.before)];
            samples.extend(self.phrase(phrase, &shares, options)?);
            samples.resize(samples.len() + self.silence(phrase.after), 0.0);
            if !sink(&samples) {
                return Err(Error::new(
                    Status::Stopped,
                    "the caller's function said to stop",
                ));
            }
        }
        Ok(Spoken {
            unread: script.unread,
        })
    }

    fn shares(&self, options: &Options) -> Result<Shares> {
        let speakers = &self.manifest.speakers;
        options
            .speaker
            .as_deref()
            .map_or_else(|| Ok(vec![(0, 1.0)]), |name| shares(name, speakers))
    }

    /// Number of samples of a pause, rounded to whole frames, with halves to even as in Python.
    fn silence(&self, seconds: f64) -> usize {
        let hop = self.manifest.hop_length;
        let frames = seconds * f64::from(self.manifest.sample_rate) / hop as f64;
        frames.round_ties_even() as usize * hop
    }

    fn phrase(&self, phrase: &Phrase, shares: &Shares, options: &Options) -> Result<Vec<f32>> {
        let ids: Vec<i64> = phrase.ids.iter().map(|id| i64::from(id.get())).collect();
        let acoustics = self
            .acoustic
            .predict(&ids, &self.controls(phrase, shares, options))?;
        if acoustics.mel.shape[0] != self.manifest.n_mels {
            return Err(Error::voice(
                "the acoustic model's graph does not fit the number of mel bands in voice.json",
            ));
        }
        if acoustics.mel.shape[1] == 0 {
            return Ok(Vec::new());
        }
        let mut samples = self.vocoder.generate(&acoustics, options.seed)?;
        let gain = self.gain(phrase, shares, options);
        if gain != 0.0 {
            let factor = 10.0_f64.powf(f64::from(gain) / 20.0) as f32;
            for sample in &mut samples {
                *sample *= factor;
            }
        }
        limit(&mut samples)?;
        Ok(samples)
    }

    /// The speaker in the form that the acoustic model takes.
    fn speaker(&self, shares: &Shares) -> Speaker {
        match shares[..] {
            [(0, _)] => Speaker::First,
            [(row, _)] => Speaker::Row(row as i64),
            _ => {
                let mut weights = vec![0.0; self.manifest.speakers.len()];
                for (row, share) in shares {
                    weights[*row] = *share as f32;
                }
                Speaker::Mix(weights)
            }
        }
    }

    /// The controls of a phrase with the voice's corrections applied; in 32 bits, as in Python.
    fn controls(&self, phrase: &Phrase, shares: &Shares, options: &Options) -> Controls {
        let corrections = &self.manifest.corrections;
        let given = |value: f64, default: f64| (value != default).then(|| vec![value as f32]);
        let mut controls = Controls {
            speaker: self.speaker(shares),
            speed: given(options.speed, 1.0),
            pitch: given(options.pitch, 0.0),
            pitch_range: given(options.pitch_range, 1.0),
        };
        let width = options.pitch_range as f32;
        if corrections.moves_pitch() {
            let base = options.pitch as f32;
            let is_shifted = controls.pitch.is_some();
            let shift = corrections.semitones(&phrase.ids).into_iter().map(|own| {
                let own = width * own;
                if is_shifted {
                    base + own
                } else {
                    own
                }
            });
            controls.pitch = Some(shift.collect());
        }
        if corrections.pitch_range != 1.0 {
            controls.pitch_range = Some(vec![width * corrections.pitch_range as f32]);
        }
        if corrections.changes_durations() {
            let base = options.speed as f32;
            let factors = corrections.factors(&phrase.ids).into_iter();
            controls.speed = Some(factors.map(|factor| base / factor).collect());
        }
        controls
    }

    /// Gain of a phrase in decibels: the request's, plus the one that keeps the speaker's level constant.
    fn gain(&self, phrase: &Phrase, shares: &Shares, options: &Options) -> f32 {
        let Manifest {
            levels, speakers, ..
        } = &self.manifest;
        let mean = |quantity: &str, value: f64| -> f64 {
            let gains = shares
                .iter()
                .map(|(row, share)| share * levels.gain(&speakers[*row], quantity, value));
            gains.sum()
        };
        let mut total = options.gain() as f32;
        for (quantity, value, default) in
            [("pitch", options.pitch, 0.0), ("speed", options.speed, 1.0)]
        {
            if value != default {
                total += mean(quantity, f64::from(value as f32)) as f32;
            }
        }
        total + mean("sounds", phrase.sounds() as f64) as f32
    }
}

/// Rows of speakers and their weights, which sum to 1.
type Shares = Vec<(usize, f64)>;

/// The weights for a speaker or a mix such as "akosua:0.6,esi:0.4"; see `kalakan.synthesis.options.speaker_shares`.
fn shares(speaker: &str, speakers: &[String]) -> Result<Shares> {
    let known = |name: &str| {
        let place = speakers.iter().position(|other| other == name);
        place.ok_or_else(|| {
            Error::argument(format!(
                "speaker {name:?} is not in this voice; choose one of {}",
                speakers.join(", ")
            ))
        })
    };
    if !speaker.contains(':') || speakers.iter().any(|name| name == speaker) {
        return Ok(vec![(known(speaker)?, 1.0)]);
    }
    let mut found: Shares = Vec::new();
    for part in speaker.split(',') {
        let (name, weight) = part.rsplit_once(':').unwrap_or(("", part));
        let (name, weight) = (name.trim(), weight.trim());
        let row = known(name)?;
        let share = weight.parse().unwrap_or(f64::NAN);
        if !(0.0..f64::INFINITY).contains(&share) {
            return Err(Error::argument(format!(
                "speaker {speaker:?} gives {name} the weight {weight:?}; it must be a number from 0"
            )));
        }
        if found.iter().any(|(other, _)| *other == row) {
            return Err(Error::argument(format!(
                "speaker {speaker:?} names {name} twice; give each speaker one weight"
            )));
        }
        found.push((row, share));
    }
    let total: f64 = found.iter().map(|(_, share)| share).sum();
    if total == 0.0 {
        return Err(Error::argument(format!(
            "speaker {speaker:?} gives nobody a weight above 0"
        )));
    }
    found.retain(|(_, share)| *share > 0.0);
    Ok(found
        .into_iter()
        .map(|(row, share)| (row, share / total))
        .collect())
}

fn read_manifest(folder: &Path) -> Result<Manifest> {
    let path = folder.join("voice.json");
    let text = fs::read_to_string(&path).map_err(|error| {
        Error::voice(format!(
            "{}: cannot be read ({error}); a voice is a folder with a voice.json in it",
            path.display()
        ))
    })?;
    Manifest::from_json(&text).map_err(|fault| Error::voice(format!("{}: {fault}", path.display())))
}

/// Rejects a missing or changed file, and a graph that reads files that the manifest does not list.
fn check_files(folder: &Path, manifest: &Manifest) -> Result<()> {
    for (name, expected) in &manifest.files {
        let path = folder.join(name);
        let fault = |reason: &str| Error::voice(format!("{}: {reason}", path.display()));
        let content =
            fs::read(&path).map_err(|error| fault(&format!("cannot be read ({error})")))?;
        if hexadecimal(&Sha256::digest(&content)) != *expected {
            return Err(fault(
                "is damaged or was changed (its sha256 is not the one in voice.json); copy it again",
            ));
        }
        if path.extension().is_some_and(|suffix| suffix == "onnx") {
            let read = locations(&content)
                .map_err(|reason| fault(&format!("is damaged or no ONNX model ({reason})")))?;
            if let Some(other) = read
                .iter()
                .find(|other| !manifest.files.contains_key(*other))
            {
                return Err(fault(&format!(
                    "reads the file {other:?}, which voice.json does not list; export the voice again"
                )));
            }
        }
    }
    Ok(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Limits samples to [-1, 1]; see `kalakan.audio.loudness.soft_limit`.
fn limit(samples: &mut [f32]) -> Result<()> {
    if !samples.iter().all(|sample| sample.is_finite()) {
        return Err(Error::voice(
            "the vocoder generated samples that are not finite; its weights are broken",
        ));
    }
    let room = 1.0 - KNEE;
    for sample in samples {
        let size = sample.abs();
        if size > KNEE {
            let bent = f64::from((size - KNEE) / room).tanh() as f32;
            *sample = (KNEE + room * bent).min(1.0).copysign(*sample);
        }
    }
    Ok(())
}
