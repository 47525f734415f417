"""python benches/pruning.py CORPUS --work FOLDER [--amount 0.3] [--steps 100]: what pruning saves and costs.

The acoustic model of the packaged voice loses channels and is trained on for some steps. Bytes of its weights in 16
bits, RTF of the whole voice (acoustic graphs in floats, one thread) and mel L1 on test sentences: as it is, pruned, and
after the steps. The three take turns in one process. With --output writes benches/results/pruning-cpu-<date>.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from kalakan import Synthesizer
from kalakan.benchmark.machine import cpu_model
from kalakan.evaluation.evaluate import evaluate
from kalakan.export.voice import add_onnx
from kalakan.export.voice_prune import Change, prune_voice
from kalakan.training.trainer import Trainer
from kalakan.voices.package import load_voice, save_voice
from synthesis import RESULTS

TEXT = "Me din de Kofi, na mefiri Kumasi. Meyɛ adwuma wɔ sukuu kɛseɛ bi mu wɔ Nkran."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--features", help="cache of mels")
    parser.add_argument("--amount", type=float, default=0.3)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--limit", type=int, default=8, help="test sentences of each speaker")
    parser.add_argument("--output", action="store_true", help="keep the result under benches/results")
    arguments = parser.parse_args()
    plain = add_onnx(load_voice().path, arguments.work / "plain", half_weights=True).path
    (change,) = prune_voice(plain, arguments.work / "pruned", amount=arguments.amount, part="acoustic")
    tuned = tune(arguments, change)
    voices = {"as it is": plain, "pruned": arguments.work / "pruned", f"{arguments.steps} steps on": tuned}
    rtf = speeds(
        {name: Synthesizer(path, config={"inference": {"threads": 1}}) for name, path in voices.items()}
    )
    result = {
        "what": "channels cut out of the default voice's acoustic model, and training on; one thread",
        "command": f"python benches/pruning.py CORPUS --work FOLDER --steps {arguments.steps}",
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "machine": {"cpu": cpu_model(), "cores": os.cpu_count(), "load_1_min": round(os.getloadavg()[0], 2)},
        "amount": arguments.amount,
        "parameters": change.parameters,
        "bytes_in_16_bits": change.bytes,
        "rtf_cpu_median": rtf,
        "mel_l1": {name: mel_l1(path, arguments) for name, path in voices.items()},
    }
    sys.stdout.write(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    if arguments.output:
        path = RESULTS / f"pruning-cpu-{result['date']}.json"
        path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def tune(arguments: argparse.Namespace, change: Change) -> Path:
    """The pruned voice after some steps of training."""
    training = {
        "max_steps": arguments.steps,
        "learning_rate": 4e-4,
        "warmup_steps": 10,
        "decay_fraction": 0.8,
    }
    training |= {"mixed_precision": True, "validate_every": arguments.steps, "validation_utterances": 16}
    settings: dict[str, Any] = {"model": change.settings, "training": training | {"ema_decay": 0.95}}
    pruned, run = arguments.work / "pruned", arguments.work / "run"
    product = Trainer(change.model_type, settings).train(
        arguments.corpus, run, start_from=pruned, features=arguments.features
    )
    voice, source = load_voice(product), load_voice(pruned)
    files: dict[str, bytes | Path] = {
        name: source.file(name) for name in source.manifest.files if not name.startswith("acoustic")
    }
    files["acoustic.safetensors"] = voice.file("acoustic.safetensors")
    save_voice(arguments.work / "tuned", source.manifest, files)
    return add_onnx(arguments.work / "tuned", half_weights=True).path


def speeds(synthesizers: dict[str, Synthesizer]) -> dict[str, float]:
    """CPU seconds a second of audio, the median of rounds that take turns."""
    seen: dict[str, list[float]] = {name: [] for name in synthesizers}
    for _ in range(15):
        for name, synthesizer in synthesizers.items():
            begin = time.process_time()
            audio = synthesizer.synthesize(TEXT)
            seen[name].append((time.process_time() - begin) / (len(audio) / synthesizer.sample_rate))
    return {name: round(statistics.median(values[2:]), 5) for name, values in seen.items()}


def mel_l1(path: Path, arguments: argparse.Namespace) -> float:
    """Mel L1 with given durations over the test sentences."""
    report = evaluate(load_voice(path), arguments.corpus, limit=arguments.limit, ask_mos=False)
    return round(float(report["results"]["all"]["given"]["mel_l1"]), 4)


if __name__ == "__main__":
    main()
