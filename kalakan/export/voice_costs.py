"""What a voice costs its users before and after its export, and how far its speech is from torch's.

Both speak the same sentences, each in a process of its own as `Synthesizer` runs it there. They are compared by their
log-mels: a phase of the vocoder turns long before it sounds different.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from kalakan.audio.mel import log_mel
from kalakan.errors import ExportError
from kalakan.export.exporter import ExportOptions
from kalakan.export.files import REPORT, Cost, FileReport, check_worth, plain
from kalakan.export.formats import complete_voice
from kalakan.export.onnx.calibration import TEXTS
from kalakan.export.parity import EIGHT_BIT_MCD, Arrays, Sums
from kalakan.export.trial import Trial, run_apart
from kalakan.storage import replacing, way_out
from kalakan.voices.package import check_target, load_voice, save_voice, voice_folder

SENTENCES = 6
"""Sentences that are compared, by the speakers in turn; time is taken of the last."""


def export_voice(
    source: Path,
    vocoder: Path | None,
    target: Path | None,
    options: ExportOptions,
    tell: Callable[[str], None] = lambda line: None,
) -> Path:
    """The folder of `complete_voice`; what it costs and changed is told by `tell`, and kept as `REPORT` inside.

    Raises `ExportError` also for a voice of 16 or 8 bits whose speech is further than `EIGHT_BIT_MCD` from that of the
    voice before, with sentences of another length warped in time, and for one of 8 bits that is not worth it; nothing
    is written then. `options.force` allows both.
    """
    source = voice_folder(source)
    if load_voice(source).is_single and target is None:
        raise ExportError(
            f"{source}: is a voice in a single file, not a folder; say with --output-dir where it goes"
        )
    folder = check_target(source if target is None else target)
    with tempfile.TemporaryDirectory(prefix="kalakan-") as scratch:
        place = Path(scratch)
        made = complete_voice(source, vocoder, place / "after", options)
        report = _report(source, vocoder, made, folder.name, options, place)
        tell(report.line())
        reduced = options.quantize is not None or options.compact or options.floats != "fp32"
        if reduced and not options.force and report.parity.mcd_db > EIGHT_BIT_MCD:
            way = "leave --quantize, --compact and --precision out"
            if options.quantize is not None or options.compact:
                way += ", or add --force"
            raise ExportError(
                f"{folder}: its speech would be {report.parity.mcd_db:.2f} dB of MCD from that of {source}; the limit "
                f"is {EIGHT_BIT_MCD} dB; {way}"
            )
        check_worth(report, options)
        voice = load_voice(made)
        files: dict[str, bytes | Path] = {name: voice.file(name) for name in voice.manifest.files}
        saved = save_voice(folder, voice.manifest, files).path
    content = json.dumps({saved.name: plain(asdict(report))}, indent=2, ensure_ascii=False) + "\n"
    try:
        with replacing(saved / REPORT) as partial:
            partial.write_text(content, encoding="utf-8")
    except OSError as error:
        raise ExportError(
            f"{saved / REPORT}: cannot be written ({error.strerror}); {way_out(error)}"
        ) from error
    return saved


def _report(
    source: Path, vocoder: Path | None, made: Path, name: str, options: ExportOptions, scratch: Path
) -> FileReport:
    """Beside the source in torch; with another vocoder or in 8 bits, beside the same graphs in 32 bits."""
    manifest = load_voice(made).manifest
    speakers = manifest.speakers
    cases: list[Arrays] = [
        {"text": np.array(text), "speaker": np.array(speakers[number % len(speakers)])}
        for number, text in enumerate(TEXTS[:SENTENCES])
    ]
    whole, engine = source, "torch"
    if vocoder is not None or options.quantize is not None:
        whole, engine = complete_voice(source, vocoder, scratch / "before", ExportOptions()), "onnx"
    before = _speak(whole, cases, engine)
    after = _speak(made, cases, "onnx")
    sums = Sums()
    for one, other in zip(before.outputs, after.outputs, strict=True):
        mels = [log_mel(found["audio_output"], manifest.audio) for found in (one, other)]
        sums.add(mels[0], mels[1], None, is_warped=True)
    rate = manifest.audio.sample_rate
    return FileReport(name, sums.parity(len(cases)), _cost(whole, before, rate), _cost(made, after, rate))


def _speak(voice: Path, cases: Sequence[Arrays], engine: str) -> Trial:
    return run_apart("voice", voice, [{**case, "engine": np.array(engine)} for case in cases])


def _cost(voice: Path, trial: Trial, sample_rate: int) -> Cost:
    found = load_voice(voice)
    size = sum(path.stat().st_size for path in map(found.file, found.manifest.files))
    seconds = max(len(trial.outputs[-1]["audio_output"]), 1) / sample_rate
    return Cost(size, trial.seconds / seconds, trial.peak_memory_mb)
