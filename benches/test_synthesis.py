"""Speaking with the default voice at one thread. `pytest benches/test_synthesis.py --benchmark-only`

The same texts through both engines; equality of their lengths is asserted first. `extra_info` holds the RTF.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kalakan import Synthesizer
from kalakan.voices.package import DEFAULT

pytestmark = pytest.mark.skipif(
    not (DEFAULT / "voice.json").is_file(), reason="no default voice in this checkout"
)

TEXTS = {
    "greeting": "Akwaaba! Wo ho te sɛn?",
    "paragraph": "Me din de Kofi, na mefiri Kumasi. Meyɛ adwuma wɔ sukuu kɛseɛ bi mu wɔ Nkran. Anɔpa biara mekɔ adwuma "
    "nnɔnson, na mesan ba fie anwummerɛ.",
}


@pytest.fixture(scope="module")
def synthesizers() -> dict[str, Synthesizer]:
    import torch

    torch.set_num_threads(1)
    return {engine: Synthesizer(engine=engine) for engine in ("onnx", "torch")}


@pytest.mark.benchmark(group="synthesis")
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_speak(benchmark: Any, synthesizers: dict[str, Synthesizer], engine: str, text: str) -> None:
    one, two = (np.asarray(synthesizers[name].synthesize(TEXTS[text])) for name in ("onnx", "torch"))
    assert one.shape == two.shape
    benchmark(synthesizers[engine].synthesize, TEXTS[text])
    if benchmark.stats is not None:
        seconds = len(one) / synthesizers[engine].sample_rate
        benchmark.extra_info["audio_s"] = round(seconds, 2)
        benchmark.extra_info["rtf"] = round(benchmark.stats.stats.median / seconds, 4)


@pytest.mark.benchmark(group="synthesis load")
def test_load(benchmark: Any) -> None:
    benchmark(Synthesizer)
