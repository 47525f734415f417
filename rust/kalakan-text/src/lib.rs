//! Twi text to phoneme ids.
