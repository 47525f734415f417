//! `voice.json`, as far as running a voice needs it; see `kalakan.voices.manifest`.

use std::collections::HashMap;

use kalakan_dsp::SourceFilterConfig;
use kalakan_text::{table_hash, Tones};
use serde_json::Value;

use crate::corrections::{Corrections, Curve, Levels, Sound};

/// Format of a voice folder that this version reads.
const FORMAT_VERSION: u64 = 1;

/// Contents of `voice.json`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Manifest {
    /// Speakers in the order of their rows.
    pub speakers: Vec<String>,
    /// Samples per second.
    pub sample_rate: u32,
    /// Samples of a frame.
    pub hop_length: usize,
    /// Bands of the mel.
    pub n_mels: usize,
    /// Type of the acoustic model.
    pub acoustic: String,
    /// Type of the vocoder.
    pub vocoder: String,
    /// Sizes of the vocoder's synthesis, if it is `harmonic_noise`.
    pub source_filter: Option<SourceFilterConfig>,
    /// Where tones of words without marks come from.
    pub tones: Tones,
    /// Corrections of its prosody.
    pub corrections: Corrections,
    /// Gains that keep a speaker's level.
    pub levels: Levels,
    /// sha256 of every other file, by name.
    pub files: HashMap<String, String>,
}

impl Manifest {
    /// The manifest of a JSON text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let record: Value = serde_json::from_str(text)
            .map_err(|_| "is damaged, it is not valid JSON".to_owned())?;
        let version = &record["format_version"];
        if version.as_u64() != Some(FORMAT_VERSION) {
            return Err(format!(
                "has format version {version} and this Kalakan reads {FORMAT_VERSION}; upgrade Kalakan"
            ));
        }
        let table = text_of(&record, "phoneme_table")?;
        let own = format!("{:016x}", table_hash());
        if table != own {
            return Err(format!(
                "was trained on another phoneme table ({table}) than this Kalakan has ({own}); use the version of \
                 Kalakan that it was made with"
            ));
        }
        let audio = &record["audio"];
        let vocoder = text_of(&record["vocoder"], "type")?;
        let sample_rate = u32::try_from(whole(audio, "sample_rate")?)
            .map_err(|_| damaged("sample_rate", &audio["sample_rate"]))?;
        let hop_length = whole(audio, "hop_length")?;
        Ok(Self {
            speakers: speakers(&record["speakers"])?,
            sample_rate,
            hop_length,
            n_mels: whole(audio, "n_mels")?,
            acoustic: text_of(&record["acoustic"], "type")?,
            source_filter: (vocoder == "harmonic_noise")
                .then(|| source_filter(&record["vocoder"]["config"], sample_rate, hop_length))
                .transpose()?,
            vocoder,
            tones: match record.get("tones").map_or(Some("written"), Value::as_str) {
                Some("predicted") => Tones::Predicted,
                Some("written") => Tones::Written,
                _ => return Err(damaged("tones", &record["tones"])),
            },
            corrections: corrections(&record["corrections"])?,
            levels: levels(&record["levels"])?,
            files: files(&record["files"])?,
        })
    }
}

fn damaged(name: &str, value: &Value) -> String {
    format!("is damaged, its {name} is {value}; export or install the voice again")
}

fn text_of(record: &Value, name: &str) -> Result<String, String> {
    let value = &record[name];
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| damaged(name, value))
}

/// A whole number above 0.
fn whole(record: &Value, name: &str) -> Result<usize, String> {
    let value = &record[name];
    let number = value
        .as_u64()
        .filter(|number| (1..=1 << 20).contains(number));
    number
        .map(|number| number as usize)
        .ok_or_else(|| damaged(name, value))
}

fn number(record: &Value, name: &str, default: f64) -> Result<f64, String> {
    match record.get(name) {
        None => Ok(default),
        Some(value) => value.as_f64().ok_or_else(|| damaged(name, value)),
    }
}

fn speakers(value: &Value) -> Result<Vec<String>, String> {
    let names: Option<Vec<String>> = value.as_array().and_then(|names| {
        names
            .iter()
            .map(|name| name.as_str().map(str::to_owned))
            .collect()
    });
    // A name with a zero byte has no form in C.
    names
        .filter(|names| !names.is_empty() && !names.iter().any(|name| name.contains('\0')))
        .ok_or_else(|| damaged("speakers", value))
}

fn source_filter(
    config: &Value,
    sample_rate: u32,
    hop_length: usize,
) -> Result<SourceFilterConfig, String> {
    Ok(SourceFilterConfig {
        sample_rate: f64::from(sample_rate),
        hop_length,
        n_fft: whole(config, "n_fft")?,
        subframes: whole(config, "subframes")?,
        noise_cut: number(config, "noise_cut", 9.0)? as f32,
        noise_cut_below: number(config, "noise_cut_below", 4000.0)? as f32,
        noise_cut_from: number(config, "noise_cut_from", 3.0)? as f32,
    })
}

