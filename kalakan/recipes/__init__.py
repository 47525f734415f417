"""Whole ways from a corpus to a voice: several runs, and the export, as one command."""
