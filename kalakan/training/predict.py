"""The mels that an acoustic model makes of its own training data: what a vocoder is fine-tuned on."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kalakan.config.schema import DataConfig
from kalakan.data.arrays import Array, ArrayFiles, is_current
from kalakan.data.dataset import TwiDataset
from kalakan.errors import TrainingError
from kalakan.models.acoustic.fastspeech2 import FastSpeech2
from kalakan.voices.package import load_voice
from kalakan.voices.weights import load_acoustic


def predict_mels(
    voice: str | Path,
    data_dir: str | Path,
    output_dir: str | Path,
    *,
    features: str | Path,
    share: float = 0.75,
    progress: Callable[[int, int], Any] | None = None,
) -> int:
    """Writes `<id>.npy`, log-mel [M, T], of a share of the utterances in `data_dir`; returns how many.

    The acoustic model of `voice` is given the true durations, pitch and energy, so that a frame still belongs to its
    samples. Outside the labelled part the mel stays the recording's. The rest of the utterances get no file: their
    recordings keep the vocoder honest. Which ones is fixed by their id; what is not older than its
    recording is not written again.
    """
    loaded = load_voice(voice)
    model = load_acoustic(loaded)
    if not isinstance(model, FastSpeech2):
        raise TrainingError(
            f"{voice}: its acoustic model is {loaded.manifest.acoustic.type}, whose frames follow no given durations; "
            "a FastSpeech2's do"
        )
    audio = loaded.manifest.audio
    dataset = TwiDataset(data_dir, split="all", audio=audio, data=DataConfig(bos_rate=1.0), features=features)
    dataset.prepare()  # a recording that cannot be read gets no mel: no vocoder trains on it either
    output = Path(output_dir)
    output.mkdir(parents=True, exist_ok=True)
    files = ArrayFiles(np.float32)
    chosen = [
        i for i, item in enumerate(dataset.utterances) if zlib.crc32(item.id.encode()) % 1000 < share * 1000
    ]
    for done, index in enumerate(chosen, start=1):
        utterance = dataset.utterances[index]
        path = output / f"{utterance.id}.npy"
        if not is_current(path, utterance.audio):
            files.write(path, _predicted(model, dataset, index), utterance.audio)
        if progress:
            progress(done, len(chosen))
    return len(chosen)


def _predicted(model: FastSpeech2, dataset: TwiDataset, index: int) -> Array:
    item = dataset[index]
    sequence = dataset.sequence(index)
    with torch.no_grad():
        inputs = (item[key][None] for key in ("phonemes", "durations", "pitch", "energy", "speaker"))
        predicted = model(*inputs).mel[0]  # [M, T]
    mel = dataset.mel(index)
    mel[:, sequence.first_frame : sequence.first_frame + sequence.frames] = predicted.numpy()
    return mel
