"""End-to-end recipes from a corpus to a voice: several runs and the export in one command."""
