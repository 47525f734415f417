"""Two processes on one machine, over gloo: the same arithmetic as one process with the doubled batch."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from kalakan.data.sampler import LengthBatchSampler
from kalakan.errors import ConfigError
from kalakan.training.checkpoint import load_checkpoint
from kalakan.training.distributed import Place, local_device
from kalakan.training.trainer import Trainer
from tiny_corpus import make_corpus

SETTINGS: dict[str, dict[str, Any]] = {
    # No chance anywhere: no dropout, nothing dropped or substituted, and all utterances equally long.
    "model": {
        "encoder_layers": 1,
        "encoder_width": 16,
        "encoder_filter": 16,
        "decoder_layers": 1,
        "decoder_filter": 16,
        "predictor_layers": 1,
        "predictor_width": 8,
        "dropout": 0.0,
        "predictor_dropout": 0.0,
    },
    "data": {"substitution_rate": 0.0, "bos_rate": 1.0, "tone_drop_rate": 0.0},
    "training": {
        "batch_size": 2,
        "max_steps": 4,
        "warmup_steps": 0,
        "learning_rate": 1e-3,
        "log_every": 1,
        "validate_every": 2,
        "checkpoint_every": 2,
        "picture_every": 4,
        "validation_utterances": 2,
    },
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("corpus"), equally_long=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(rank: int, port: int, corpus: Path, folder: Path, **training: Any) -> subprocess.Popen[str]:
    config = folder.parent / f"{folder.name}-{rank}.yaml"
    config.write_text(yaml.safe_dump({**SETTINGS, "training": {**SETTINGS["training"], **training}}))
    command = [sys.executable, "-I", "-c", "from kalakan.cli.train import main; main()"]
    command += ["--model-type", "fastspeech2_small", "--data-dir", str(corpus), "--output-dir", str(folder)]
    command += ["--config", str(config), "--quiet", "--distributed", "--world-size", "2"]
    command += ["--rank", str(rank), "--address", f"127.0.0.1:{port}"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def test_two_processes_equal_one_with_the_doubled_batch(corpus: Path, tmp_path: Path) -> None:
    port = free_port()
    both = [start(rank, port, corpus, tmp_path / "two") for rank in range(2)]
    for process in both:
        _, message = process.communicate(timeout=200)
        assert process.returncode == 0, message
    doubled = {**SETTINGS, "training": {**SETTINGS["training"], "batch_size": 4}}
    Trainer("fastspeech2_small", doubled).train(corpus, tmp_path / "one", quiet=True)
    two, one = (load_checkpoint(tmp_path / name / "last.pt") for name in ("two", "one"))
    assert len(two["random"]) == 2
    moved, far = 0, 0
    start_rate = SETTINGS["training"]["learning_rate"] * SETTINGS["training"]["max_steps"]
    for name, value in one["modules"].items():
        difference = (two["modules"][name].float() - value.float()).abs()
        # AdamW turns a gradient that is zero but for rounding (a key's bias) into steps of the full rate.
        assert float(difference.max()) <= 2.5 * start_rate, name
        far += int((difference > 1e-5).sum())
        moved += difference.numel()
    assert far <= 0.02 * moved


TORCHRUN = """
import hashlib, sys, warnings
from kalakan.training.learner import Learner
from kalakan.training.trainer import Trainer
save = Learner.save

def tell(self, path, scores, *, is_last):
    save(self, path, scores, is_last=is_last)
    if is_last:
        state = b"".join(value.numpy().tobytes() for value in self.modules.state_dict().values())
        print("weights", hashlib.sha256(state).hexdigest(), flush=True)

