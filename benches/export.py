"""python benches/export.py [--pairs PAIR...] [--resume FOLDER] [--only PART]: cost of exports; writes benches/results/.

Every model in every format: bytes, RTF on one core (CPU seconds ÷ audio), peak memory and distance from torch, as
`kalakan export` measures them; every pair as `Synthesizer` runs it, beside the targets for servers, edge devices and
phones; and the default voice made compact. The default voice's models are trained, all others have random weights:
their sizes and times are real, their audio is noise.
"""

from __future__ import annotations

import argparse
import datetime
import fcntl
import json
import os
import platform
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from kalakan.config.presets import PRESETS

RESULTS = Path(__file__).parent / "results"
TARGETS = {"server": (0.2, 2048), "edge": (0.5, 1024), "mobile": (1.0, 500)}
"""RTF and memory in MB that a machine of each kind has to stay under."""
ACOUSTICS = ("fastspeech2_small", "fastspeech2", "tacotron2")
VOCODERS = ("harmonic_noise", "hifigan", "hifigan_v2", "hifigan_v3", "melgan", "griffin_lim")
TRAINED = ("fastspeech2_small", "harmonic_noise")
"""The models of the default voice, which are used as they are."""
PAIRS = tuple(f"{acoustic}+{vocoder}" for acoustic in ACOUSTICS for vocoder in VOCODERS)
FORMS = {
    "onnx": ("onnx", {}),
    "onnx fp16": ("onnx", {"floats": "fp16"}),
    "onnx int8": ("onnx", {"quantize": "dynamic", "force": True}),
    "torchscript": ("torchscript", {}),
    "torchscript int8": ("torchscript", {"quantize": "dynamic", "force": True}),
    "safetensors bf16": ("safetensors", {"floats": "bf16"}),
    "pt int8": ("pt", {"quantize": "weights", "force": True}),
    "tensorrt": ("tensorrt", {}),
}
"""Formats of a model alone, by name: the exporter and its options."""
FUSED = {"onnx fused": ("onnx", {"fuse": True}), "torchscript fused": ("torchscript", {"fuse": True})}
"""Formats of a pair."""
RUN = ("onnx", "torchscript", "pt int8")
"""Forms in which `Synthesizer` runs every pair."""
EDGE = "onnx int8"
"""The form that it runs with the preset `edge`, its vocoder as plain ONNX if it has no such form; an acoustic model
without it is run in torch, from `.pt` files in 8 bits."""
SHIPPED: dict[str, dict[str, Any]] = {
    "default voice as shipped": {},
    "default voice as shipped, preset edge": dict(PRESETS["edge"]["inference"]),
}
SYNTHESIZE = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[1])
from kalakan import Synthesizer
models, settings = json.loads(sys.argv[2]), json.loads(sys.argv[3])
synthesizer = Synthesizer(config={"inference": settings}, **models)
text = "Me din de Kofi, na mefiri Kumasi. Meyɛ adwuma wɔ sukuu kɛseɛ bi mu wɔ Nkran."
synthesizer.synthesize("Maakye!")
seconds = []
for _ in range(2):
    started = time.process_time()
    audio = synthesizer.synthesize(text)
    seconds.append(time.process_time() - started)
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
length = len(audio) / synthesizer.sample_rate
found = {"audio_s": length, "rtf": min(seconds) / length, "peak_memory_mb": peak}
print(json.dumps(found | {"torch": "torch" in sys.modules}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--pairs", nargs="*", default=list(PAIRS), choices=PAIRS, metavar="PAIR", help="which pairs"
    )
    parser.add_argument(
        "--mos", type=int, default=48, help="sentences that DistilMOS judges of the compact voice"
    )
    parser.add_argument(
        "--resume",
        metavar="FOLDER",
        help="keep what the results of today have, and the exported files in a folder",
    )
    parser.add_argument(
        "--only",
        choices=("models", "pairs", "fused", "compact"),
        help="one part alone; parts may run side by side",
    )
    parser.add_argument(
        "--tables", metavar="FILE", type=Path, help="print the tables of docs/export-costs.md"
    )
    arguments = parser.parse_args()
    if arguments.tables is not None:
        sys.stdout.write(tables(json.loads(arguments.tables.read_text(encoding="utf-8"))))
        return
    date = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    path = RESULTS / f"export-costs-cpu-{date}.json"
    result: dict[str, Any] = {
        "what": "exported models: bytes, RTF and peak memory on one core, distance from torch; in MB and seconds",
        "command": " ".join(["python", "benches/export.py", *sys.argv[1:]]),
        "date": date,
        "machine": {"cpu": cpu_model(), "cores": os.cpu_count(), "python": platform.python_version()},
        "targets": {name: {"rtf": rtf, "memory_mb": memory} for name, (rtf, memory) in TARGETS.items()},
        "trained": list(TRAINED),
        "load_1_min": [],
        "models": {},
        "fused": {},
        "synthesizer": {},
    }
    if arguments.resume and path.exists():
        result |= json.loads(path.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(arguments.resume or scratch)
        parts: dict[str, Callable[[], None]] = {
            "models": lambda: measure_models(arguments.pairs, folder, result, path),
            "pairs": lambda: measure_pairs(arguments.pairs, folder, result, path),
            "fused": lambda: measure_all_fused(arguments.pairs, folder, result, path),
            "compact": lambda: measure_compact(arguments.mos, result, path),
        }
        for name, measure in parts.items():
            if arguments.only in (None, name):
                measure()
    sys.stdout.write(path.read_text(encoding="utf-8"))


def write(result: dict[str, Any], path: Path) -> None:
    """Writes what was found so far, beside what other processes have written meanwhile."""
    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        written = file.read()
        merge(result, json.loads(written) if written else {})
        result["load_1_min"].append(round(os.getloadavg()[0], 1))
        file.seek(0)
        file.truncate()
        file.write(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


def merge(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Adds to `one` what only `other` has."""
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(one.get(key), dict):
            merge(one[key], value)
        elif key == "load_1_min":
            one[key] = value
        else:
            one.setdefault(key, value)


def measure_models(pairs: Sequence[str], folder: Path, result: dict[str, Any], path: Path) -> None:
    for name in dict.fromkeys(part for pair in pairs for part in pair.split("+")):
        for form in FORMS:
            measure_model(name, form, folder, result, path)


def measure_pairs(pairs: Sequence[str], folder: Path, result: dict[str, Any], path: Path) -> None:
    for name, settings in SHIPPED.items():
        if name not in result["synthesizer"]:
            result["synthesizer"][name] = synthesize({}, settings)
            write(result, path)
    for pair in pairs:
        measure_pair(pair, folder, result, path)


def measure_all_fused(pairs: Sequence[str], folder: Path, result: dict[str, Any], path: Path) -> None:
    for pair in pairs:
        for form in FUSED:
            measure_fused(pair, form, folder, result, path)


def measure_compact(sentences: int, result: dict[str, Any], path: Path) -> None:
    if "compact" not in result:
        result["compact"] = compact(sentences)
        write(result, path)


def measure_model(name: str, form: str, folder: Path, result: dict[str, Any], path: Path) -> str | None:
    """A model in one form: what `kalakan export` reports of it, and its file; None for one without that form."""
    from kalakan.export.files import REPORT

    place = folder / name / form.replace(" ", "_")
    role = ("acoustic_model", None) if name in ACOUSTICS else (None, "vocoder")
    found = result["models"].setdefault(name, {})
    if "refused" in found.get(form, {}):
        return None
    made: Any = sorted(item for item in place.glob("*") if item.name != REPORT)
    if not made:
        made = export(*(part and name for part in role), form, place, is_measured=form in found)
    if isinstance(made, str):
        found[form] = {"refused": made}
        write(result, path)
        return None
    if form not in found:
        (found[form],) = rounded(json.loads((place / REPORT).read_text())).values()
        write(result, path)
    return str(made[0])


def measure_pair(pair: str, folder: Path, result: dict[str, Any], path: Path) -> None:
    """A pair in every form of `RUN`, and with the preset `edge`, as `Synthesizer` runs it."""
    acoustic, vocoder = pair.split("+")

    def files(*forms: str) -> dict[str, str] | None:
        """Both models, each in the first of these forms that it has; Griffin-Lim needs no file."""
        roles = {"acoustic_model": acoustic} | ({} if vocoder == "griffin_lim" else {"vocoder": vocoder})
        given = {}
        for role, name in roles.items():
            made = (measure_model(name, form, folder, result, path) for form in forms)
            found = next(filter(None, made), None)
            if found is None:
                return None
            given[role] = found
        return given

    has_integers = measure_model(acoustic, EDGE, folder, result, path) is not None
    runs: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
        (
            f"{pair}, preset edge",
            dict(PRESETS["edge"]["inference"]),
            (EDGE, "onnx") if has_integers else ("pt int8",),
        ),
        *((f"{pair}, {form}", {}, (form,)) for form in RUN),
    ]
    for name, settings, forms in runs:
        given = None if name in result["synthesizer"] else files(*forms)
        if given is not None:
            result["synthesizer"][name] = synthesize(given, settings)
            write(result, path)


def measure_fused(pair: str, form: str, folder: Path, result: dict[str, Any], path: Path) -> None:
    """A pair as one file: what `kalakan export` reports of it, and the file as `Synthesizer` runs it."""
    from kalakan.export.files import REPORT

    found = result["fused"].setdefault(pair, {})
    if form in found:
        return
    place = folder / pair / form.replace(" ", "_")
    made = export(*pair.split("+"), form, place)
    if isinstance(made, str):
        found[form] = {"refused": made}
    else:
        (found[form],) = rounded(json.loads((place / REPORT).read_text())).values()
        result["synthesizer"][f"{pair}, {form}"] = synthesize({"acoustic_model": str(made[0])}, {})
        made[0].unlink()
    write(result, path)


def export(
    acoustic: str | None, vocoder: str | None, form: str, place: Path, *, is_measured: bool = False
) -> list[Path] | str:
    """The files of models in a form, or why they have none; those that were measured before are only written."""
    from kalakan.errors import ExportError, MissingDependencyError
    from kalakan.export.exporter import ExportOptions, Source
    from kalakan.export.files import export_files
    from kalakan.export.formats import exporter_of

    format, options = (FORMS | FUSED)[form]
    source = Source(*(None if name is None else model(name) for name in (acoustic, vocoder)))
    if is_measured:
        place.mkdir(parents=True, exist_ok=True)
        return [item.path for item in exporter_of(format).write(source, place, ExportOptions(**options))]
    try:
        return export_files(exporter_of(format), source, place, ExportOptions(**options))
    except (ExportError, MissingDependencyError) as error:
        return str(error)


@cache
def model(name: str) -> Any:
    """A model of the default voice, or one with random weights in its preset's sizes."""
    import torch

    from kalakan.config.resolve import to_dict
    from kalakan.config.schema import AudioConfig
    from kalakan.export.formats import source_of_voice
    from kalakan.models import registry
    from kalakan.voices.manifest import ModelRecord
    from kalakan.voices.package import DEFAULT
    from kalakan.voices.weights import LoadedModel

    audio = AudioConfig()
    if name in TRAINED:
        source = source_of_voice(DEFAULT, None)
        return source.acoustic if name in ACOUSTICS else source.vocoder
    torch.manual_seed(0)
    preset = registry.entry(name).preset
    if preset is None:
        return LoadedModel(registry.create(name, {}, audio), ModelRecord(name, {}), audio)
    sizes = to_dict(preset)
    if name == "tacotron2":
        sizes["max_frames_per_phoneme"] = 8  # it has not learned when to stop, and would at once
    module: Any = registry.create(name, sizes, audio).eval().requires_grad_(False)
    if name == "tacotron2":
        module.decoder.stop.bias.fill_(-20.0)
    if hasattr(module, "mel_mean"):
        module.mel_mean.fill_(-5.0)
    if hasattr(module, "duration_predictor"):
        torch.nn.init.constant_(module.duration_predictor.out.bias, np.log(8.0))
    return LoadedModel(module, ModelRecord(name, sizes), audio)


def synthesize(given: dict[str, str], settings: dict[str, Any]) -> dict[str, Any]:
    """RTF and peak memory of a `Synthesizer`, and which of the targets they stay under."""
    root = str(Path(__file__).parents[1])
    command = [sys.executable, "-I", "-c", SYNTHESIZE, root, json.dumps(given), json.dumps(settings)]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    if done.returncode != 0:
        return {"refused": done.stderr.strip().splitlines()[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    found["within"] = [
        name
        for name, (rtf, memory) in TARGETS.items()
        if found["rtf"] < rtf and found["peak_memory_mb"] < memory
    ]
    return rounded(found)


def compact(sentences: int) -> dict[str, Any]:
    """Sizes of the default voice before and after `kalakan export --compact`, and what DistilMOS says of both."""
    from kalakan import Synthesizer
    from kalakan.evaluation.judges import distilmos
    from kalakan.export.onnx.calibration import TEXTS
    from kalakan.export.voice_compact import compact_voice
    from kalakan.voices.package import DEFAULT

    with tempfile.TemporaryDirectory() as folder:
        small = compact_voice(DEFAULT, Path(folder, "compact")).path
        sizes = {"before": size(DEFAULT), "after": size(small)}
        if sentences == 0:
            return sizes
        judge = distilmos()
        voices = [Synthesizer(path) for path in (DEFAULT, small)]
        changes = []
        for number in range(sentences):
            speaker = voices[0].speakers[number % len(voices[0].speakers)]
            text = f"{TEXTS[number % len(TEXTS)]} {TEXTS[(number + 5) % len(TEXTS)]}"
            one, other = (np.asarray(item.synthesize(text, speaker=speaker)) for item in voices)
            rate = voices[0].sample_rate
            changes.append((judge(one, rate), judge(other, rate), len(one) == len(other)))
    before, after, lengths = (np.array(column, float) for column in zip(*changes, strict=True))
    change = after - before
    half = 1.96 * change.std(ddof=1) / np.sqrt(len(change))
    return sizes | {
        "sentences": sentences,
        "distilmos_before": round(float(before.mean()), 3),
        "distilmos_after": round(float(after.mean()), 3),
        "distilmos_change": round(float(change.mean()), 3),
        "distilmos_change_95": round(float(half), 3),
        "sentences_of_equal_length": int(lengths.sum()),
    }


def size(folder: Path) -> dict[str, int]:
    """Bytes of a voice folder, and of its files as a wheel packs them."""
    with tempfile.TemporaryDirectory() as scratch:
        packed = Path(scratch, "voice.zip")
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.iterdir()):
                archive.write(path, path.name)
        return {
            "bytes": sum(path.stat().st_size for path in folder.iterdir()),
            "packed": packed.stat().st_size,
        }


def tables(result: dict[str, Any]) -> str:
    """The results as Markdown: models alone, and pairs as `Synthesizer` runs them."""
    lines = [
        "| model | form | MB | RTF | peak MB | largest difference | SNR, dB | MCD, dB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, forms in (result["models"] | result["fused"]).items():
        for form, found in forms.items():
            if "refused" in found:
                lines.append(f"| {name} | {form} | – | – | – | – | – | – |")
                continue
            cost, parity = found["after"], found["parity"]
            snr = "∞" if parity["snr_db"] is None else f"{parity['snr_db']:.0f}"
            lines.append(
                f"| {name} | {form} | {cost['bytes'] / 1e6:.1f} | {cost['rtf']:.3f} | {cost['peak_memory_mb']:.0f} "
                f"| {parity['max_abs']:.0e} | {snr} | {parity['mcd_db']:.2f} |"
            )
    lines += [
        "",
        "| pair | run as | RTF | peak MB | server | edge | mobile |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, found in result["synthesizer"].items():
        pair, _, form = name.partition(", ")
        if "refused" in found:
            lines.append(
                f"| {pair} | {form} | refused: {found['refused'].partition(': ')[2]} | – | – | – | – |"
            )
            continue
        met = ("yes" if target in found["within"] else "no" for target in result["targets"])
        lines.append(
            f"| {pair} | {form or 'onnx'} | {found['rtf']:.3f} | {found['peak_memory_mb']:.0f} | {' | '.join(met)} |"
        )
    return "\n".join(lines) + "\n"


def rounded(value: Any) -> Any:
    """Numbers to four digits that count."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
