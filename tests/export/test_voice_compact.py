"""`kalakan export VOICE --compact`: one set of graphs, matrices in 8 bits, the same audio for both engines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from kalakan import Synthesizer
from kalakan.cli.export import command
from kalakan.errors import ExportError
from kalakan.export.exporter import ExportOptions
from kalakan.export.formats import complete_voice
from kalakan.export.voice import add_onnx
from kalakan.export.voice_compact import compact_voice
from kalakan.models.registry import create_acoustic
from kalakan.voices.files import ACOUSTIC, FILTERS, VOCODER
from kalakan.voices.package import load_voice
from kalakan.voices.save import save_acoustic_product

TEXT = "Akwaaba, Kofi."


def test_a_compact_voice_is_small_and_runs_alike_on_both_engines(
    streaming_voice: Path, tmp_path: Path
) -> None:
    whole = load_voice(streaming_voice)
    # This voice is untrained: a bit more or less gives it other durations, and it is far from itself then.
    options = ["--compact", "--force", "--output-dir", str(tmp_path / "voice")]
    done = CliRunner().invoke(command, [str(streaming_voice), *options])
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path / 'voice'}\n")
    voice = load_voice(tmp_path / "voice")
    assert set(whole.manifest.files) - set(voice.manifest.files) == {ACOUSTIC, VOCODER}
    for name in ("acoustic.safetensors", "vocoder.safetensors"):
        assert voice.file(name).stat().st_size < whole.file(name).stat().st_size
    loud = [
        np.asarray(Synthesizer(voice.path, engine=engine).synthesize(TEXT)) for engine in ("onnx", "torch")
    ]
    np.testing.assert_allclose(*loud, atol=2e-3)
    synthesizer = Synthesizer(voice.path)
    assert synthesizer.engine == "onnx"
    pieces = [np.asarray(piece) for piece in synthesizer.stream(TEXT)]
    np.testing.assert_allclose(np.concatenate(pieces), loud[0], atol=1e-4)
    again = compact_voice(voice.path, tmp_path / "again")
    np.testing.assert_array_equal(Synthesizer(again.path).synthesize(TEXT), loud[0])


def test_a_voice_without_graphs_is_exported_first(tmp_path: Path, tiny_voice: Path) -> None:
    model = create_acoustic(
        "fastspeech2_small", **{"n_mels": 20, "encoder_layers": 1, "decoder_layers": 1, "encoder_width": 32}
    )
    audio = load_voice(tiny_voice).manifest.audio
    save_acoustic_product(tmp_path, "fastspeech2_small", model.eval(), audio, {})
    with pytest.raises(ExportError, match="holds no graph; export it first"):
        compact_voice(tmp_path / "voice")
    # Not by the command, which refuses what 8 bits make of this untrained model.
    complete_voice(tmp_path / "voice", None, None, ExportOptions(floats="fp16", compact=True))
    assert not load_voice(tmp_path / "voice").has(ACOUSTIC)
    assert not load_voice(tmp_path / "voice").has(FILTERS)
    assert len(Synthesizer(tmp_path / "voice").synthesize(TEXT)) > 500
    assert load_voice(add_onnx(tmp_path / "voice").path).has(ACOUSTIC)
