"""Evaluation reports as a readable table and as JSON."""

from __future__ import annotations

import datetime
import json
import math
import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kalakan.errors import DataError
from kalakan.storage import replacing
from kalakan.voices.package import MANIFEST, Voice, file_hash

PACKAGES = ("kalakan", "torch", "praat-parselmouth", "pesq", "pystoi", "distillmos")
"""Packages whose versions are recorded in a report."""
_ROWS: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("sentences", ("utterances",), 0),
    ("given durations", (), 0),
    ("mel L1 (ln)", ("given", "mel_l1"), 3),
    ("MCD (dB)", ("given", "mcd_db"), 2),
    ("F0 RMSE, tone sentences (semitones)", ("pitch", "tone", "rmse_semitones"), 2),
    ("voicing error, tone sentences (%)", ("pitch", "tone", "voicing_error_percent"), 1),
    ("F0 RMSE, natural sentences (semitones)", ("pitch", "natural", "rmse_semitones"), 2),
    ("voicing error, natural sentences (%)", ("pitch", "natural", "voicing_error_percent"), 1),
    ("free synthesis", (), 0),
    ("mel L1, DTW (ln)", ("free", "mel_l1"), 3),
    ("MCD, DTW (dB)", ("free", "mcd_db"), 2),
    ("duration error of a sound (ms)", ("durations", "mean_absolute_error_ms"), 1),
    ("duration correlation", ("durations", "correlation"), 3),
    ("length, times the recording's", ("durations", "length_ratio"), 3),
    ("duration error of a pause (ms)", ("durations", "pause_mean_absolute_error_ms"), 1),
    ("tones: H above the neighboring L", (), 0),
    ("recordings (% of pairs)", ("tones", "recordings", "obeyed_percent"), 1),
    ("recordings (semitones)", ("tones", "recordings", "semitones"), 2),
    ("recordings (pairs)", ("tones", "recordings", "pairs"), 0),
    ("given durations (% of pairs)", ("tones", "given", "obeyed_percent"), 1),
    ("given durations (semitones)", ("tones", "given", "semitones"), 2),
    ("free (% of pairs)", ("tones", "free", "obeyed_percent"), 1),
    ("free (semitones)", ("tones", "free", "semitones"), 2),
    ("free (pairs)", ("tones", "free", "pairs"), 0),
    ("free (sentences)", ("tones", "free", "utterances"), 0),
    ("free (pairs not measured)", ("tones", "free", "unmeasured"), 0),
    ("copy-synthesis: the recording's mel through the vocoder", (), 0),
    ("mel L1 (ln)", ("copy", "mel_l1"), 3),
    ("MCD (dB)", ("copy", "mcd_db"), 2),
    ("PESQ wide band", ("copy", "pesq"), 2),
    ("STOI", ("copy", "stoi"), 3),
    ("DistilMOS", (), 0),
    *(
        (f"{title}{suffix}", ("distilmos", group, kind), digits)
        for group, suffix in (("all", ""), ("under_3_s", ", under 3 s"), ("over_5_s", ", over 5 s"))
        for title, kind, digits in (
            ("recordings", "recordings", 2),
            ("copy-synthesis", "copy", 2),
            ("free", "free", 2),
            ("clips", "clips", 0),
        )
    ),
    ("DistilMOS less the recording's, sentence by sentence", (), 0),
    ("copy-synthesis", ("distilmos", "all", "copy_minus_recordings", "mean"), 3),
    (
        "copy-synthesis, half its 95 % interval",
        ("distilmos", "all", "copy_minus_recordings", "half_interval_95"),
        3,
    ),
    ("free", ("distilmos", "all", "free_minus_recordings", "mean"), 3),
    ("free, half its 95 % interval", ("distilmos", "all", "free_minus_recordings", "half_interval_95"), 3),
    ("phone errors by the recognizer", (), 0),
    *(
        (f"{title} ({unit})", ("phones", kind, key), digits)
        for kind, title in (("recordings", "recordings"), ("copy", "copy-synthesis"), ("free", "free"))
        for unit, key, digits in (("%", "error_percent", 1), ("sounds", "phones", 0))
    ),
)
"""Title, path in a speaker's results and digits of each line of the table; a line without a path is a heading."""
_WIDTH = 42
MOST_CONFUSIONS = 8
"""Number of confusions in the table; `report.json` has more."""


