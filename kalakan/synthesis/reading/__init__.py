"""The text stage: a text, with its markup, to phrases of phoneme ids."""