Learner.save = tell
trainer = Trainer("fastspeech2_small", sys.argv[1])
trainer.train(sys.argv[2], sys.argv[3], quiet=True)
"""


def test_torchrun_processes_leave_the_same_out_and_end_with_the_same_weights(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus")
    (corpus / "audio" / "kwame_00028.ogg").write_bytes(b"OggS, and no more")
    (tmp_path / "script.py").write_text(TORCHRUN)
    training = {**SETTINGS["training"], "validate_every": 9, "picture_every": 9, "checkpoint_every": 9}
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump({**SETTINGS, "training": training}))
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--master-port", str(free_port()), "script.py", "settings.yaml", str(corpus), "run"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    weights = [line for line in done.stdout.splitlines() if line.startswith("weights ")]
    assert len(weights) == 2 and weights[0] == weights[1]
    assert list(json.loads((tmp_path / "run" / "left_out.json").read_text())) == ["kwame_00028"]
    assert done.stderr.count("damaged utterances left out: 1") == 1
    assert done.stderr.count("damaged recordings left out: 1") == 1


def test_killed_process_ends_the_other_with_a_clear_error(corpus: Path, tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "run"
    settings = {
        "max_steps": 100_000,
        "checkpoint_every": 1,
        "validate_every": 100_000,
        "picture_every": 100_000,
    }
    first, second = (start(rank, port, corpus, folder, **settings) for rank in range(2))
    deadline = time.monotonic() + 120
    while not (folder / "last.pt").is_file() and first.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    assert (folder / "last.pt").is_file(), first.poll()
    second.send_signal(signal.SIGKILL)
    _, message = first.communicate(timeout=120)
    second.communicate(timeout=10)
    assert first.returncode == 1, message
    assert "kalakan: error: process 0 of 2 lost the others" in message
    assert load_checkpoint(folder / "last.pt")["position"]["step"] >= 1


@pytest.mark.parametrize(("rank", "number", "code"), [(0, "SIGTERM", 143), (1, "SIGINT", 130)])
def test_a_process_that_waits_for_others_says_so_and_can_be_stopped(
    rank: int, number: str, code: int, corpus: Path, tmp_path: Path
) -> None:
    port = free_port()
    process = start(rank, port, corpus, tmp_path / "run")
    assert process.stderr is not None
    # Without it, one that says nothing would be waited for until torch gives up.
    patience = threading.Timer(120, process.kill)
    patience.start()
    try:
        line = ""
        while "waiting" not in line:
            line = process.stderr.readline()
            assert line, "it ended, or was ended, before it said that it waits"
        assert line == f"process {rank} of 2: waiting for 1 other at 127.0.0.1:{port}\n"
        process.send_signal(getattr(signal, number))
        assert process.wait(timeout=60) == code
    finally:
        patience.cancel()
        process.kill()
        process.wait()
        process.stderr.close()


def test_processes_share_every_batch() -> None:
    lengths = list(range(1, 24))
    whole = LengthBatchSampler(lengths, 6, 1)
    parts = [LengthBatchSampler(lengths, 3, 1, rank=rank, world_size=2) for rank in range(2)]
    assert len(whole) == len(parts[0]) == len(parts[1])
    for batch, first, second in zip(whole, *parts, strict=True):
        assert len(first) == len(second)
        assert set(first) | set(second) == set(batch)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"world_size": 0}, "world size is 0"),
        ({"world_size": 2, "rank": 2}, "it must be 0 to 1"),
        ({"address": "nowhere"}, "HOST:PORT"),
        ({"address": "127.0.0.1:99999"}, "HOST:PORT"),
    ],
)
def test_impossible_places_are_named(values: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        Place(**values)


def test_torchrun_says_which_process_this_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Place.of_launcher() is None
    given = {"TORCHELASTIC_RUN_ID": "x", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "1234", "LOCAL_RANK": "1"}
    for name, value in (given | {"RANK": "3", "WORLD_SIZE": "4"}).items():
        monkeypatch.setenv(name, value)
    place = Place.of_launcher()
    assert place == Place(3, 4, "10.0.0.1:1234")
    assert local_device("cuda", Place(3, 4)) == "cuda:1"
    assert local_device("cpu", Place(3, 4)) == "cpu"
    assert local_device("cuda:0", Place(3, 4)) == "cuda:0"
