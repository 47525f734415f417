"""Twi text to phoneme ids: normalize, clean, split into sentences, grapheme to phoneme. No torch here."""
