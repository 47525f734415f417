"""Measures voices: `kalakan benchmark`, and `kalakan profile` in `profiling/`."""
