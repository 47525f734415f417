"""Every error and warning that Kalakan raises. Catch `KalakanError` to catch them all."""

from __future__ import annotations


class KalakanError(Exception):
    """Base of all errors that Kalakan raises on purpose; its text is one line fit for a user."""


class ConfigError(KalakanError):
    """A setting is unknown, of the wrong type or out of range."""


class TextError(KalakanError):
    """A text cannot be spoken: empty, nothing pronounceable in it, or too long."""


class UnknownPhonemeError(TextError):
    """A phoneme symbol is not in the closed table."""


class MarkupError(TextError):
    """SSML is damaged, asks for what there is not, or is out of range; the text names line and column."""


class AudioError(KalakanError):
    """Audio cannot be read, written or processed as asked."""


class VoiceError(KalakanError):
    """A voice folder is missing, damaged or not of a format this version reads."""


class DataError(KalakanError):
    """A dataset is missing, empty or damaged."""


class TrainingError(KalakanError):
    """A training run cannot start, continue or be resumed."""


class ExportError(KalakanError):
    """An exported file does not do what the model does."""


class SynthesisError(KalakanError):
    """A synthesis request is out of range: speaker, speed, pitch, energy."""


class SubtitleError(KalakanError):
    """Subtitles cannot be written as asked: format, place, or nothing to write."""


class PipelineError(KalakanError):
    """Work on several threads cannot be done as asked, or a stage broke its contract."""


class PipelineClosed(PipelineError):
    """A request came after the end, or was in work when an abort ended it."""


class PipelineFull(PipelineError):
    """There was no place for a request within the time given."""


class RequestCancelled(PipelineError):
    """A request was cancelled before it was done."""


class DeadlineExceeded(PipelineError, TimeoutError):
    """The deadline of a request passed before its turn came."""


class ImplementationUnavailable(KalakanError):
    """An implementation of an op was asked for by name and cannot serve the call."""


class KernelError(KalakanError):
    """A GPU kernel could not be built, loaded or launched."""


class MissingDependencyError(KalakanError, ImportError):
    """An optional package is not installed; the text says which extra brings it."""


def how_to_install(extra: str) -> str:
    """The command that brings an extra: Kalakan is on no package index yet, so it is one of its source folder."""
    return f"pip install '.[{extra}]' in the folder of Kalakan's source"


class KalakanWarning(UserWarning):
    """Base of all warnings."""


class UntrainedModelWarning(KalakanWarning):
    """A model was built without weights: its output is noise."""


class StopTokenWarning(KalakanWarning):
    """An attention model stopped before the end of a sentence, or had to be stopped: what was heard is incomplete."""


class UnalignedWarning(KalakanWarning):
    """Recordings without durations in a corpus that is aligned; the text counts them and says what becomes of them."""


class CacheWarning(KalakanWarning):
    """A cache cannot be used; everything is done without it."""


class MarkupWarning(KalakanWarning):
    """Markup that cannot be followed was left aside or brought within its limits; the text says where."""


class DamagedDataWarning(KalakanWarning):
    """Utterances of a dataset cannot be used and were left out; the text counts them and names the first."""
