"""Corpus jobs: every row of a table or document to an audio file, exactly once, however often the job is stopped."""
