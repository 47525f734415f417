"""Profiles the time and memory of a voice: `kalakan profile`, `kalakan doctor --performance`."""
