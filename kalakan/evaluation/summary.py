"""Pools sentence scores into the values of a report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from kalakan.data.phone_errors import Pair, PhoneErrors
from kalakan.evaluation.measure import Scores
from kalakan.evaluation.pitch import semitone_error, voicing_error
from kalakan.evaluation.tones import obedience
from kalakan.evaluation.vowels import VowelMedian, order_breaks, vowel_medians

SHORT_S, LONG_S = 3.0, 5.0
"""DistilMOS scores short clips lower: clips under and over these lengths are also averaged separately."""
MOST_CONFUSIONS = 20
"""Number of confusions in a report."""


def summarize(scores: Sequence[Scores]) -> dict[str, Any]:
    """The pooled scores of one speaker, or of all, as plain nested values; NaN where nothing was measured."""
    return {
        "utterances": len(scores),
        "utterances_with_tones": sum(item.has_tones for item in scores),
        "seconds": sum(item.seconds for item in scores),
        **_means(scores),
        "pitch": {
            name: {
                "rmse_semitones": semitone_error(item.pitch for item in chosen),
                "voicing_error_percent": voicing_error(item.pitch for item in chosen),
                "utterances": len(chosen),
            }
            for name, chosen in (
                ("tone", [item for item in scores if item.has_tones]),
                ("natural", [item for item in scores if not item.has_tones]),
            )
        },
        "durations": _durations(scores),
        "tones": _tones(scores),
        "distilmos": _distilmos(scores),
        "phones": {
            name: summarize_phones(item.phones[name] for item in scores)
            for name in dict.fromkeys(name for item in scores for name in item.phones)
        },
    }


def summarize_phones(clips: Iterable[Iterable[Pair]]) -> dict[str, Any]:
    """The phone errors of clips in percent of the reference phones, and the most frequent confusions. "" is a missing
    phone; `percent` of a confusion is relative to the reference phone, or to all phones for an added one."""
    errors = PhoneErrors()
    for pairs in clips:
        errors.add(pairs)
    phones = max(errors.phones, 1)
    return {
        "error_percent": 100.0 * errors.rate,
        "substituted_percent": 100.0 * errors.substituted / phones,
        "deleted_percent": 100.0 * errors.deleted / phones,
        "inserted_percent": 100.0 * errors.inserted / phones,
        "phones": errors.phones,
        "confusions": [
            {
                "said": said or "",
                "heard": heard or "",
                "count": count,
                "percent": 100.0 * count / (errors.count_of(said) if said else phones),
            }
            for (said, heard), count in errors.confusions(MOST_CONFUSIONS)
        ],
    }


def summarize_vowels(scores: Iterable[Scores]) -> dict[str, Any]:
    """Median formants of one speaker's vowels and of the recordings', and violations of their order."""
    found = list(scores)
    medians = {
        name: vowel_medians(point for item in found for point in item.vowels[name])
        for name in ("recordings", "voice")
    }
    return {
        "medians": {
            name: {symbol: asdict(value) for symbol, value in table.items()}
            for name, table in medians.items()
        },
        "difference_percent": formant_differences(medians["recordings"], medians["voice"]),
        "order_breaks": {name: order_breaks(table) for name, table in medians.items()},
    }


def formant_differences(
    recorded: dict[str, VowelMedian], voice: dict[str, VowelMedian]
) -> dict[str, dict[str, float]]:
    """Percentage differences of F1 and F2 of each vowel from the recordings'."""
    return {
        symbol: {
            name: 100.0 * (getattr(voice[symbol], name) / getattr(recorded[symbol], name) - 1.0)
            for name in ("f1", "f2")
        }
        for symbol in recorded
        if symbol in voice
    }


def mean(values: Iterable[float]) -> float:
    """Mean of the finite values; NaN if there are none."""
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else math.nan


def _means(scores: Sequence[Scores]) -> dict[str, Any]:
    """Values averaged over sentences, except DistilMOS, in the groups "given", "free" and "copy"."""
    groups: dict[str, Any] = {"given": {}, "free": {}, "copy": {}}
    for name in dict.fromkeys(name for item in scores for name in item.values):
        group, _, rest = name.partition("_")
        if rest != "distilmos":
            groups[group][rest] = mean(item.values[name] for item in scores)
    return groups


def _durations(scores: Sequence[Scores]) -> dict[str, float]:
    """Errors of sounds and of pauses in milliseconds, their correlation over sounds, and the ratio of lengths."""
    pairs = {
        kind: np.concatenate([item.durations[kind] for item in scores], axis=1) for kind in ("sound", "pause")
    }
    labelled, spoken = pairs["sound"]
    is_varied = labelled.size > 1 and labelled.std() > 0 and spoken.std() > 0
    return {
        "mean_absolute_error_ms": mean(1000.0 * np.abs(spoken - labelled)),
        "correlation": float(np.corrcoef(labelled, spoken)[0, 1]) if is_varied else math.nan,
        "sounds": int(labelled.size),
        "length_ratio": float(spoken.sum() / labelled.sum()) if labelled.sum() else math.nan,
        "pause_mean_absolute_error_ms": mean(1000.0 * np.abs(pairs["pause"][1] - pairs["pause"][0])),
    }


def _tones(scores: Sequence[Scores]) -> dict[str, dict[str, float]]:
    """How often and by how much high vowels lie above low ones; empty for sentences without tested tones."""
    if not any(any(item.tone_steps.values()) for item in scores):
        return {}
    return {
        name: asdict(obedience(step for item in scores for step in item.tone_steps[name]))
        | {"utterances": sum(bool(item.tone_steps[name]) for item in scores)}
        for name in ("recordings", "given", "free")
    }


def _distilmos(scores: Sequence[Scores]) -> dict[str, dict[str, Any]]:
    judged = [item for item in scores if "free_distilmos" in item.values]
    groups = {
        "all": judged,
        "under_3_s": [item for item in judged if item.seconds < SHORT_S],
        "over_5_s": [item for item in judged if item.seconds > LONG_S],
    }
    return {
        name: {
            kind: mean(item.values[f"{kind}_distilmos"] for item in chosen)
            for kind in ("recordings", "copy", "free")
        }
        | {f"{kind}_minus_recordings": _difference(chosen, kind) for kind in ("copy", "free")}
        | {"clips": len(chosen)}
        for name, chosen in groups.items()
        if chosen
    }


def _difference(scores: Sequence[Scores], kind: str) -> dict[str, float]:
    """Mean per-sentence DistilMOS minus the recording's, and half of its 95 % interval (normal approximation)."""
    pairs = [(item.values[f"{kind}_distilmos"], item.values["recordings_distilmos"]) for item in scores]
    found = np.array([one - other for one, other in pairs if math.isfinite(one) and math.isfinite(other)])
    if found.size < 2:
        return {"mean": mean(found), "half_interval_95": math.nan}
    return {
        "mean": float(found.mean()),
        "half_interval_95": float(1.96 * found.std(ddof=1) / found.size**0.5),
    }
