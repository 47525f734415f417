"""Problems of utterances: their kinds, what they mean, what to do, and which of them exclude an utterance."""

from __future__ import annotations

from dataclasses import dataclass

FATAL_KINDS = {
    "bad_line": "a line of the table cannot be read; correct the line",
    "missing_audio": "the audio file is not there; copy it, or correct its name in the table",
    "missing_text": "there is no transcript; write one",
    "unreadable_audio": "the audio cannot be decoded, holds nothing, or is not finite; copy or convert it again",
    "cut_short": "the file ends before its header says, so the end of the recording is missing; copy it again",
    "silent": "there is no speech in the audio",
    "noise": "nothing but noise: the sound has no pitch and no formants",
    "too_short": "less speech than min_seconds (`--min-seconds`)",
    "too_long": "longer than max_seconds; cut it at pauses, or raise `--max-seconds`",
    "unreadable_text": "the transcript cannot be read; save it as UTF-8",
    "empty_text": "the transcript holds nothing that can be spoken",
    "mojibake": "the transcript is broken UTF-8 that cannot be repaired safely; get the original",
    "lost_letters": "the transcript lost its ɛ and ɔ: none in a text where Twi has several; get the original",
    "gaps": "the transcript says that words are missing, as <unk> or [inaudible]; write them",
    "foreign_letters": "letters of another script, which would be dropped without a sound; write them in Latin letters",
    "unknown_symbols": "a letter has no reading",
    "unexpected": "an error that nothing foresaw; please report it, with its text",
    "same_audio": "the audio is the same as another utterance's",
    "impossible_rate": "more or fewer sounds a second than anybody speaks: text and audio do not belong together",
}
"""Problems that exclude an utterance unless listed in `keep`. Those in `UNKEEPABLE` always do."""
UNKEEPABLE = frozenset(
    {"bad_line", "missing_audio", "missing_text", "unreadable_audio", "silent", "unreadable_text"}
    | {"empty_text", "unknown_symbols", "unexpected"}
)
"""Problems without usable training data."""
NAMED_KINDS = {
    "clipping": "many samples stand at full scale, or at the peak: the recording was too loud and crackles",
    "coarse": "recorded with fewer samples a second than the corpus has, or in 8 bits: it sounds dull or noisy",
    "quiet": "could not be brought to the loudness without clipping",
    "same_text": "another utterance has the same text",
    "odd_rate": "the speech rate is far from the speaker's other utterances: do text and audio belong together?",
    "misheard": "a recognizer hears far more other sounds than elsewhere: do text and audio belong together?",
    "unwritten_pauses": "silences inside for which the transcript has no mark: a voice would learn to stop inside of "
    "sentences; write commas, or leave it out",
    "marks": "marks of what is no speech, as [laughter], were taken out: listen whether the speech is whole",
    "digits": "numbers as digits: listen whether the speaker says what the normalizer writes",
    "foreign_words": "words whose spelling cannot be Twi: listen whether they are read as they are spoken",
}
"""Problems that are only reported, and exclude an utterance only if listed in `leave_out`."""
REPAIRS = {
    "mojibake": "broken UTF-8 was repaired",
    "entities": "HTML entities were written as the signs that they stand for",
    "letters": "look-alike or chat letters were replaced by ɛ and ɔ",
    "dropped": "signs that cannot be spoken were dropped or written plainly",
}
"""Repairs of transcripts."""


@dataclass(frozen=True)
class Problem:
    """One finding about one utterance."""

    kind: str
    """A key of `FATAL_KINDS` or `NAMED_KINDS`."""
    detail: str
    """The value and the limit, or what was found."""
