//! Twi text to phoneme ids.

pub mod alphabet;
pub mod clean;
pub mod normalize;
pub mod sentence;