def describe_voice(voice: Voice) -> dict[str, Any]:
    """Identifies a voice: its name, version, models, and the SHA-256 of its manifest."""
    manifest = voice.manifest
    return {
        "name": manifest.name,
        "version": manifest.version,
        "sha256": file_hash(voice.path / MANIFEST),
        "models": [manifest.acoustic.type, manifest.vocoder.type],
        "training": manifest.training,
    }


def describe_run(command: str) -> dict[str, Any]:
    """Date, machine and software of an evaluation."""
    return {
        "command": command,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": {
            "cpu": _cpu_model(),
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
        },
        "packages": {name: _version(name) for name in PACKAGES},
    }


def output_folder(output: str | Path | None) -> Path | None:
    """The folder of a report, created if necessary; None for None. Raises `DataError` if it cannot be created."""
    if output is None:
        return None
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from error
    return folder


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Writes the report as JSON; values that could not be measured are null."""
    text = json.dumps(_plain(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        with replacing(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror}); choose another folder") from error


def format_table(report: dict[str, Any]) -> str:
    """Formats the report as aligned text: a column for each speaker and one for all."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: dict[str, Any]) -> Iterator[str]:
    voice, results = report["voice"], report["results"]
    yield f"{voice['name']} {voice['version']} · {', '.join(voice['models'])} · sha256 {voice['sha256'][:12]}"
    yield f"{'':<{_WIDTH}}" + "".join(f"{name:>10}" for name in results)
    heading = ""
    for title, place, digits in _ROWS:
        if not place:
            heading = title
            continue
        values = [_lookup(result, place) for result in results.values()]
        if any(value is not None for value in values):
            if heading:
                yield heading
            heading = ""
            yield f"  {title:<{_WIDTH - 2}}" + "".join(f"{_number(value, digits):>10}" for value in values)
    for speaker, vowels in report["vowels"].items():
        yield from _vowel_lines(speaker, vowels)
    phones = results["all"]["phones"]
    if "free" in phones:
        yield f"free synthesis, all speakers: {_confusions(phones['free'])}"
    for note in report["notes"]:
        yield f"note: {note}"


def _vowel_lines(speaker: str, vowels: dict[str, Any]) -> Iterator[str]:
    heading = "".join(f"{name:>8}" for name in ("F1", "F2", "n", "F1", "F2", "n", "F1 %", "F2 %"))
    yield f"vowels of {speaker}: recordings, voice (given durations), difference"
    yield f"    {heading}"
    recorded, voice = vowels["medians"]["recordings"], vowels["medians"]["voice"]
    for symbol, found in recorded.items():
        spoken = voice.get(symbol, {})
        difference = vowels["difference_percent"].get(symbol, {})
        cells = [
            found["f1"],
            found["f2"],
            found["count"],
            *(spoken.get(key) for key in ("f1", "f2", "count")),
        ]
        cells += [difference.get("f1"), difference.get("f2")]
        yield f"  {symbol} " + "".join(f"{_number(value, 0):>8}" for value in cells)
    for name, breaks in vowels["order_breaks"].items():
        yield f"  F1 order of the {name}: {'; '.join(breaks) or 'kept'}"


def format_speech(report: dict[str, Any]) -> str:
    """Formats the phone errors of a recognizer on recordings, one line per speaker; see `evaluate.evaluate_speech`."""
    results = report["results"]
    width = max(map(len, results))
    lines = [f"{name:<{width}}  {_phone_errors(found)}" for name, found in results.items()]
    lines += [_confusions(results["all"]), *(f"note: {note}" for note in report["notes"])]
    return "\n".join(lines) + "\n"


def _phone_errors(found: dict[str, Any]) -> str:
    parts = (
        f"{_number(found[f'{kind}_percent'], 1)} {kind}" for kind in ("substituted", "deleted", "inserted")
    )
    return f"phone errors {_number(found['error_percent'], 1)} % of {found['phones']} ({', '.join(parts)})"


def _confusions(found: dict[str, Any]) -> str:
    named = (
        f"{item['said'] or '∅'} → {item['heard'] or '∅'} {item['count']} ({_number(item['percent'], 0)} %)"
        for item in found["confusions"][:MOST_CONFUSIONS]
    )
    return f"confusions: {', '.join(named) or 'none'}"


def _lookup(result: dict[str, Any], place: tuple[str, ...]) -> Any:
    found: Any = result
    for key in place:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _number(value: Any, digits: int) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 5) if math.isfinite(value) else None
    return value


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
