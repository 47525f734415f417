"""Compares an exported file with torch over several lengths and batch sizes: by how much their outputs differ."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from kalakan.audio.cepstral_distortion import cepstral_distortion, warped_distortion
from kalakan.audio.mel import log_mel
from kalakan.config.schema import AudioConfig
from kalakan.errors import ExportError, StopTokenWarning
from kalakan.export.exporter import ACOUSTIC, VOCODER, ExportOptions, takes_controls
from kalakan.models.interfaces import takes_f0

Arrays = dict[str, NDArray[Any]]
RELATIVE = 1e-4
"""Maximum difference of a 32-bit file's mel from torch's, relative to the mel's largest magnitude."""
SAMPLES = 2e-4
"""Maximum difference of samples in [-1, 1] for a 32-bit vocoder."""
FUSED_SAMPLES = 2e-3
"""The same for a fused file, whose vocoder accumulates the phase of an F0 that already differs in its last bits."""
SIXTEEN_BIT_SNR = 30.0
"""Minimum signal-to-noise ratio in dB of a mel from 16-bit weights."""
EIGHT_BIT_MCD = 0.5
"""Maximum mel cepstral distortion in dB of an 8-bit file."""
FIRST_SOUND, SOUNDS = 24, 77
"""Range of the phoneme ids in random inputs."""


@dataclass(frozen=True)
class Parity:
    """Difference between a file and torch over all cases."""

    cases: int
    """Number of inputs."""
    max_abs: float
    """Largest difference of a mel value or sample."""
    largest: float
    """Largest magnitude of torch's values."""
    snr_db: float
    """Power of torch's values around their mean, over that of the difference; infinite for equal ones."""
    mcd_db: float
    """Mean mel cepstral distortion."""
    lengths_equal: bool
    """Whether all lengths and durations equal torch's, except for rounding ties."""


class Sums:
    """Accumulates differences of pairs of arrays."""

    def __init__(self) -> None:
        self.worst = self.largest = self.signal = self.noise = 0.0
        self.distortions: list[float] = []
        self.lengths_equal = True

    def add(
        self, wanted: NDArray[Any], found: NDArray[Any], audio: AudioConfig | None, *, is_warped: bool = False
    ) -> None:
        """Compares a mel [M, T], or, with its audio settings, a waveform [S].

        Where `is_warped`, the distortion is that of the whole mels along their best path; all else is framewise, as far
        as both last.
        """
        mels = [wanted, found]
        size = min(wanted.shape[-1], found.shape[-1])
        self.lengths_equal &= wanted.shape[-1] == found.shape[-1]
        wanted, found = wanted[..., :size].astype(np.float64), found[..., :size].astype(np.float64)
        if not np.isfinite(found).all():
            raise ExportError("the exported file gives values that are not finite")
        if size == 0:
            return
        self.worst = max(self.worst, float(np.abs(wanted - found).max()))
        self.largest = max(self.largest, float(np.abs(wanted).max()))
        self.signal += float(np.square(wanted - wanted.mean()).sum())
        self.noise += float(np.square(wanted - found).sum())
        if not is_warped:
            mels = [wanted, found]
        if audio is not None:
            mels = [log_mel(samples, audio) for samples in mels]
        self.distortions.append((warped_distortion if is_warped else cepstral_distortion)(*mels))

    def parity(self, cases: int) -> Parity:
        snr = 10.0 * math.log10(self.signal / self.noise) if self.signal and self.noise else math.inf
        mcd = float(np.mean(self.distortions)) if self.distortions else 0.0
        return Parity(cases, self.worst, self.largest, snr, mcd, self.lengths_equal)


