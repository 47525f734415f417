"""Many short clips: what `prepare`, `align` and `train` take for them, with this code and with another.

    python benches/large_corpus.py CORPUS [--clips N] [--workers N] [--before TREE] [--rounds N] [--output FILE]

The clips are cut from a labelled corpus between words, most of them under a second long. Every command runs in its own
process, and its wall-clock time, CPU seconds (with its workers) and largest process are told. `--before` is a checkout
of an earlier version with its compiled core; the turns of both alternate on the same clips. `--keep FOLDER` leaves the
clips and what became of them there; clips that are there already are not made again. The results are written after
every command.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from kept import keep, record

SHORTEST_S = 0.6
"""A clip ends with the first word after so many seconds."""
ALIGNER_STEPS, STEPS = 30, 10
HERE = Path(__file__).parents[1]
COMMAND = "import sys; sys.argv[0] = 'kalakan'; from kalakan.cli.main import main; main()"
"""Earlier versions have no `python -m kalakan`."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path, help="labelled corpus: meta.jsonl and audio")
    parser.add_argument("--clips", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--before", type=Path, help="checkout of an earlier version with its core")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the clips, which stay")
    parser.add_argument("--output", type=Path, help="results, JSON")
    options = parser.parse_args()
    command = ["CORPUS", "--clips", str(options.clips), "--workers", str(options.workers)]
    command += [*(("--before", "TREE") if options.before else ()), "--rounds", str(options.rounds)]
    head = record(
        f"prepare, align ({ALIGNER_STEPS} steps of the aligner) and train ({STEPS} steps of fastspeech2_small) of many "
        "short clips, from nothing",
        command,
    )
    with tempfile.TemporaryDirectory(prefix="kalakan-clips-") as temporary:
        home = options.keep or Path(temporary)
        seconds = make_clips(options.corpus, home / "clips", options.clips)
        trees = {"now": HERE} | ({"before": options.before.resolve()} if options.before else {})
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in trees}
        for _ in range(options.rounds):
            for name, tree in trees.items():
                found[name].append({})
                for _ in turn(tree, home, options.workers, found[name][-1]):
                    told = {"clips": options.clips, "audio_minutes": round(seconds / 60, 1), "rounds": found}
                    keep(head | told, "large-corpus-cpu", options.output)


def make_clips(corpus: Path, folder: Path, count: int) -> float:
    """Writes `count` clips and their table, last; returns their seconds."""
    if (folder / "metadata.csv").is_file():
        return sum(soundfile.info(path).duration for path in (folder / "wavs").iterdir())
    (folder / "wavs").mkdir(parents=True, exist_ok=True)
    made, seconds, lines = 0, 0.0, ["path|speaker|text"]
    for audio, rate, speaker, text in pieces(corpus):
        name = f"clip_{made:05}.wav"
        soundfile.write(folder / "wavs" / name, audio, rate, subtype="PCM_16")
        lines.append(f"{name}|{speaker}|{text}")
        made, seconds = made + 1, seconds + len(audio) / rate
        if made == count:
            break
    if made < count:
        sys.exit(f"{corpus}: gives {made} clips only")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return seconds


def pieces(corpus: Path) -> Iterator[tuple[np.ndarray, int, str, str]]:
    """Audio [S], rate, speaker and words of each piece of the recordings whose words are those of their units."""
    for line in (corpus / "meta.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        words = item["text"].split()
        ends = [index for index, unit in enumerate(item["units"]) if unit == "_"]
        if len(words) != len(ends) + 1:
            continue
        (path,) = (corpus / "audio").glob(f"{item['id']}.*")
        audio, rate = soundfile.read(path, dtype="float32")
        per_frame = rate / item["frame_rate"]
        borders = [int((item["lead"] + sum(item["frames"][: end + 1])) * per_frame) for end in ends]
        begin, taken = 0, 0
        for number, border in enumerate([*borders, len(audio)], 1):
            if border - begin >= SHORTEST_S * rate:
                yield audio[begin:border], rate, item["speaker"], " ".join(words[taken:number])
                begin, taken = border, number


def turn(tree: Path, home: Path, workers: int, told: dict[str, Any]) -> Iterator[str]:
    """Writes into `told` what the three commands of the code in `tree` take, each from nothing; yields their names."""
    corpus, run = home / "corpus", home / "run"
    for folder in (corpus, run):
        shutil.rmtree(folder, ignore_errors=True)
    few = [f"training.workers={workers}", f"training.max_steps={STEPS}", f"training.validate_every={STEPS}"]
    steps = {
        "prepare": ["prepare", str(home / "clips"), str(corpus), "--workers", str(workers)],
        "align": ["align", str(corpus), *_set(f"training.max_steps={ALIGNER_STEPS}", few[0])],
        "train": [
            *(
                "train",
                "--model-type",
                "fastspeech2_small",
                "--data-dir",
                str(corpus),
                "--output-dir",
                str(run),
            ),
            *_set(*few, "training.batch_size=8", "training.validation_utterances=16"),
        ],
    }
    for name, arguments in steps.items():
        told[name] = timed(tree, arguments)
        with (corpus / "meta.jsonl").open(encoding="utf-8") as file:
            items = [json.loads(line) for line in file]
        told["clips"] = {"kept": len(items), "aligned": sum("frames" in item for item in items)}
        yield name


def _set(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]


def timed(tree: Path, arguments: list[str]) -> dict[str, float]:
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        stdout=sys.stderr,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"kalakan {arguments[0]} of {tree} ended with {process.returncode}")
    return {
        "wall_s": round(time.perf_counter() - begin, 1),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "largest_process_mb": round(used.ru_maxrss / 1024),
    }


if __name__ == "__main__":
    main()