fn corrections(value: &Value) -> Result<Corrections, String> {
    let mut found = Corrections::default();
    let (factors, semitones) = (0.5..=2.0, -12.0..=12.0);
    for (name, field, limits) in [
        ("pitch_range", &mut found.pitch_range, &factors),
        ("decline", &mut found.decline, &semitones),
        ("statement_fall", &mut found.statement_fall, &semitones),
        ("question_fall", &mut found.question_fall, &semitones),
        ("exclamation_rise", &mut found.exclamation_rise, &semitones),
    ] {
        *field = number(value, name, *field)?;
        if !limits.contains(field) {
            return Err(damaged(name, &value[name]));
        }
    }
    if let Some(given) = value.get("with_tones") {
        found.with_tones = given
            .as_bool()
            .ok_or_else(|| damaged("with_tones", given))?;
    }
    for (name, kind) in Sound::NAMES {
        let factor = &mut found.durations[kind as usize];
        *factor = number(&value["durations"], name, *factor)?;
        if !factors.contains(factor) {
            return Err(damaged(name, &value["durations"]));
        }
    }
    Ok(found)
}

fn levels(value: &Value) -> Result<Levels, String> {
    let mut found = Levels::default();
    for (speaker, curves) in value.as_object().into_iter().flatten() {
        let curves = curves
            .as_object()
            .ok_or_else(|| damaged("levels", curves))?;
        let own = found.0.entry(speaker.clone()).or_default();
        for (quantity, points) in curves {
            let curve = curve(points).ok_or_else(|| damaged("levels", points))?;
            own.insert(quantity.clone(), curve);
        }
    }
    Ok(found)
}

fn curve(points: &Value) -> Option<Curve> {
    let points = points.as_array()?.iter().map(|point| {
        let pair = point.as_array().filter(|pair| pair.len() == 2)?;
        Some((pair[0].as_f64()?, pair[1].as_f64()?))
    });
    let curve: Curve = points.collect::<Option<_>>()?;
    let ascends = curve.windows(2).all(|pair| pair[0].0 < pair[1].0);
    (ascends && !curve.is_empty()).then_some(curve)
}

fn files(value: &Value) -> Result<HashMap<String, String>, String> {
    let entries = value.as_object().ok_or_else(|| damaged("files", value))?;
    entries
        .iter()
        .map(|(name, digest)| {
            let is_plain = !name.contains(['/', '\\', '\0']) && name != "..";
            let digest = digest.as_str().filter(|_| is_plain);
            let digest = digest.ok_or_else(|| damaged("files", &Value::from(name.as_str())))?;
            Ok((name.clone(), digest.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../kalakan/voices/default/voice.json");

    /// The shipped manifest with one change.
    fn changed(path: &str, value: Value) -> Result<Manifest, String> {
        let mut record: Value = serde_json::from_str(SHIPPED).expect("the shipped voice");
        *record.pointer_mut(path).expect("a field") = value;
        Manifest::from_json(&record.to_string())
    }

    #[test]
    fn the_shipped_voice_is_read() {
        let manifest = Manifest::from_json(SHIPPED).expect("the shipped voice");
        assert_eq!(manifest.speakers[0], "akosua");
        assert_eq!(
            (manifest.sample_rate, manifest.hop_length, manifest.n_mels),
            (24_000, 300, 80)
        );
        assert!(manifest.corrections.moves_pitch() && manifest.corrections.changes_durations());
        assert!(manifest.levels.gain("akosua", "sounds", 3.0) < 0.0);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (path, value, said) in [
            ("/format_version", Value::from(2), "format version 2"),
            (
                "/phoneme_table",
                Value::from("0123456789abcdef"),
                "another phoneme table",
            ),
            ("/speakers", Value::from("akosua"), "speakers"),
            ("/audio/hop_length", Value::from(0), "hop_length"),
            ("/vocoder/config/n_fft", Value::from(-1), "n_fft"),
            ("/corrections/pitch_range", Value::from(9), "pitch_range"),
            ("/corrections/with_tones", Value::from(1), "with_tones"),
            (
                "/corrections/exclamation_rise",
                Value::from(13),
                "exclamation_rise",
            ),
            ("/levels/akosua", Value::from(1), "levels"),
            ("/files", Value::from("all"), "files"),
        ] {
            let error = changed(path, value).expect_err(path);
            assert!(error.contains(said), "{path}: {error}");
        }
        assert!(Manifest::from_json("{").is_err());
    }
}