def phoneme_cases(model: Any) -> Iterator[Arrays]:
    """Inputs of an acoustic model: one id, odd lengths, a batch with padding, every control, and Twi sentences."""
    from kalakan.export.onnx.calibration import sentences

    random = np.random.default_rng(0)
    speakers, is_parallel = len(model.config.speakers), takes_controls(model)
    sizes = ((1, 1), (1, 63), (3, 129)) if is_parallel else ((1, 1), (3, 13))
    for batch, size in sizes:
        ids = random.integers(FIRST_SOUND, SOUNDS, (batch, size))
        if is_parallel:
            ids[:, size // 2 + 1 : size // 2 + 2] = 16  # a tone, which has no frames on its own
        for row in range(1, batch):
            ids[row, size - size // 6 * row :] = 0
        yield {"phonemes": ids}
        controls: Arrays = {"speaker": random.integers(0, speakers, batch)}
        if is_parallel:
            controls["speed"] = np.full((1, 1), 1.3, np.float32)
            controls["pitch"] = random.uniform(-3, 3, (batch, size)).astype(np.float32)
            controls["energy"] = np.full((batch, 1), 1.5, np.float32)
            controls["pitch_range"] = random.uniform(0, 2, (batch, size)).astype(np.float32)
        yield {"phonemes": ids, **controls}
    for sentence in list(sentences())[: 3 if is_parallel else 1]:
        yield {"phonemes": np.array([sentence])}


def mel_cases(vocoder: Any, n_mels: int, acoustic: Any | None) -> Iterator[Arrays]:
    """Inputs of a vocoder: one frame, odd lengths, batches, F0 given and estimated, and mels of an acoustic model."""
    random = np.random.default_rng(0)
    for batch, frames in ((1, 1), (3, 33), (1, 63)):
        mel = random.normal(-5.0, 2.0, (batch, n_mels, frames)).astype(np.float32)
        yield {"mel_input": mel}
        if takes_f0(vocoder):
            f0 = random.uniform(80.0, 300.0, (batch, frames)).astype(np.float32)
            f0[:, frames // 3 : frames // 2] = 0.0
            yield {"mel_input": mel, "f0": f0}
    if acoustic is not None and acoustic.n_mels == n_mels:
        case = list(phoneme_cases(acoustic))[-1]
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore", StopTokenWarning)
            mel, more = acoustic.inference(torch.from_numpy(case["phonemes"]))
        given = {"f0": more["pitch"].numpy()} if takes_f0(vocoder) and "pitch" in more else {}
        yield {"mel_input": mel.numpy(), **given}


def compare(
    role: str,
    module: nn.Module,
    audio: AudioConfig,
    cases: Sequence[Arrays],
    found: Sequence[Mapping[str, Any]],
) -> Parity:
    """The parity of a file's outputs `found` for the `cases` of its role with those of the module."""
    sums = Sums()
    for inputs, outputs in zip(cases, found, strict=True):
        tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore", StopTokenWarning)  # random phonemes may not reach an end
            if role == VOCODER:
                _compare_audio(sums, module, audio, tensors, outputs)
            else:
                _compare_phonemes(sums, role, module, audio, tensors, outputs)
    return sums.parity(len(cases))


def _compare_audio(
    sums: Sums, module: Any, audio: AudioConfig, tensors: dict[str, Any], outputs: Mapping[str, Any]
) -> None:
    mel, f0 = tensors["mel_input"], tensors.get("f0")
    if f0 is None and "f0_output" in outputs:
        # Uses the file's F0, so that a borderline voicing decision does not count as a difference.
        f0 = torch.from_numpy(outputs["f0_output"])
    wanted = module.inference(mel) if f0 is None else module.inference(mel, f0)
    for one, other in zip(wanted.numpy(), outputs["audio_output"], strict=True):
        sums.add(one, other, audio)


def _compare_phonemes(
    sums: Sums,
    role: str,
    module: Any,
    audio: AudioConfig,
    tensors: dict[str, Any],
    outputs: Mapping[str, Any],
) -> None:
    acoustic = module if role == ACOUSTIC else module.acoustic_model
    mel, more = acoustic.inference(**tensors)
    if "durations" in outputs and not np.array_equal(outputs["durations"], more["durations"].numpy()):
        if takes_controls(acoustic):  # still compared sound by sound
            sums.lengths_equal &= _only_ties(acoustic, tensors, outputs["durations"])
            mel, more = acoustic.inference(**tensors, durations=torch.from_numpy(outputs["durations"]))
        else:
            sums.lengths_equal = False
    sums.lengths_equal &= np.array_equal(outputs["mel_lengths"], more["mel_lengths"].numpy())
    counts = [
        min(pair) for pair in zip(more["mel_lengths"].tolist(), outputs["mel_lengths"].tolist(), strict=True)
    ]
    if role == ACOUSTIC:
        for row, frames in enumerate(counts):
            sums.add(mel[row, :, :frames].numpy(), outputs["mel_output"][row, :, :frames], None)
        return
    waveform, _ = module.finish(mel, more)
    for row, frames in enumerate(counts):
        end = frames * module.hop_length
        sums.add(waveform[row, :end].numpy(), outputs["audio_output"][row, :end], audio)


def _only_ties(model: Any, tensors: dict[str, Any], durations: NDArray[np.int64]) -> bool:
    """Whether durations differ from torch's only where the last bits of a float decide the rounding of a half."""
    from kalakan.export.onnx.acoustic import inference_with

    try:
        inference_with(model, {name: value.numpy() for name, value in tensors.items()}, durations)
    except ExportError:
        return False
    return True


def check_parity(name: str, role: str, parity: Parity, options: ExportOptions) -> None:
    """Raises `ExportError` if a file differs from torch by more than its type allows.

    32-bit files have torch's lengths, and values within `RELATIVE` of the largest magnitude (audio: `SAMPLES` or
    `FUSED_SAMPLES`);
    16-bit mels a signal-to-noise ratio of `SIXTEEN_BIT_SNR`; 8-bit files a distortion of at most `EIGHT_BIT_MCD`.
    """
    if options.quantize is not None:
        is_close, limit = parity.mcd_db <= EIGHT_BIT_MCD, f"an MCD of {EIGHT_BIT_MCD} dB"
    elif options.floats != "fp32":
        is_close, limit = parity.snr_db >= SIXTEEN_BIT_SNR, f"an SNR of {SIXTEEN_BIT_SNR:.0f} dB"
        if role != ACOUSTIC:  # phases of a waveform differ long before it sounds different
            is_close, limit = parity.mcd_db <= EIGHT_BIT_MCD, f"an MCD of {EIGHT_BIT_MCD} dB"
    else:
        most = {ACOUSTIC: RELATIVE * parity.largest, VOCODER: SAMPLES}.get(role, FUSED_SAMPLES)
        is_close = parity.max_abs <= most and parity.lengths_equal
        limit = f"{most:.1e} and equal lengths"
    if not is_close:
        raise ExportError(
            f"{name}: differs from torch by {parity.max_abs:.2e} (SNR {parity.snr_db:.1f} dB, MCD "
            f"{parity.mcd_db:.2f} dB, lengths {'equal' if parity.lengths_equal else 'differ'}); the limit is {limit}"
        )
