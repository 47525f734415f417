"""python benches/corpus.py [--rows N] [--kills N] [--sentences N] [--seed N] [--output]: corpus jobs.

First a job of short rows, with the tiny voice of the tests, is killed with -9 at random places and continued each time;
every row must be there once, and every file equal to that of a job that nobody stopped. Then what an hour of audio
costs with the default voice, for each format: CPU, disk, and the check of finished rows when a job is continued. CPU
time, so that other load on the machine counts little. With --output writes benches/results/corpus-cpu-<date>.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kalakan.voices.package import DEFAULT
from synthesis import RESULTS, cpu_model, voice_name

SENTENCES = Path(__file__).parent / "data" / "sentences.txt"
TINY = Path(__file__).parents[1] / "tests" / "voices" / "tiny"
FORMATS = ("wav", "flac", "ogg", "opus", "mp3")
POLL_S = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--sentences", type=int, default=400, help="rows of the job that is measured")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", action="store_true")
    options = parser.parse_args()
    load = round(os.getloadavg()[0], 2)
    with tempfile.TemporaryDirectory() as folder:
        killed = killed_and_continued(Path(folder), options.rows, options.kills, random.Random(options.seed))
        sys.stdout.write(json.dumps(killed, indent=1) + "\n")
        costs = cost(Path(folder), options.sentences)
    report = {
        "what": "corpus jobs: killed with -9 and continued; what an hour of audio costs, in CPU time of all threads",
        "command": f"python benches/corpus.py --rows {options.rows} --kills {options.kills} "
        f"--sentences {options.sentences} --seed {options.seed} --output",
        **circumstances(load),
        "killed_and_continued": killed,
        "voice": voice_name(str(DEFAULT)),
        "cost": costs,
    }
    publish(report, "corpus-cpu", options.output)


def circumstances(load: float) -> dict[str, Any]:
    return {
        "date": f"{datetime.date.today():%Y-%m-%d}",
        "machine": {
            "cpu": cpu_model(),
            "cores": os.cpu_count(),
            "load_1_min": load,
            "python": platform.python_version(),
        },
    }


def publish(report: dict[str, Any], name: str, is_kept: bool) -> None:
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    sys.stdout.write(text)
    if is_kept:
        (RESULTS / f"{name}-{report['date']}.json").write_text(text, encoding="utf-8")


def killed_and_continued(folder: Path, rows: int, kills: int, rng: random.Random) -> dict[str, Any]:
    """A job killed at random places, beside one that is not; raises `AssertionError` where they differ."""
    words = [word.strip(".,?!") for word in SENTENCES.read_text(encoding="utf-8").split()]
    words = [word for word in words if word.isalpha()]
    corpus = folder / "short.txt"
    corpus.write_text(
        "".join(f"{rng.choice(words)} {rng.choice(words)}\n" for _ in range(rows)), encoding="utf-8"
    )
    line = [*command(corpus, TINY), "--workers", "2"]
    whole_s = timed([*line, "--output-dir", str(folder / "whole")])["wall_s"]
    places = sorted(rng.randrange(1, rows) for _ in range(kills))
    out, killed_at, torn = folder / "out", [], 0
    begin = time.perf_counter()
    for place in places:
        process = subprocess.Popen([*line, "--output-dir", str(out)], stdout=subprocess.DEVNULL)
        while process.poll() is None and lines_in(out / "manifest.jsonl") < place:
            time.sleep(POLL_S)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "it had ended before it was killed"
        killed_at.append(lines_in(out / "manifest.jsonl"))
        torn += len(list(out.glob(".kalakan-*.partial")))
    kept = lines_in(out / "manifest.jsonl")
    last = timed([*line, "--output-dir", str(out)])
    took = time.perf_counter() - begin
    names = [json.loads(record)["id"] for record in (out / "manifest.jsonl").read_bytes().splitlines()]
    assert names == [f"{number:06}" for number in range(1, rows + 1)], "a row is missing or there twice"
    files = sorted(path.name for path in (folder / "whole").iterdir())
    assert files == sorted(path.name for path in out.iterdir()), "there are other files"
    for name in files:
        assert (out / name).read_bytes() == (folder / "whole" / name).read_bytes(), f"{name} differs"
    verify = timed([*line, "--output-dir", str(out)])
    shutil.rmtree(out)
    shutil.rmtree(folder / "whole")
    return {
        "voice": "tests/voices/tiny",
        "rows": rows,
        "killed_at_row": killed_at,
        "half_written_files_left_by_kills": torn,
        "rows_kept_by_the_last_run": kept,
        "rows_once_and_files_equal": True,
        "uninterrupted_s": round(whole_s, 1),
        "with_kills_s": round(took, 1),
        "last_run_s": round(last["wall_s"], 1),
        "run_with_nothing_left_s": round(verify["wall_s"], 1),
    }


def cost(folder: Path, sentences: int) -> dict[str, Any]:
    """CPU, disk and check for each hour of audio, by format, and with a loudness."""
    source = [line for line in SENTENCES.read_text(encoding="utf-8").splitlines() if line.strip()]
    corpus = folder / "sentences.txt"
    corpus.write_text("".join(f"{source[row % len(source)]}\n" for row in range(sentences)), encoding="utf-8")
    one = folder / "one.txt"
    one.write_text(f"{source[0]}\n", encoding="utf-8")
    start = timed([*command(one, None), "--output-dir", str(folder / "one")])
    found: dict[str, Any] = {
        "rows": sentences,
        "start_cpu_s": round(start["cpu_s"], 2),
        "formats": {},
    }
    for name, more in (*((name, []) for name in FORMATS), ("wav at -16 LUFS", ["--loudness", "-16"])):
        out = folder / "cost"
        kind = name.partition(" ")[0]
        line = [*command(corpus, None), "--workers", "1", "--format", kind, *more, "--output-dir", str(out)]
        first, again = timed(line), timed(line)
        records = [json.loads(record) for record in (out / "manifest.jsonl").read_bytes().splitlines()]
        assert not any(record["error"] for record in records), "a row failed"
        hours = sum(record["seconds"] for record in records) / 3600
        size = sum(path.stat().st_size for path in out.glob(f"*.{kind}"))
        found["hours"] = round(hours, 4)
        found["manifest_bytes_per_row"] = round((out / "manifest.jsonl").stat().st_size / sentences)
        found["formats"][name] = {
            "cpu_s_per_hour": round((first["cpu_s"] - start["cpu_s"]) / hours, 1),
            "check_cpu_s_per_hour": round(max(0.0, again["cpu_s"] - start["cpu_s"]) / hours, 2),
            "megabytes_per_hour": round(size / hours / 1e6, 1),
            "peak_memory_mb": round(first["peak_mb"]),
        }
        shutil.rmtree(out)
    return found


def command(corpus: Path, voice: Path | None) -> list[str]:
    """The command of a job, without its output folder."""
    line = [sys.executable, "-m", "kalakan", "synthesize", "--input", str(corpus)]
    return [*line, "--voice", str(voice)] if voice else line


def timed(line: list[str]) -> dict[str, float]:
    """Wall and CPU time of a command, and its peak memory; raises where it fails."""
    begin = time.perf_counter()
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, line)
    return {
        "wall_s": time.perf_counter() - begin,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
    }


def lines_in(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.is_file() else 0


if __name__ == "__main__":
    main()
