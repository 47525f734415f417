"""The text stage: turns a text with its markup into phrases of phoneme ids."""
