//! The graphs of a voice and the synthesis from their outputs; see `kalakan.synthesis.engines.onnx_models`.

use std::path::Path;

use kalakan_dsp::{SourceFilter, SourceFilterConfig, SourceFilterStart};

use crate::error::{Error, Result};
use crate::onnxruntime::{Found, Output, Runtime, Session, Tensor};

const ACOUSTIC: &str = "acoustic.onnx";
const ENCODER: &str = "acoustic_encoder.onnx";
const DECODER: &str = "acoustic_decoder.onnx";
const VOCODER: &str = "vocoder.onnx";
const FILTERS: &str = "vocoder_filters.onnx";

/// Samples in the noise table of the vocoder.
const NOISE_SIZE: u32 = 65_536;

/// A file of a folder, if the manifest lists it.
pub(crate) struct Folder<'a> {
    /// The folder.
    pub path: &'a Path,
    /// Names of its files.
    pub names: &'a [&'a str],
    /// The runtime for its graphs.
    pub runtime: &'static Runtime,
    /// CPU threads per graph.
    pub threads: u32,
}

impl Folder<'_> {
    fn has(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    fn open(&self, name: &str, input: &str, output: &str) -> Result<Session> {
        let path = self.path.join(name);
        let session = Session::open(self.runtime, &path, self.threads).map_err(|error| {
            Error::voice(format!("{}: cannot be run ({error})", path.display()))
        })?;
        let has = |names: &[String], name| names.iter().any(|other| other == name);
        if has(&session.inputs, input) && has(&session.outputs, output) {
            return Ok(session);
        }
        Err(Error::voice(format!(
            "{}: must have an input {input} and an output {output}; export the voice again",
            path.display()
        )))
    }
}

/// The speaker.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Speaker {
    /// The voice's first speaker, which is the graph's default.
    #[default]
    First,
    /// The speaker of a row.
    Row(i64),
    /// A mix, with a weight for each speaker.
    Mix(Vec<f32>),
}

/// Settings of a phrase in the form that the graph takes; `None` for the model's default.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Controls {
    /// The speaker.
    pub speaker: Speaker,
    /// Tempo factor: one value, or one per id.
    pub speed: Option<Vec<f32>>,
    /// Pitch shift in semitones, in the same shapes.
    pub pitch: Option<Vec<f32>>,
    /// Factor of log F0 around the speaker's mean, in the same shapes.
    pub pitch_range: Option<Vec<f32>>,
}

/// The acoustic model's prediction for a phrase.
pub(crate) struct Acoustics {
    /// Log-mel [M, T].
    pub mel: Found<f32>,
    /// F0 [T] in Hz, 0 where unvoiced; `None` for a model that does not predict it.
    pub f0: Option<Vec<f32>>,
}

/// Phoneme ids to log-mel, in one graph or in two.
pub(crate) struct AcousticModel {
    graph: Session,
    decoder: Option<Session>,
}

impl AcousticModel {
    /// The model of a voice.
    pub fn open(folder: &Folder<'_>) -> Result<Self> {
        if folder.has(ENCODER) && folder.has(DECODER) {
            return Ok(Self {
                graph: folder.open(ENCODER, "phonemes", "frames")?,
                decoder: Some(folder.open(DECODER, "frames", "mel_output")?),
            });
        }
        if !folder.has(ACOUSTIC) {
            return Err(Error::voice(format!(
                "{}: has no graph of its acoustic model; complete it with kalakan export",
                folder.path.display()
            )));
        }
        Ok(Self {
            graph: folder.open(ACOUSTIC, "phonemes", "mel_output")?,
            decoder: None,
        })
    }

    /// The acoustics of the ids of one phrase.
    pub fn predict(&self, ids: &[i64], controls: &Controls) -> Result<Acoustics> {
        let length = [1, ids.len() as i64];
        let mut inputs = vec![("phonemes", Tensor::Ints(ids, &length))];
        let width;
        match &controls.speaker {
            Speaker::First => {}
            Speaker::Row(row) => {
                inputs.push(("speaker", Tensor::Ints(std::slice::from_ref(row), &[1])));
            }
            Speaker::Mix(weights) => {
                width = [1, weights.len() as i64];
                // No speaker's row, so that only the mix counts.
                inputs.push(("speaker", Tensor::Ints(&[-1], &[1])));
                inputs.push(("speaker_mix", Tensor::Floats(weights, &width)));
            }
        }
        let given = [
            ("speed", &controls.speed),
            ("pitch", &controls.pitch),
            ("pitch_range", &controls.pitch_range),
        ];
        let given: Vec<(&str, &[f32], [i64; 2])> = given
            .into_iter()
            .filter_map(|(name, values)| {
                let values = values.as_deref()?;
                Some((name, values, [1, values.len() as i64]))
            })
            .collect();
        for (name, values, shape) in &given {
            inputs.push((name, Tensor::Floats(values, shape)));
        }
        if let Some((name, _)) = inputs
            .iter()
            .find(|(name, _)| !self.graph.inputs.iter().any(|input| input == name))
        {
            return Err(Error::argument(if *name == "speaker_mix" {
                "this acoustic model was exported without mixes of speakers; name one speaker"
                    .to_owned()
            } else {
                format!("this acoustic model has no input {name}; leave it at its default")
            }));
        }
        let main = if self.decoder.is_some() {
            "frames"
        } else {
            "mel_output"
        };
        let optional = ["mel_lengths", "pitch_output"]
            .into_iter()
            .filter(|name| self.graph.outputs.iter().any(|output| output == name));
        let names: Vec<&str> = [main].into_iter().chain(optional).collect();
        let mut found = names.iter().copied().zip(self.graph.run(&inputs, &names)?);
        let (_, first) = found
            .next()
            .ok_or_else(|| Error::runtime("a graph gave no output"))?;
        let (mut frames, mut f0) = (None, None);
        for (name, output) in found {
            if name == "mel_lengths" {
                frames = output.ints(1)?.values.first().map(|count| *count as usize);
            } else {
                f0 = Some(output.floats(2)?.values);
            }
        }
        let first = first.floats(3)?;
        let axis = if self.decoder.is_some() { 1 } else { 2 };
        let frames = frames.unwrap_or(first.shape[axis]).min(first.shape[axis]);
        if let Some(f0) = &mut f0 {
            f0.truncate(frames);
        }
        Ok(Acoustics {
            mel: self.mel(&first, frames)?,
            f0,
        })
    }

