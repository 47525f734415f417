"""What the README tells people to type, typed."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from kalakan.errors import UntrainedModelWarning
from tiny_corpus import make_corpus

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SMALL = ["model.encoder_layers=1", "model.encoder_width=16", "model.decoder_layers=1", "training.max_steps=1"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[str]:
    lines = [line.removeprefix("$ ") for block in blocks("sh") for line in block.splitlines()]
    return [
        part.strip() for line in lines for part in line.split("&&") if part.strip().startswith("kalakan ")
    ]


def run(command: str, folder: Path) -> None:
    name, *arguments = shlex.split(command)
    program = str(Path(sys.executable).with_name(name))
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, check=False, timeout=250)
    assert done.returncode == 0, done.stderr.decode()


def test_there_is_something_to_type() -> None:
    assert {shlex.split(command)[1] for command in commands()} >= {
        "synthesize",
        "normalize",
        "phonemize",
        "prepare",
        "align",
        "train",
    }
    assert len(blocks("python")) == 7


@pytest.mark.parametrize(
    "command", [line for line in commands() if "RUN" not in line and "CORPUS" not in line]
)
def test_commands_of_the_default_voice(command: str, tmp_path: Path) -> None:
    run(command, tmp_path)
    for wav in tmp_path.glob("*.wav"):
        assert soundfile.info(wav).duration > 0.5
    for subtitles in tmp_path.glob("*.srt"):
        assert "-->" in subtitles.read_text(encoding="utf-8")


@pytest.mark.torch
def test_recordings_end_in_speech(tmp_path: Path) -> None:
    make_recordings(tmp_path / "RECORDINGS")
    prepare, align, train, speak = (
        line for line in commands() if ("RUN" in line or "CORPUS" in line) and "--recipe" not in line
    )
    run(prepare, tmp_path)
    run(f"{align} --set training.max_steps=2 --set training.batch_size=2", tmp_path)
    run(f"{train} {' '.join(f'--set {item}' for item in SMALL)}", tmp_path)
    run(speak, tmp_path)
    assert (tmp_path / "akwaaba.wav").stat().st_size > 0


@pytest.mark.torch
def test_recipes_that_are_named_exist() -> None:
    from kalakan.recipes.voice_recipe import RECIPES

    named = re.findall(r"--recipe (\w+)", README)
    assert named
    assert set(named) <= set(RECIPES)


@pytest.mark.torch
def test_python_speaks_and_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_corpus(tmp_path / "CORPUS", clips=4)
    *speak, train, _ = blocks("python")
    for block in speak:
        exec(compile(block, "README", "exec"), {})
    assert soundfile.info("price.wav").samplerate == 24_000
    assert soundfile.info("money.mp3").samplerate == 48_000
    exec(compile(train.replace('"max_steps": 4000', '"max_steps": 1'), "README", "exec"), {})
    assert (tmp_path / "RUN" / "voice" / "voice.json").is_file()


@pytest.mark.torch
def test_settings_of_a_gpu_are_settings() -> None:
    names: dict[str, Any] = {}
    with pytest.warns(UntrainedModelWarning):
        exec(compile(blocks("python")[-1], "README", "exec"), names)
    assert names["synthesizer"].vocoder.sample_rate == 24_000


def make_recordings(folder: Path) -> None:
    """A few seconds of buzz that comes and goes, each with a transcript."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for index, text in enumerate(["Me ma wo akye.", "Wo ho te sɛn?", "Ɛyɛ me dɛ.", "Yɛbɛhyia bio."] * 3):
        envelope = np.repeat(random.uniform(0.1, 1.0, 12), 2_000)
        buzz = (np.arange(24_000) * 140.0 / 24_000) % 1.0 - 0.5
        sound = envelope * (0.3 * buzz + 0.02 * random.standard_normal(24_000))
        soundfile.write(folder / f"clip{index:02}.wav", sound, 24_000)
        (folder / f"clip{index:02}.txt").write_text(f"{text} {index}", encoding="utf-8")
