from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from kalakan.voices.package import load_voice
from tiny_corpus import make_corpus


@pytest.mark.torch
def test_trained_voice_speaks_without_torch(kalakan: object, tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus", clips=6)
    small = ["encoder_layers=1", "encoder_width=16", "encoder_filter=16", "decoder_layers=1"]
    small += ["decoder_filter=16", "predictor_layers=1", "predictor_width=8"]
    changes = [f"model.{item}" for item in small] + ["training.max_steps=2", "training.batch_size=2"]
    changes += ["training.validate_every=2", "training.validation_utterances=2"]
    arguments = [part for change in changes for part in ("--set", change)]
    run = tmp_path / "run"
    result = kalakan(  # type: ignore[operator]
        "train",
        "--model-type",
        "fastspeech2_small",
        "--data-dir",
        str(corpus),
        "--output-dir",
        str(run),
        *arguments,
    )
    assert result.returncode == 0, result.stderr.decode()
    assert load_voice(run / "voice").has("acoustic.onnx")
    wav = tmp_path / "speech.wav"
    arguments = ["--voice", str(run / "voice"), "--speaker", "kwame", "--engine", "onnx", "-o", str(wav)]
    result = kalakan("synthesize", "Akwaaba!", *arguments)  # type: ignore[operator]
    assert result.returncode == 0, result.stderr.decode()
    audio, rate = soundfile.read(wav)
    assert rate == 24_000
    assert len(audio) > 0
