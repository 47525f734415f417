"""What README and documentation tell people to type, typed."""

from __future__ import annotations

import io
import re
import shlex
import shutil
import socket
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import soundfile

from kalakan.cli.export import command as export
from kalakan.cli.main import cli
from kalakan.cli.train import command as train
from kalakan.errors import UntrainedModelWarning
from kalakan.voices.package import load_voice
from tiny_corpus import make_corpus

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))} | {
    "README": README
}
TYPED = ("README", "text")
"""Pages whose commands run as they stand."""
SMALL = ["model.encoder_layers=1", "model.encoder_width=16", "model.decoder_layers=1", "training.max_steps=1"]

PLACES = ("RUN", "CORPUS", "MINE")
"""Folders of training."""


def blocks(language: str, page: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGES[page], flags=re.DOTALL)


def commands(*pages: str) -> list[str]:
    """Lines that call a program of Kalakan."""
    found = []
    for page in pages:
        for block in blocks("sh", page):
            for line in block.replace("\\\n", " ").splitlines():
                parts = [part.strip() for part in re.split(r"&&|\|", line.removeprefix("$ "))]
                found += [part for part in parts if re.match(r"kalakan(-train|-export)? ", part)]
    return found


def run(command: str, folder: Path) -> None:
    name, *arguments = shlex.split(command)
    program = str(Path(sys.executable).with_name(name))
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, check=False, timeout=250)
    assert done.returncode == 0, done.stderr.decode()


def test_there_is_something_to_type() -> None:
    assert {shlex.split(command)[1] for command in commands(*TYPED)} >= {
        "synthesize",
        "normalize",
        "phonemize",
        "serve",
        "train",
    }
    assert {name: len(blocks("python", name)) for name in PAGES if blocks("python", name)} == {
        "README": 1,
        "export": 1,  # run by tests/seed/test_training.py, with files that it exports
        "listening": 1,
        "python": 5,
        "training": 1,
        "performance": 1,
    }


def test_the_readme_fits_a_screen_or_two() -> None:
    assert len(README.splitlines()) <= 120


@pytest.mark.parametrize("command", commands(*PAGES))
def test_every_command_has_the_options_that_it_is_given(command: str) -> None:
    name, *arguments = shlex.split(command, comments=True)
    if name == "kalakan":
        found = cli.get_command(click.Context(cli), arguments.pop(0))
    else:
        found = {"kalakan-train": train, "kalakan-export": export}[name]
    assert found is not None
    found.make_context(name, arguments)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    folder = ROOT if page == "README" else ROOT / "docs"
    links = re.findall(
        r"\]\(([^)#\s]+)(?:#[^)]*)?\)", re.sub(r"```.*?```|`[^`]*`", "", PAGES[page], flags=re.DOTALL)
    )
    assert [link for link in links if "://" not in link and not (folder / link).exists()] == []


@pytest.mark.parametrize(
    "command",
    [
        line
        for line in dict.fromkeys(commands(*TYPED))
        if not any(place in line for place in (*PLACES, "kalakan serve"))
    ],
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
        line
        for line in commands("training")
        if ("RUN" in line or "CORPUS" in line) and not re.search("--(recipe|profile)|kalakan export", line)
    )
    run(prepare, tmp_path)
    run(f"{align} --set training.max_steps=2 --set training.batch_size=2", tmp_path)
    run(f"{train} {' '.join(f'--set {item}' for item in SMALL)}", tmp_path)
    run(speak, tmp_path)
    assert (tmp_path / "akwaaba.wav").stat().st_size > 0


@pytest.mark.torch
def test_one_command_makes_a_voice_of_recordings(tmp_path: Path) -> None:
    make_recordings(tmp_path / "RECORDINGS")
    train, speak = (line for line in commands("README") if "MINE" in line)
    steps = ("aligner.training.max_steps=2", "training.max_steps=1", "training.batch_size=2")
    run(f"{train} {' '.join(f'--set {item}' for item in steps)}", tmp_path)
    run(speak, tmp_path)
    assert soundfile.info(tmp_path / "akwaaba.wav").samplerate == 24_000
    assert (tmp_path / "MINE" / "evaluation" / "index.html").is_file()


