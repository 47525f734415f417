"""Mels that an acoustic model predicts for its own training data, for fine-tuning a vocoder."""

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
    """Writes `<id>.npy`, log-mel [M, T], for a share of the utterances in `data_dir`; returns how many.

    The acoustic model of `voice` gets the ground-truth durations, pitch and energy, so that every frame stays aligned
    with its samples. Outside the labelled part the mel stays the recording's. The other utterances get no file: the
    vocoder keeps training on their recorded mels. The choice is determined by the id; files that are not older than
    their recording are not rewritten.
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
    dataset.prepare()  # unreadable recordings get no mel: no vocoder trains on them either
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
