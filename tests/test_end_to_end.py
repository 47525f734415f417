"""From a folder of recordings to a voice that speaks, by commands alone: prepare, align, train, resume, export."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import soundfile
import torch
import yaml
from click.testing import CliRunner

from kalakan.cli.align import command as align_command
from kalakan.cli.export import command as export_command
from kalakan.cli.inspect import inspect_path
from kalakan.cli.prepare import command as prepare_command
from kalakan.cli.synthesize import command as synthesize_command
from kalakan.cli.train import command as train_command
from kalakan.data.manifest import read_manifest
from kalakan.errors import StopTokenWarning
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.training.checkpoint import load_checkpoint
from kalakan.training.trainer import Trainer
from kalakan.voices.package import load_voice

RATE = 8000
AUDIO = {
    "sample_rate": RATE,
    "n_fft": 256,
    "win_length": 256,
    "hop_length": 64,
    "n_mels": 24,
    "mel_fmax": 4000.0,
}
TEXTS = (
    "Akwaaba, wo ho te sɛn?",
    "Mekɔ sukuu anɔpa biara.",
    "Ɔno na ɔbaa ha nnora.",
    "Yɛbɛhyia bio ɔkyena.",
    "Me din de Kofi.",
    "Nsuo no yɛ dɛ paa.",
    "Ɔkyerɛkyerɛni no wɔ fie.",
    "Yɛrekɔ Kumasi ɔkyena.",
)
FASTSPEECH2 = {
    "encoder_layers": 1,
    "encoder_width": 16,
    "encoder_filter": 16,
    "decoder_layers": 1,
    "decoder_filter": 16,
    "predictor_layers": 1,
    "predictor_width": 8,
}
GAN = {"channels": 16, "upsample_rates": [8, 8], "discriminator_width": 4}
MODELS: dict[str, dict[str, Any]] = {
    "fastspeech2": FASTSPEECH2,
    "fastspeech2_small": FASTSPEECH2,
    "tacotron2": {
        "encoder_width": 16,
        "attention_width": 8,
        "location_filters": 4,
        "location_kernel": 5,
        "prenet_width": 8,
        "decoder_width": 16,
        "postnet_width": 16,
        "frames_per_step": 4,
        "max_frames_per_phoneme": 4,
    },
    "harmonic_noise": {"width": 8, "layers": 1, "inner": 8, "kernel": 3, "n_fft": 128, "f0_width": 8},
    "hifigan": {**GAN, "residual_kernels": [3], "residual_dilations": [[1, 3]]},
    "melgan": {**GAN, "mel_weight": 45.0},
}
ACOUSTIC = ("fastspeech2", "fastspeech2_small", "tacotron2")
VOCODERS = ("harmonic_noise", "hifigan", "melgan")
TRAINING = {
    "batch_size": 2,
    "max_steps": 3,
    "warmup_steps": 0,
    "log_every": 1,
    "validate_every": 3,
    "checkpoint_every": 3,
    "picture_every": 3,
    "validation_utterances": 1,
}


def invoke(command: click.Command, *arguments: str | Path) -> str:
    """What a command says on both streams; a failure fails the test."""
    result = CliRunner().invoke(command, [str(item) for item in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def settings_of(name: str) -> dict[str, Any]:
    """Settings of a run of three steps."""
    settings: dict[str, Any] = {"audio": AUDIO, "model": MODELS[name], "training": TRAINING}
    return settings | {"segments": {"frames": 40, "validation_frames": 40}} if name in VOCODERS else settings


def write_recordings(folder: Path) -> None:
    """Two speakers, four sentences each: buzzing syllables between silences, a .txt beside every .wav."""
    random = np.random.default_rng(0)
    for number, text in enumerate(TEXTS):
        pitch, seconds = (200.0, 120.0)[number % 2], 1.0 + 0.1 * number
        time = np.arange(int(16_000 * seconds)) / 16_000
        buzz = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 20))
        speech = 0.1 * buzz * (0.6 + 0.4 * np.sin(2 * np.pi * 5 * time))
        quiet = np.zeros(4800)
        audio = np.concatenate([quiet, speech, quiet]) + 1e-4 * random.standard_normal(len(time) + 9600)
        path = folder / ("akosua", "kwame")[number % 2] / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, audio, 16_000)
        path.with_suffix(".txt").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings that were prepared and aligned."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("end")
    write_recordings(folder / "source")
    said = invoke(prepare_command, folder / "source", folder / "corpus", "--sample-rate", str(RATE), "-q")
    assert "8 utterances" in said and "; 0 left out" in said
    settings = {"audio": AUDIO, "model": {"width": 16, "inner": 16, "layers": 1}}
    config = folder / "aligner.yaml"
    config.write_text(yaml.safe_dump({**settings, "training": {**TRAINING, "max_steps": 6}}))
    assert "8 utterances aligned, 0 left out" in invoke(
        align_command, folder / "corpus", "--config", config, "-q"
    )
    return folder / "corpus"


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """The run folders, by model type, filled as they are asked for."""
    return Runs(corpus, tmp_path_factory.mktemp("runs"))


class Runs(dict[str, Path]):
    """Run folders by model type: a run is stopped after its first step, and the same command goes on with it."""

    def __init__(self, corpus: Path, folder: Path) -> None:
        super().__init__()
        self.corpus, self.folder = corpus, folder

    def __missing__(self, name: str) -> Path:
        settings = settings_of(name)
        run = self[name] = self.folder / name
        stopped = {**settings, "training": {**TRAINING, "max_minutes": 1e-6}}
        Trainer(name, stopped).train(self.corpus, run, features=self.folder / "features", quiet=True)
        assert load_checkpoint(run / "last.pt")["position"]["step"] == 1
        config = self.folder / f"{name}.yaml"
        config.write_text(yaml.safe_dump(settings))
        places = ("--data-dir", self.corpus, "--output-dir", run, "--features", self.folder / "features")
        said = invoke(train_command, "--model-type", name, *places, "--config", config, "-q")
        assert f"written: {run}" in said
        return run


def test_aligned_corpus_keeps_its_speakers_and_names_every_frame(corpus: Path) -> None:
    utterances = read_manifest(corpus)
    assert {item.speaker for item in utterances} == {"akosua", "kwame"}
    assert {item.split for item in utterances} == {"train", "validation", "test"}
    for item in utterances:
        assert int(item.lead) + sum(item.frames) == item.samples // AUDIO["hop_length"]
        assert (corpus / "textgrids" / f"{item.id}.TextGrid").is_file()


@pytest.mark.parametrize("name", MODELS)
def test_stopped_run_goes_on_and_ends(trained: Runs, name: str) -> None:
    run = trained[name]
    assert inspect_path(run / "last.pt")["step"] == 3
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    steps = [record["step"] for record in records if record["group"] == "train"]
    assert steps == [1, 2, 3]
    losses = [record["loss"] for record in records if record["group"] == "train"]
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("name", MODELS)
def test_no_run_sees_the_test_split(corpus: Path, tmp_path: Path, name: str) -> None:
    sources: Any = Trainer(name, settings_of(name)).task.datasets(corpus, tmp_path)
    splits = [{item.split for item in source.utterances} for source in sources]
    assert splits == [{"train"}, {"validation"}]


@pytest.mark.parametrize("vocoder", VOCODERS)
def test_voice_with_each_vocoder_speaks_on_both_engines(trained: Runs, tmp_path: Path, vocoder: str) -> None:
    weights = trained[vocoder] / "vocoder_model.pt"
    voice = tmp_path / "voice"
    invoke(
        export_command, trained["fastspeech2_small"] / "voice", "--vocoder", weights, "--output-dir", voice
    )
    assert load_voice(voice).manifest.vocoder.type == vocoder
    sounds = {}
    for engine in ("onnx", "torch"):
        wav = tmp_path / f"{engine}.wav"
        options = ("--voice", voice, "--speaker", "kwame", "--engine", engine, "-o", wav)
        invoke(synthesize_command, "Akwaaba, me din de Ama.", *options)
        sounds[engine], rate = soundfile.read(wav)
        assert rate == RATE
        assert len(sounds[engine]) > 0
    np.testing.assert_allclose(sounds["onnx"], sounds["torch"], atol=2e-3)


@pytest.mark.parametrize("name", ACOUSTIC)
def test_each_acoustic_model_speaks_wherever_it_can(trained: Runs, name: str) -> None:
    voice = load_voice(trained[name] / "voice")
    has_onnx = name != "tacotron2"
    assert voice.has("acoustic.onnx") == has_onnx
    lengths = set()
    for engine in ("onnx", "torch") if has_onnx else ("torch",):
        synthesizer = Synthesizer(voice.path, engine=engine)
        assert synthesizer.speakers == ("akosua", "kwame")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StopTokenWarning)  # three steps teach nobody to stop
            audio = np.asarray(synthesizer.synthesize("Akwaaba!", speaker="akosua"))
        assert np.isfinite(audio).all()
        lengths.add(len(audio))
    assert len(lengths) == 1 and lengths.pop() > 0
