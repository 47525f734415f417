"""The sections of `benches/gpu.py`, one module each, and what they share."""
