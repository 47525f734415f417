//! `_rust.Stft` and `_rust.Mel`: input checks, GIL release, and `[F, T]` outside to `[T][F]` inside.

use kalakan_dsp::{Complex32, DspError, GriffinLim, MelBank, MelConfig, MelInverse, StftConfig};
use numpy::ndarray::{Array2, ArrayD, Axis, Ix1, Ix2, Ix3};
use numpy::{
    Element, IntoPyArray, PyArray1, PyArray2, PyArrayDescrMethods, PyReadonlyArrayDyn,
    PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::prelude::*;

use crate::error::kalakan_error;

/// Adds this module's functions and classes to `kalakan._rust`.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Stft>()?;
    module.add_class::<Mel>()
}

/// Window, FFT plans and framing; immutable, shared by threads.
#[pyclass(frozen, module = "kalakan._rust")]
struct Stft(kalakan_dsp::Stft);

#[pymethods]
impl Stft {
    #[new]
    #[pyo3(signature = (n_fft, win_length, hop_length))]
    fn new(n_fft: usize, win_length: usize, hop_length: usize) -> PyResult<Self> {
        plan(n_fft, win_length, hop_length).map(Self)
    }

    /// Complex spectrum [F, T] of audio [S].
    #[pyo3(signature = (audio, /))]
    fn forward<'py>(
        &self,
        py: Python<'py>,
        audio: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray2<Complex32>>> {
        let audio = vector(audio, "audio")?;
        let spectrum = py
            .detach(|| Ok(columns(self.0.forward(&audio)?, self.0.bins())))
            .map_err(to_python)?;
        Ok(spectrum.into_pyarray(py))
    }

    /// Audio `[T * hop_length]` of a complex spectrum [F, T].
    #[pyo3(signature = (spectrum, /))]
    fn inverse<'py>(
        &self,
        py: Python<'py>,
        spectrum: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<f32>>> {
        let spectrum = rows::<Complex32>(spectrum, "spectrum", "complex64", self.0.bins())?;
        Ok(py
            .detach(|| self.0.inverse(&spectrum))
            .map_err(to_python)?
            .into_pyarray(py))
    }

    /// Audio `[B, T * hop_length]` of magnitudes [B, F, T].
    #[pyo3(signature = (magnitude, /, *, n_iter, momentum, seed, threads))]
    fn griffin_lim<'py>(
        &self,
        py: Python<'py>,
        magnitude: &Bound<'py, PyAny>,
        n_iter: usize,
        momentum: f32,
        seed: Option<i64>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let magnitude = array::<f32>(magnitude, "magnitude", "float32", 3)?;
        let magnitude = magnitude.into_dimensionality::<Ix3>().map_err(unexpected)?;
        check_rows("magnitude", magnitude.len_of(Axis(1)), self.0.bins())?;
        let method = griffin_lim(n_iter, momentum, seed, threads)?;
        let samples = magnitude.len_of(Axis(2)) * self.0.config().hop_length;
        let items: Vec<Vec<f32>> = magnitude
            .outer_iter()
            .map(|item| item.t().iter().copied().collect())
            .collect();
        let audio = py.detach(|| {
            let items: Vec<&[f32]> = items.iter().map(Vec::as_slice).collect();
            method.run_batch(&self.0, &items)
        });
        let audio = audio.map_err(to_python)?;
        Ok(
            Array2::from_shape_vec((audio.len(), samples), audio.concat())
                .map_err(unexpected)?
                .into_pyarray(py),
        )
    }
}

/// Mel filters over an STFT, and their inverse; immutable, shared by threads.
#[pyclass(frozen, module = "kalakan._rust")]
struct Mel {
    stft: kalakan_dsp::Stft,
    bank: MelBank,
    inverse: MelInverse,
}

#[pymethods]
impl Mel {
    #[new]
    #[pyo3(signature = (*, sample_rate, n_fft, win_length, hop_length, n_mels, fmin, fmax, floor))]
    // One argument per setting of AudioConfig, by name only.
    #[allow(clippy::too_many_arguments)]
    fn new(
        sample_rate: f64,
        n_fft: usize,
        win_length: usize,
        hop_length: usize,
        n_mels: usize,
        fmin: f64,
        fmax: f64,
        floor: f32,
    ) -> PyResult<Self> {
        let stft = plan(n_fft, win_length, hop_length)?;
        let config = MelConfig {
            sample_rate,
            n_mels,
            fmin,
            fmax,
            floor,
        };
        let bank = MelBank::new(config, n_fft).map_err(to_python)?;
        let inverse = MelInverse::new(&bank);
        Ok(Self {
            stft,
            bank,
            inverse,
        })
    }

