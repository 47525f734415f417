"""Timings as files: SRT and WebVTT subtitles, Praat TextGrids, JSON.

`write_subtitles(timing, text, file)` picks the format by the suffix; `format_subtitles` gives the same as a string.
What is shown are the characters of the raw text: markup is left out, and so is what it put in their place.
"""

from kalakan.synthesis.subtitles.writer import FORMATS, format_subtitles, write_subtitles

__all__ = ["FORMATS", "format_subtitles", "write_subtitles"]
