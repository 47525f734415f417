"""Writes timings as SRT and WebVTT subtitles, Praat TextGrids and JSON.

`write_subtitles(timing, text, file)` picks the format by the suffix; `format_subtitles` returns the same as a string.
The output shows the characters of the raw text, without markup and without substituted text.
"""

from kalakan.synthesis.subtitles.writer import FORMATS, format_subtitles, write_subtitles

__all__ = ["FORMATS", "format_subtitles", "write_subtitles"]