    /// Filter weights [M, F].
    fn filters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let shape = (self.bank.n_mels(), self.stft.bins());
        Ok(Array2::from_shape_vec(shape, self.bank.basis())
            .map_err(unexpected)?
            .into_pyarray(py))
    }

    /// Log-mel [M, T] of audio [S].
    #[pyo3(signature = (audio, /))]
    fn log_mel<'py>(
        &self,
        py: Python<'py>,
        audio: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let audio = vector(audio, "audio")?;
        let mel = py.detach(|| {
            Ok(columns(
                self.bank.log_mel(&self.stft, &audio)?,
                self.bank.n_mels(),
            ))
        });
        Ok(mel.map_err(to_python)?.into_pyarray(py))
    }

    /// Magnitudes [F, T] of a log-mel [M, T].
    #[pyo3(signature = (mel, /))]
    fn magnitudes<'py>(
        &self,
        py: Python<'py>,
        mel: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let mel = rows::<f32>(mel, "mel", "float32", self.bank.n_mels())?;
        let magnitudes =
            py.detach(|| Ok(columns(self.inverse.magnitudes(&mel)?, self.stft.bins())));
        Ok(magnitudes.map_err(to_python)?.into_pyarray(py))
    }

    /// Audio `[T * hop_length]` of a log-mel [M, T].
    #[pyo3(signature = (mel, /, *, n_iter, momentum, seed, threads))]
    fn to_audio<'py>(
        &self,
        py: Python<'py>,
        mel: &Bound<'py, PyAny>,
        n_iter: usize,
        momentum: f32,
        seed: Option<i64>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyArray1<f32>>> {
        let mel = rows::<f32>(mel, "mel", "float32", self.bank.n_mels())?;
        let method = griffin_lim(n_iter, momentum, seed, threads)?;
        let audio = py.detach(|| method.run(&self.stft, &self.inverse.magnitudes(&mel)?));
        Ok(audio.map_err(to_python)?.into_pyarray(py))
    }
}

fn plan(n_fft: usize, win_length: usize, hop_length: usize) -> PyResult<kalakan_dsp::Stft> {
    kalakan_dsp::Stft::new(StftConfig {
        n_fft,
        win_length,
        hop_length,
    })
    .map_err(to_python)
}

fn griffin_lim(
    n_iter: usize,
    momentum: f32,
    seed: Option<i64>,
    threads: usize,
) -> PyResult<GriffinLim> {
    let refuse = |seed: i64| {
        kalakan_error(
            "ConfigError",
            format!("seed is {seed}; it must be from 0 to {}", u32::MAX),
        )
    };
    let seed = seed
        .map(|seed| u32::try_from(seed).map_err(|_| refuse(seed)))
        .transpose()?;
    Ok(GriffinLim {
        n_iter,
        momentum,
        seed,
        threads,
    })
}

pub(crate) fn to_python(error: DspError) -> PyErr {
    match error {
        DspError::Config(text) => kalakan_error("ConfigError", text),
        DspError::Input(text) => kalakan_error("AudioError", text),
    }
}

/// The shape was checked before: only a bug can cause this error.
fn unexpected(error: numpy::ndarray::ShapeError) -> PyErr {
    kalakan_error("AudioError", error.to_string())
}

/// A copy of an array: other Python threads may write to the original while the GIL is released.
pub(crate) fn array<T: Element + Clone>(
    value: &Bound<'_, PyAny>,
    name: &str,
    dtype: &str,
    dims: usize,
) -> PyResult<ArrayD<T>> {
    let refuse = |what: String| {
        kalakan_error(
            "AudioError",
            format!("{name} is {what}; it must be a {dtype} array of {dims} dimension(s)"),
        )
    };
    match value.extract::<PyReadonlyArrayDyn<'_, T>>() {
        Ok(array) if array.ndim() == dims => Ok(array.as_array().to_owned()),
        Ok(array) => Err(refuse(format!("of shape {:?}", array.shape()))),
        Err(_) => Err(refuse(match value.cast::<PyUntypedArray>() {
            Ok(array) => format!("of dtype {}", array.dtype().typeobj().name()?),
            Err(_) => format!("a {}", value.get_type().name()?),
        })),
    }
}

pub(crate) fn vector(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<f32>> {
    let array = array::<f32>(value, name, "float32", 1)?
        .into_dimensionality::<Ix1>()
        .map_err(unexpected)?;
    Ok(array.iter().copied().collect())
}

/// Frame-major copy of a matrix whose first axis must have `height` rows.
fn rows<T: Element + Copy>(
    value: &Bound<'_, PyAny>,
    name: &str,
    dtype: &str,
    height: usize,
) -> PyResult<Vec<T>> {
    let matrix = array::<T>(value, name, dtype, 2)?
        .into_dimensionality::<Ix2>()
        .map_err(unexpected)?;
    check_rows(name, matrix.nrows(), height)?;
    Ok(matrix.t().iter().copied().collect())
}

fn check_rows(name: &str, rows: usize, height: usize) -> PyResult<()> {
    if rows == height {
        return Ok(());
    }
    Err(kalakan_error(
        "AudioError",
        format!("{name} has {rows} rows; it must have {height}"),
    ))
}

/// `[height, T]` in C order from frame-major values.
fn columns<T: Copy>(values: Vec<T>, height: usize) -> Array2<T> {
    let frames = values.len() / height;
    Array2::from_shape_fn((height, frames), |(row, frame)| {
        values[frame * height + row]
    })
}