    /// Log-mel [M, T] of the first frames of the graph's main output.
    fn mel(&self, first: &Found<f32>, frames: usize) -> Result<Found<f32>> {
        let Some(decoder) = &self.decoder else {
            return Ok(trimmed(first, frames));
        };
        let width = first.shape[2];
        let shape = [1, frames as i64, width as i64];
        let hidden = Tensor::Floats(&first.values[..frames * width], &shape);
        let mel = only(decoder.run(&[("frames", hidden)], &["mel_output"])?)?.floats(3)?;
        Ok(trimmed(&mel, frames))
    }
}

/// The first frames of a mel [1, M, T] as [M, frames].
fn trimmed(mel: &Found<f32>, frames: usize) -> Found<f32> {
    let (bands, length) = (mel.shape[1], mel.shape[2]);
    let frames = frames.min(length);
    let rows = mel.values.chunks(length.max(1)).take(bands);
    Found {
        values: rows.flat_map(|row| &row[..frames]).copied().collect(),
        shape: vec![bands, frames],
    }
}

/// Log-mel to samples: the network of `harmonic_noise`, and its synthesis in `kalakan-dsp`.
pub(crate) struct Vocoder {
    graph: Session,
    /// Whether the graph also computes the sound unless told not to.
    has_sound: bool,
    synthesis: SourceFilter,
}

impl Vocoder {
    /// The vocoder of a voice.
    pub fn open(folder: &Folder<'_>, config: SourceFilterConfig) -> Result<Self> {
        let name = if folder.has(FILTERS) {
            FILTERS
        } else {
            VOCODER
        };
        if !folder.has(name) {
            return Err(Error::voice(format!(
                "{}: has no graph of its vocoder; complete it with kalakan export",
                folder.path.display()
            )));
        }
        let graph = folder.open(name, "mel_input", "filters")?;
        let synthesis = SourceFilter::new(config).map_err(|error| {
            Error::voice(format!(
                "{}: its vocoder does not fit ({error})",
                folder.path.display()
            ))
        })?;
        Ok(Self {
            has_sound: graph.inputs.iter().any(|input| input == "synthesize"),
            graph,
            synthesis,
        })
    }

    /// Samples of a phrase, which may exceed [-1, 1].
    pub fn generate(&self, acoustics: &Acoustics, seed: u32) -> Result<Vec<f32>> {
        let mel = &acoustics.mel;
        let shape = [1, mel.shape[0] as i64, mel.shape[1] as i64];
        let mut inputs = vec![("mel_input", Tensor::Floats(&mel.values, &shape))];
        if self.has_sound {
            inputs.push(("synthesize", Tensor::Flag(&false)));
        }
        let given: Option<Vec<f32>> = acoustics
            .f0
            .as_ref()
            .map(|f0| f0.iter().map(|value| value.max(0.0)).collect());
        let length = [1, mel.shape[1] as i64];
        if let Some(f0) = &given {
            inputs.push(("f0", Tensor::Floats(f0, &length)));
        }
        let mut found = self
            .graph
            .run(&inputs, &["filters", "f0_output"])?
            .into_iter();
        let mut next = || {
            found
                .next()
                .ok_or_else(|| Error::runtime("a graph gave no output"))
        };
        let (filters, used) = (next()?.floats(3)?, next()?.floats(2)?);
        if filters.shape[2] != self.synthesis.filter_len() {
            return Err(Error::voice(
                "the vocoder's graph does not fit its sizes in voice.json",
            ));
        }
        let f0 = given.unwrap_or(used.values);
        let audio = self
            .synthesis
            .render(&filters.values, &f0, 0, source_start(seed));
        audio.map_err(|error| Error::voice(format!("the vocoder cannot be run ({error})")))
    }
}

/// Start of pulses and noise; multiplicative hashing, as in `kalakan.audio.harmonic_noise`.
fn source_start(seed: u32) -> SourceFilterStart {
    let mixed = seed.wrapping_mul(2_654_435_769);
    SourceFilterStart {
        phase: f64::from(mixed >> 16) / 65_536.0,
        noise: (mixed % NOISE_SIZE) as usize,
    }
}

fn only(found: Vec<Output>) -> Result<Output> {
    found
        .into_iter()
        .next()
        .ok_or_else(|| Error::runtime("a graph gave no output"))
}
