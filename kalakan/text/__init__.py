"""Converts Twi text to phoneme ids: normalize, clean, split into sentences, grapheme to phoneme. Without torch."""
