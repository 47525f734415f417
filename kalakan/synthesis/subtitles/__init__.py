"""Timings as files: SRT and WebVTT subtitles, Praat TextGrids, JSON.

`write_subtitles(timing, text, file)` picks the format by the suffix; `format_subtitles` returns the same as a string.
They show the characters of the raw text, without markup and without the text that markup substitutes.
"""

from kalakan.synthesis.subtitles.writer import FORMATS, format_subtitles, write_subtitles

__all__ = ["FORMATS", "format_subtitles", "write_subtitles"]
