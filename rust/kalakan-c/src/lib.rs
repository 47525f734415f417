//! `libkalakan`: synthesis with a Kalakan voice through a C interface, without Python.
//!
//! Text becomes phrases of phoneme ids (`reading`, over `kalakan-text`), the voice's ONNX graphs predict a log-mel and
//! filters from them (`models`, over onnxruntime's own C interface, which is loaded when the first voice is opened),
//! and `kalakan-dsp` turns those into samples. The steps and their order, and therefore the samples, are those of
//! Python's `Synthesizer` with the onnx engine. `include/kalakan.h` declares what `ffi` exports.

mod corrections;
mod error;
mod external;
mod ffi;
mod manifest;
mod models;
mod onnxruntime;
mod options;
mod reading;
mod voice;

pub use error::{Error, Status};
pub use options::Options;
pub use voice::{Spoken, Voice};
