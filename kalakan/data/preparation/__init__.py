"""Converts recordings and transcripts in common layouts to a corpus folder for training."""
