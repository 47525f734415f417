//! The one mel definition of Kalakan: magnitude spectrogram, Slaney bands of unit area, natural logarithm.

mod bank;
mod inverse;

pub use bank::{MelBank, MelConfig};
pub use inverse::MelInverse;
