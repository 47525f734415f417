//! `_rust.SourceFilter`: the synthesis half of the `harmonic_noise` vocoder.

use kalakan_dsp::{SourceFilterConfig, SourceFilterStart};
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;

use crate::dsp::{array, to_python, vector};
use crate::error::kalakan_error;

/// Adds this module's class to `kalakan._rust`.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<SourceFilter>()
}

/// FFT plans and noise table; immutable, shared by threads.
#[pyclass(frozen, module = "kalakan._rust")]
struct SourceFilter(kalakan_dsp::SourceFilter);

#[pymethods]
impl SourceFilter {
    #[new]
    #[pyo3(signature = (*, sample_rate, hop_length, n_fft, subframes, noise_cut, noise_cut_below, noise_cut_from))]
    fn new(
        sample_rate: f64,
        hop_length: usize,
        n_fft: usize,
        subframes: usize,
        noise_cut: f32,
        noise_cut_below: f32,
        noise_cut_from: f32,
    ) -> PyResult<Self> {
        kalakan_dsp::SourceFilter::new(SourceFilterConfig {
            sample_rate,
            hop_length,
            n_fft,
            subframes,
            noise_cut,
            noise_cut_below,
            noise_cut_from,
        })
        .map(Self)
        .map_err(to_python)
    }

    /// Frames at each end of a window whose audio lacks the overlap of its neighbors.
    #[getter]
    fn context(&self) -> usize {
        self.0.context()
    }

    /// Audio `[T * hop_length]` of filters [T, C] from frame `first_frame` of a sentence with F0 [N], whose pulses
    /// start at `phase` cycles and whose noise at sample `noise` of the table.
    #[pyo3(signature = (filters, f0, /, first_frame, phase, noise))]
    fn render<'py>(
        &self,
        py: Python<'py>,
        filters: &Bound<'py, PyAny>,
        f0: &Bound<'py, PyAny>,
        first_frame: usize,
        phase: f64,
        noise: usize,
    ) -> PyResult<Bound<'py, PyArray1<f32>>> {
        let filters = array::<f32>(filters, "filters", "float32", 2)?;
        if filters.shape()[1] != self.0.filter_len() {
            return Err(kalakan_error(
                "AudioError",
                format!(
                    "filters has {} columns; it must have {}",
                    filters.shape()[1],
                    self.0.filter_len()
                ),
            ));
        }
        let filters = if filters.is_standard_layout() {
            filters.into_raw_vec_and_offset().0
        } else {
            filters.iter().copied().collect()
        };
        let f0 = vector(f0, "f0")?;
        Ok(py
            .detach(|| {
                let start = SourceFilterStart { phase, noise };
                self.0.render(&filters, &f0, first_frame, start)
            })
            .map_err(to_python)?
            .into_pyarray(py))
    }
}
