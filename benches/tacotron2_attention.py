"""Does a Tacotron 2's attention follow the speech? Its place at each decoder step against the corpus's labels.

    python benches/tacotron2_attention.py RUN/acoustic_model.pt CORPUS --features FEATURES

The labels are not what it learned from. A straight diagonal, which knows only how long a sentence is, is measured
beside it: attention that is no better than that has found the ends of the sentences and nothing between them.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kalakan.data.dataset import TwiDataset
from kalakan.errors import StopTokenWarning
from kalakan.models.acoustic.tacotron2 import Tacotron2
from kalakan.voices.weights import load_pt

Places = NDArray[np.floating[Any]]


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--limit", type=int, default=32, help="Sentences, spread over the split.")
    options = parser.parse_args()
    loaded = load_pt(options.model)
    model = loaded.module
    if not isinstance(model, Tacotron2):
        raise SystemExit(f"{options.model} holds a {loaded.record.type}, not a tacotron2")
    data = TwiDataset(
        options.corpus, split=options.split, audio=loaded.audio, features=options.features, prosody=False
    )
    count = min(options.limit, len(data))
    items = [data[place * len(data) // count] for place in range(count)]
    report = {"sentences": count, **attention(model, items), **free_speech(model, items)}
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


def attention(model: Tacotron2, items: list[dict[str, Tensor]]) -> dict[str, Any]:
    """Told every frame: how far, in phonemes, the largest weight is from the phoneme that the labels name."""
    found: list[Places] = []
    straight: list[Places] = []
    largest: list[Places] = []
    for item in items:
        inputs = (item[key][None] for key in ("phonemes", "mel", "frames", "speaker"))
        with torch.no_grad():
            weights = model(*inputs).alignment[0].numpy()  # [K, N]
        durations = item["durations"].numpy()
        owners = np.repeat(np.arange(len(durations)), durations)
        rate = model.frames_per_step
        steps = np.arange(len(weights))
        true = owners[np.minimum(steps * rate + rate // 2, len(owners) - 1)]
        found.append(np.abs(weights.argmax(axis=1) - true))
        straight.append(np.abs(steps / len(steps) * len(durations) - true))
        largest.append(weights.max(axis=1))
    return {
        "largest_weight_mean": round(float(np.concatenate(largest).mean()), 3),
        "attention": distances(found),
        "straight_diagonal": distances(straight),
    }


def distances(parts: list[Places]) -> dict[str, float]:
    """Mean distance in phonemes, and the shares of steps within 1 and 2."""
    joined = np.concatenate(parts)
    return {
        "mean_phonemes": round(float(joined.mean()), 3),
        "within_1": round(float((joined <= 1).mean()), 3),
        "within_2": round(float((joined <= 2).mean()), 3),
    }


def free_speech(model: Tacotron2, items: list[dict[str, Tensor]]) -> dict[str, Any]:
    """Speaking by itself: sentences that stopped early or never, and lengths against the recordings'."""
    ratios, stopped = [], 0
    for item in items:
        with warnings.catch_warnings(record=True) as caught, torch.no_grad():
            warnings.simplefilter("always", StopTokenWarning)
            _, aux = model.inference(item["phonemes"][None], None, item["speaker"][None])
        stopped += any(issubclass(warning.category, StopTokenWarning) for warning in caught)
        ratios.append(int(aux["mel_lengths"][0]) / int(item["frames"]))
    return {
        "stop_token_warnings": stopped,
        "length_ratio": dict(
            zip(("least", "median", "most"), np.quantile(ratios, [0, 0.5, 1]).round(3).tolist(), strict=True)
        ),
    }


if __name__ == "__main__":
    main()
