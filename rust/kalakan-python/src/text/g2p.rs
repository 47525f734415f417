//! Words to phoneme ids.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use kalakan_text::clean::clean;
use kalakan_text::normalize::NormalizeOptions;
use kalakan_text::{
    EnglishSource, G2pOptions, Language, Lexicon, PhonemeId, Rules, ToneMode, Tones, TwiG2p,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::options::{choose, flag, TextOptions};
use super::phonemes::{numbers, symbols};
use super::strings::{characters, read};
use crate::error::{kalakan_error, to_python_error};

#[pyfunction]
#[pyo3(signature = (word, /))]
pub(super) fn is_foreign(word: &Bound<'_, PyString>) -> PyResult<bool> {
    let word = clean(&read(word)?, &NormalizeOptions::default());
    Ok(kalakan_text::is_foreign(&word))
}

/// Start and end in the text, start and end in the ids.
type Span = (usize, usize, usize, usize);

/// Text to phonemes with its cache; safe to share between threads.
#[pyclass(frozen, module = "kalakan._rust")]
pub(super) struct G2p {
    reader: TwiG2p,
    options: NormalizeOptions,
    normalize: bool,
    english: Option<Arc<EnglishLoader>>,
}

/// Pronunciations of English words, shared by all G2P objects of a process.
#[pyclass(frozen, module = "kalakan._rust")]
pub(super) struct EnglishLexicon {
    lexicon: Arc<kalakan_text::EnglishLexicon>,
}

#[pymethods]
impl EnglishLexicon {
    #[new]
    #[pyo3(signature = (text, /))]
    fn new(text: &[u8]) -> PyResult<Self> {
        let text = String::from_utf8(text.to_vec()).map_err(|error| {
            kalakan_error(
                "TextError",
                format!("the English lexicon is not UTF-8: {error}"),
            )
        })?;
        let lexicon = kalakan_text::EnglishLexicon::new(text).map_err(to_python_error)?;
        let lexicon = Arc::new(lexicon);
        Ok(Self { lexicon })
    }
}

/// A Python function that returns an `EnglishLexicon`, called for the first English word.
struct EnglishLoader {
    load: Py<PyAny>,
    failed: OnceLock<PyErr>,
}

impl EnglishLoader {
    fn lexicon(&self) -> Option<Arc<kalakan_text::EnglishLexicon>> {
        Python::attach(|py| {
            let found = self.load.bind(py).call0().and_then(|found| {
                let found = found.cast_into::<EnglishLexicon>()?;
                Ok(Arc::clone(&found.get().lexicon))
            });
            // Only the first call gets here; later calls raise the same error.
            found.map_err(|error| self.failed.set(error)).ok()
        })
    }
}

/// Language given by the caller; `None`: detected from the spelling of the words.
fn language(value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Language>> {
    let languages = [("tw", Language::Twi), ("en", Language::English)];
    value
        .map(|value| choose("language", value, &languages))
        .transpose()
}

const TONES: [(&str, Tones); 2] = [("predicted", Tones::Predicted), ("written", Tones::Written)];

/// Source of the tones in one call; `None`: as in the G2P's settings.
fn tones(value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Tones>> {
    value
        .map(|value| choose("tones", value, &TONES))
        .transpose()
}

/// Word, form, rule, confidence and source.
type Explained = (String, String, String, &'static str, &'static str);

impl G2p {
    fn ids(&self, text: &str, language: Option<Language>, tones: Option<Tones>) -> Vec<PhonemeId> {
        self.reader.read_ids(text, self.options(), language, tones)
    }

    fn options(&self) -> Option<&NormalizeOptions> {
        self.normalize.then_some(&self.options)
    }

    /// Runs `work` without the GIL; raises the error of loading the English lexicon, if any.
    fn detached<T: Send>(&self, py: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
        let found = py.detach(work);
        let failed = self.english.as_ref().and_then(|loader| loader.failed.get());
        failed.map_or(Ok(found), |error| Err(error.clone_ref(py)))
    }

    fn word(&self, word: &str) -> Vec<PhonemeId> {
        // Cleaning uses a single spelling of the downstep mark.
        let word = word.replace('ꜜ', "!");
        self.reader.text_to_ids(&clean(&word, &self.options))
    }
}

#[pymethods]
impl G2p {
    /// `lexicon` holds (word, units, place) with the location for error messages.
    #[new]
    #[pyo3(signature = (options, *, lexicon, english, tone, tones, cache_size, normalize))]
    #[allow(clippy::too_many_arguments)] // one per setting, by keyword
    fn new(
        options: &TextOptions,
        lexicon: Vec<(Bound<'_, PyString>, Bound<'_, PyString>, String)>,
        english: Option<Py<PyAny>>,
        tone: &Bound<'_, PyAny>,
        tones: &Bound<'_, PyAny>,
        cache_size: &Bound<'_, PyAny>,
        normalize: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let tone = choose(
            "tone",
            tone,
            &[("full", ToneMode::Full), ("economic", ToneMode::Economic)],
        )?;
        let tones = choose("tones", tones, &TONES)?;
        let normalize = flag("normalize", normalize)?;
        let cache_size = cache_size
            .extract::<usize>()
            .ok()
            .filter(|size| *size <= 1 << 24)
            .ok_or_else(|| {
                let message = format!(
                    "cache_size is {cache_size}; it must be a number of words from 0 to {}",
                    1 << 24
                );
                kalakan_error("ConfigError", message)
            })?;
        let mut words = Lexicon::default();
        for (word, units, place) in lexicon {
            let word = clean(&read(&word)?, &options.options);
            let units = read(&units)?;
            let units = match units.trim().strip_prefix('=') {
                Some(spelling) => format!("={}", clean(spelling, &options.options)).into(),
                None => units,
            };
            words
                .insert(&word, &units, &place)
                .map_err(to_python_error)?;
        }
        let english = english.map(|load| {
            let failed = OnceLock::new();
            Arc::new(EnglishLoader { load, failed })
        });
        let reader = TwiG2p::new(G2pOptions {
            tone,
            tones,
            variety: options.options.variety,
            lexicon: words,
            english: english
                .clone()
                .map(|loader| EnglishSource::new(move || loader.lexicon())),
            cache_size,
        });
        Ok(Self {
            reader,
            options: options.options.clone(),
            normalize,
            english,
        })
    }

    #[pyo3(signature = (text, /, language=None, tones=None))]
    fn text_to_ids(
        &self,
        py: Python<'_>,
        text: &Bound<'_, PyString>,
        language: Option<&Bound<'_, PyAny>>,
        tones: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<u16>> {
        let text = read(text)?;
        let (language, tones) = (self::language(language)?, self::tones(tones)?);
        self.detached(py, || numbers(&self.ids(&text, language, tones)))
    }

    /// Ids, and (start, end, first, last) of each word: its characters, and its place in the ids.
    #[pyo3(signature = (text, /, language=None, tones=None))]
    fn read(
        &self,
        py: Python<'_>,
        text: &Bound<'_, PyString>,
        language: Option<&Bound<'_, PyAny>>,
        tones: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(Vec<u16>, Vec<Span>)> {
        let text = read(text)?;
        let (language, tones) = (self::language(language)?, self::tones(tones)?);
        self.detached(py, || {
            let reading = self.reader.read(&text, self.options(), language, tones);
            let words: Vec<_> = reading.words.iter().map(|word| word.text.clone()).collect();
            let places = characters(&text, &words);
            let spans = places.into_iter().zip(reading.words);
            let spans =
                spans.map(|((start, end), word)| (start, end, word.ids.start, word.ids.end));
            (numbers(&reading.ids), spans.collect())
        })
    }

    #[pyo3(signature = (texts, /, language=None, tones=None))]
    fn texts_to_ids(
        &self,
        py: Python<'_>,
        texts: Vec<Bound<'_, PyString>>,
        language: Option<&Bound<'_, PyAny>>,
        tones: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<Vec<u16>>> {
        let texts = texts.iter().map(read).collect::<PyResult<Vec<_>>>()?;
        let (language, tones) = (self::language(language)?, self::tones(tones)?);
        let ids = |text: &Cow<'_, str>| numbers(&self.ids(text, language, tones));
        self.detached(py, || texts.iter().map(ids).collect())
    }

    #[pyo3(signature = (text, /, language=None, tones=None))]
    fn text_to_units(
        &self,
        py: Python<'_>,
        text: &Bound<'_, PyString>,
        language: Option<&Bound<'_, PyAny>>,
        tones: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<&'static str>> {
        let text = read(text)?;
        let (language, tones) = (self::language(language)?, self::tones(tones)?);
        self.detached(py, || symbols(&self.ids(&text, language, tones)))
    }

    /// The normalized text with the marks of its predicted tones.
    #[pyo3(signature = (text, /, language=None))]
    fn write_tones(
        &self,
        py: Python<'_>,
        text: &Bound<'_, PyString>,
        language: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let (text, language) = (read(text)?, self::language(language)?);
        self.detached(py, || {
            self.reader.write_tones(&text, self.options(), language)
        })
    }

    /// Rule, confidence and source of each word are empty where no tone was predicted.
    #[pyo3(signature = (text, /, language=None))]
    fn explain_tones(
        &self,
        py: Python<'_>,
        text: &Bound<'_, PyString>,
        language: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<Explained>> {
        let (text, language) = (read(text)?, self::language(language)?);
        self.detached(py, || {
            let words = self.reader.explain_tones(&text, self.options(), language);
            let words = words.into_iter().map(|word| {
                let rule = word.rules.map_or_else(String::new, Rules::name);
                let confidence = word.confidence.map_or("", |confidence| confidence.name());
                (word.word, word.form, rule, confidence, word.source)
            });
            words.collect()
        })
    }

    #[pyo3(signature = (word, /))]
    fn word_to_units(
        &self,
        py: Python<'_>,
        word: &Bound<'_, PyString>,
    ) -> PyResult<Vec<&'static str>> {
        let word = read(word)?;
        self.detached(py, || symbols(&self.word(&word)))
    }

    #[pyo3(signature = (word, /))]
    fn syllables(
        &self,
        py: Python<'_>,
        word: &Bound<'_, PyString>,
    ) -> PyResult<Vec<Vec<&'static str>>> {
        let word = read(word)?;
        self.detached(py, || {
            let units = self.word(&word);
            let syllables = kalakan_text::syllables(&units);
            syllables.iter().map(|syllable| symbols(syllable)).collect()
        })
    }

    fn cache_info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let info = self.reader.cache_info();
        let found = PyDict::new(py);
        found.set_item("hits", info.hits)?;
        found.set_item("misses", info.misses)?;
        found.set_item("size", info.size)?;
        found.set_item("capacity", info.capacity)?;
        Ok(found)
    }

    fn unknown(&self) -> BTreeMap<char, u64> {
        self.reader.unknown()
    }

    fn clear(&self) {
        self.reader.clear();
    }
}
