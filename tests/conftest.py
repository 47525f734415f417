"""Voices of a few kilobytes that let the whole stack run without the default voice, and what needs torch.

With torch the voices are built once a session, of random weights and in both forms. Without it they are those in
`tests/voices`, whose graphs were made by hand; then the tests that need torch are skipped, and nothing else is.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from kalakan.config.schema import AudioConfig, FastSpeech2Config, HarmonicNoiseConfig
from kalakan.voices.files import FILTERS
from kalakan.voices.manifest import ModelRecord
from kalakan.voices.package import load_voice, save_voice
from needs import HAS_TORCH, missing

# How long an example takes says more about the machine than about the code.
settings.register_profile("kalakan", deadline=None)
# `make test-nightly`; tests with a number of examples of their own take it from `examples`.
settings.register_profile(
    "nightly", deadline=None, max_examples=5000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("kalakan")
SIGNALS = {
    number: signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if (number := getattr(signal, name, None)) is not None
}
"""Signals that tests send, with Python's own handlers."""
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # tests that import onnxruntime themselves send nothing
SMALL = FastSpeech2Config(
    encoder_layers=1,
    encoder_width=16,
    encoder_filter=16,
    encoder_kernel=3,
    decoder_block="convnext",
    decoder_layers=1,
    decoder_filter=16,
    decoder_kernel=3,
    predictor_layers=1,
    predictor_width=8,
    speakers=("akosua", "kwame"),
)
TINY_AUDIO = AudioConfig(
    sample_rate=8000, n_fft=256, win_length=256, hop_length=64, n_mels=20, mel_fmax=4000.0
)
QUICK_AUDIO = AudioConfig(sample_rate=2000, n_fft=64, win_length=64, hop_length=16, n_mels=4, mel_fmax=1000.0)
COMMITTED = Path(__file__).parent / "voices"
"""Holds the voices `tiny` and `quick`, which `make_tiny_voice.py` writes."""


class ModuleWithoutPackage(pytest.File):
    """A test module that needs a package which is not installed."""

    def collect(self) -> list[pytest.Item]:
        pytest.skip(f"needs {missing(self.path)}, which is not installed")


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if HAS_TORCH or missing(module_path) is None:
        return None
    return ModuleWithoutPackage.from_parent(parent, path=module_path)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where torch is not installed: no test marked `torch`, and no test of the engine "torch"."""
    if HAS_TORCH:
        return
    for item in items:
        values = item.callspec.params.values() if hasattr(item, "callspec") else ()
        runs_torch = any(isinstance(value, str) and value == "torch" for value in values)
        if runs_torch or item.get_closest_marker("torch"):
            item.add_marker(pytest.mark.skip(reason="needs torch, which is not installed"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `-n`: neighbors run in one process, until another has nothing left and takes some of them. Sent in turns, as
    xdist does by itself, the tests of a file meet in every process, and each makes what they share."""
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)


def build_voice(folder: Path, audio: AudioConfig, frames_per_phoneme: float) -> Path:
    """A voice of random weights in `folder/voice`, in both forms, and its `.pt` file beside it."""
    import torch

    from kalakan.export.voice import add_onnx
    from kalakan.models.registry import create_acoustic
    from kalakan.voices.save import save_acoustic_product

    # Two threads that wait for each other by spinning are slower than one wherever another process runs.
    torch.set_num_threads(1)
    torch.manual_seed(1)
    model = create_acoustic("fastspeech2_small", replace(SMALL, n_mels=audio.n_mels))
    model.mel_mean.fill_(-5.0)
    torch.nn.init.constant_(model.duration_predictor.out.bias, math.log(frames_per_phoneme + 1))
    if frames_per_phoneme <= 1:
        torch.nn.init.zeros_(model.duration_predictor.out.weight)
    folder.mkdir(exist_ok=True)
    save_acoustic_product(folder, "fastspeech2_small", model.eval(), audio, {"steps": 0})
    return add_onnx(folder / "voice").path


def copied(source: Path, folder: Path) -> Path:
    """A copy of a voice, which a test may name by its parent's folder."""
    return Path(shutil.copytree(source, folder))


def with_griffin_lim(source: Path, folder: Path) -> Path:
    """A copy of a voice with Griffin-Lim in place of its vocoder."""
    voice = load_voice(source)
    files: dict[str, bytes | Path] = {
        name: voice.file(name) for name in voice.manifest.files if name != FILTERS
    }
    manifest = replace(voice.manifest, vocoder=ModelRecord("griffin_lim"))
    return save_voice(folder, manifest, files).path


@pytest.fixture(autouse=True)
def ordinary_signals() -> None:
    """Every test meets Python's own handlers: a shell's background job ignores Ctrl-C, and so does a process in which
    a command has ended."""
    for number, handler in SIGNALS.items():
        if signal.getsignal(number) != handler:
            signal.signal(number, handler)


@pytest.fixture(scope="session")
def tiny_voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Voice folder with speakers akosua and kwame at 8 kHz; with torch `../acoustic_model.pt` holds its weights."""
    if not HAS_TORCH:
        return with_griffin_lim(COMMITTED / "tiny", tmp_path_factory.mktemp("voices") / "tiny" / "voice")
    return build_voice(tmp_path_factory.mktemp("voices") / "tiny", TINY_AUDIO, 6.0)


@pytest.fixture(scope="session")
def quick_voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Voice folder at 2 kHz, one frame a phoneme: what a megabyte of text is spoken with."""
    if not HAS_TORCH:
        return copied(COMMITTED / "quick", tmp_path_factory.mktemp("voices") / "quick" / "voice")
    return build_voice(tmp_path_factory.mktemp("voices") / "quick", QUICK_AUDIO, 1.0)


@pytest.fixture(scope="session")
def streaming_voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights as `tiny_voice` with a source-filter vocoder: both models speak window by window."""
    if not HAS_TORCH:
        return copied(COMMITTED / "tiny", tmp_path_factory.mktemp("voices") / "streaming" / "voice")
    import torch

    from kalakan.export.voice import add_vocoder
    from kalakan.models.registry import create_vocoder
    from kalakan.voices.save import save_vocoder_product

    folder = tmp_path_factory.mktemp("voices") / "streaming"
    voice = build_voice(folder, TINY_AUDIO, 6.0)
    torch.manual_seed(2)
    config = HarmonicNoiseConfig(width=16, layers=2, inner=24, kernel=3, n_fft=128, f0_width=8)
    vocoder = create_vocoder("harmonic_noise", TINY_AUDIO, config=config).eval()
    torch.nn.init.normal_(vocoder.project_out.weight, std=0.3)
    weights = save_vocoder_product(folder, "harmonic_noise", vocoder, TINY_AUDIO)
    return add_vocoder(voice, weights).path


Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(scope="session")
def kalakan() -> Run:
    """Runs the `kalakan` command in a process of its own: `kalakan("normalize", "…", stdin=b"")`."""
    name = "kalakan.exe" if os.name == "nt" else "kalakan"
    command = Path(sys.executable).with_name(name)

    def run(
        *arguments: str | Path, stdin: bytes = b"", **options: object
    ) -> subprocess.CompletedProcess[bytes]:
        line = [str(command), *map(str, arguments)]
        return subprocess.run(line, input=stdin, capture_output=True, timeout=200, check=False, **options)

    return run
