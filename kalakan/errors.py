"""Every error and warning that Kalakan raises. Catch `KalakanError` to catch them all."""

from __future__ import annotations


class KalakanError(Exception):
    """Base of all errors that Kalakan raises on purpose; the message is one line, written for the user."""


class ConfigError(KalakanError):
    """A setting is unknown, of the wrong type or out of range."""


class TextError(KalakanError):
    """A text cannot be synthesized: empty, without anything pronounceable, or too long."""


class UnknownPhonemeError(TextError):
    """A phoneme symbol is not in the closed table."""


class MarkupError(TextError):
    """SSML is damaged, refers to something missing, or has a value out of range; the message gives line and column."""


class AudioError(KalakanError):
    """Audio cannot be read, written or processed as requested."""


class VoiceError(KalakanError):
    """A voice folder is missing, damaged or in a format that this version cannot read."""


class DataError(KalakanError):
    """A dataset is missing, empty or damaged."""


class TrainingError(KalakanError):
    """A training run cannot start, continue or be resumed."""


class ExportError(KalakanError):
    """An exported file does not reproduce the model's output."""


class SynthesisError(KalakanError):
    """A synthesis request is out of range: speaker, speed, pitch, energy."""


class SubtitleError(KalakanError):
    """Subtitles cannot be written as requested: wrong format or path, or nothing to write."""


class PipelineError(KalakanError):
    """The multithreaded pipeline cannot run as requested, or a stage violated its contract."""


class PipelineClosed(PipelineError):
    """A request was submitted after shutdown, or was in progress when the pipeline was aborted."""


class PipelineFull(PipelineError):
    """The queue had no room for a request within the timeout."""


class RequestCancelled(PipelineError):
    """A request was cancelled before it was finished."""


class DeadlineExceeded(PipelineError, TimeoutError):
    """The deadline of a request passed before it was processed."""


class BenchmarkError(KalakanError):
    """A measurement cannot run as requested, or its subject failed."""


class ImplementationUnavailable(KalakanError):
    """An implementation of an op was requested by name and does not support the call."""


class KernelError(KalakanError):
    """A GPU kernel could not be built, loaded or launched."""


class MissingDependencyError(KalakanError, ImportError):
    """An optional package is not installed; the message names the extra that provides it."""


def how_to_install(extra: str) -> str:
    """The command that installs an extra: Kalakan is not on a package index yet, so it uses the source folder."""
    return f"pip install '.[{extra}]' in the folder of Kalakan's source"


class KalakanWarning(UserWarning):
    """Base of all warnings."""


class UntrainedModelWarning(KalakanWarning):
    """A model was built without weights: its output is noise."""


class StopTokenWarning(KalakanWarning):
    """An attention model stopped before the end of a sentence, or had to be stopped, so the audio is incomplete."""


class QuantizationWarning(KalakanWarning):
    """Part of a quantized model still computes in floats; the message says which layers, and how many weights."""


class UnalignedWarning(KalakanWarning):
    """Recordings without durations in an aligned corpus; the message gives their number and how they are handled."""


class CacheWarning(KalakanWarning):
    """A cache cannot be used; processing continues without it."""


class UnreadableWarning(KalakanWarning):
    """A sentence, or some of its letters, had no reading and were skipped; the message names them."""


class MarkupWarning(KalakanWarning):
    """Unsupported markup was ignored or clamped to its limits; the message says where."""


class DamagedDataWarning(KalakanWarning):
    """Utterances of a dataset cannot be used and were left out; the message gives their number and names the first."""


class SilenceWarning(KalakanWarning):
    """Utterances with silences that the settings forbid were left out; the message gives their number."""