@pytest.mark.torch
def test_bibletts_becomes_a_voice(tmp_path: Path) -> None:
    make_recordings(tmp_path / "BIBLE" / "asante-twi" / "train" / "EZR")
    (block,) = (block for block in blocks("sh", "training") if "BIBLE" in block)
    prepare, align, train, speak = block.splitlines()
    small = " --set ".join(
        ["", "aligner.training.max_steps=2", "training.max_steps=1", "training.batch_size=2"]
    )
    run(prepare, tmp_path)
    assert "`bibletts`" in (tmp_path / "PREPARED" / "report.md").read_text(encoding="utf-8")
    run(f"{align} --set training.max_steps=2 --set training.batch_size=2", tmp_path)
    run(train + small, tmp_path)
    run(speak, tmp_path)
    assert load_voice(tmp_path / "MINE" / "voice").manifest.license == "CC-BY-SA-4.0"
    assert soundfile.info(tmp_path / "akwaaba.wav").samplerate == 24_000


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.skipif(find_spec("fastapi") is None, reason="needs the server's packages (kalakan[serve])")
def test_the_quick_start_asks_a_server(tmp_path: Path) -> None:
    speak, serve, ask, *_ = (block.strip() for block in blocks("sh", "quickstart")[1:])
    run(speak, tmp_path)
    assert soundfile.info(tmp_path / "akwaaba.wav").duration > 0.5
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    program, *arguments = shlex.split(f"{serve} --port {port}")
    with subprocess.Popen([Path(sys.executable).with_name(program), *arguments], cwd=tmp_path) as server:
        try:
            retry = f"curl --retry 60 --retry-connrefused --retry-delay 1 {ask.removeprefix('curl ')}"
            command = shlex.split(retry.replace("localhost:8000", f"127.0.0.1:{port}"))
            subprocess.run(command, cwd=tmp_path, check=True, timeout=250)
        finally:
            server.terminate()
    assert soundfile.info(tmp_path / "maakye.wav").duration > 0.3


@pytest.mark.torch
def test_recipes_that_are_named_exist() -> None:
    from kalakan.recipes.names import RECIPES

    named = [name for page in PAGES.values() for name in re.findall(r"--recipe (\w+)", page)]
    assert named
    assert set(named) <= set(RECIPES)


@pytest.mark.torch
def test_python_speaks_and_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_corpus(tmp_path / "CORPUS", clips=4)
    (train,) = blocks("python", "training")
    for block in (*blocks("python", "README"), *blocks("python", "python")):
        exec(compile(block, "README", "exec"), {})
    assert soundfile.info("price.wav").samplerate == 24_000
    assert soundfile.info("money.mp3").samplerate == 48_000
    exec(compile(train.replace('"max_steps": 4000', '"max_steps": 1'), "README", "exec"), {})
    assert (tmp_path / "RUN" / "voice" / "voice.json").is_file()


def test_the_wrapper_for_a_public_benchmark_gives_a_wav_file() -> None:
    class Base:
        def __init__(self, model_id: str, device: str = "cuda") -> None:
            self.model_id, self.device = model_id, device

    def wav_bytes(samples: np.ndarray, sample_rate: int = 16_000) -> bytes:
        file = io.BytesIO()
        soundfile.write(file, samples, sample_rate, format="WAV")
        return file.getvalue()

    names: dict[str, Any] = {"BaseTTSModel": Base, "_wav_bytes": wav_bytes}
    (block,) = blocks("python", "listening")
    exec(compile(textwrap.dedent(block), "listening", "exec"), names)
    sound = names["KalakanWrapper"]("kalakan").synthesize("Ɛnsɛ sɛ obi fa ɛkwan bi so.", lang="twi")
    found = soundfile.info(io.BytesIO(sound))
    assert found.samplerate == 24_000
    assert found.duration > 1.0


@pytest.mark.torch
def test_settings_of_a_gpu_are_settings() -> None:
    names: dict[str, Any] = {}
    with pytest.warns(UntrainedModelWarning):
        exec(compile(blocks("python", "performance")[-1], "README", "exec"), names)
    assert names["synthesizer"].vocoder.sample_rate == 24_000


def make_recordings(folder: Path) -> None:
    """A few seconds of buzz that comes and goes, each with a transcript."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for index, text in enumerate(["Me ma wo akye.", "Wo ho te sɛn?", "Ɛyɛ me dɛ.", "Yɛbɛhyia bio."] * 3):
        envelope = np.repeat(random.uniform(0.1, 1.0, 12), 2_000)
        buzz = (np.arange(24_000) * 140.0 / 24_000) % 1.0 - 0.5
        sound = envelope * (0.3 * buzz + 0.02 * random.standard_normal(24_000))
        soundfile.write(folder / f"clip{index:02}.wav", sound, 24_000)
        (folder / f"clip{index:02}.txt").write_text(f"{text} {index}", encoding="utf-8")


def test_the_citation_names_the_version_that_is_built() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    cargo = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    versions = [
        re.search(pattern, text, re.M)
        for pattern, text in ((r"^version: (.+)$", citation), (r'^version = "(.+)"$', cargo))
    ]
    assert all(versions) and len({found[1] for found in versions if found}) == 1
