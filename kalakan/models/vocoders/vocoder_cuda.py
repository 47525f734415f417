"""`vocoder_cuda`, for custom vocoders: a generator up to its last convolution, on the CUDA kernels of csrc/.

    vocoder_cuda = load(vocoder)
    audio = vocoder.post_process(vocoder_cuda.upsample(mel))

`vocoder.inference(mel)` uses the same kernels, and CUDA graphs too: this module is for code that goes between the two
calls.
"""

from __future__ import annotations

import logging
import time

import torch
from torch import Tensor, nn

from kalakan.errors import ConfigError, KernelError
from kalakan.models.vocoders.generator import Generator
from kalakan.models.vocoders.gpu import packed
from kalakan.models.vocoders.upsampling import check_mel
from kalakan.ops import extension, use
from kalakan.ops.residual_blocks import RESIDUAL_BLOCKS
from kalakan.ops.upsample import UPSAMPLE

_LOG = logging.getLogger(__name__)


class VocoderCuda:
    """The upsampling of one generator; made by `load`."""

    def __init__(self, vocoder: Generator) -> None:
        self._vocoder = vocoder

    def upsample(self, mel: Tensor) -> Tensor:
        """Activations [B, C, T * hop_length] of a log-mel [B, M, T], without gradient, for `vocoder.post_process`.

        In the type of the weights, or autocast's. Raises `AudioError` for another shape, `KernelError` where the
        kernels cannot run it.
        """
        check_mel(mel, self._vocoder.n_mels)
        with torch.no_grad():
            found = packed.packed(self._vocoder, mel)
        if found is None:
            place = self._vocoder.project_in.weight.device
            raise KernelError(
                f"the mel is on {mel.device} and the vocoder on {place}; vocoder_cuda needs both on one CUDA device, "
                "no hooks inside the vocoder, and nothing that traces or compiles it"
            )
        with torch.no_grad(), use(upsample="cuda"):
            return found.rows.stretch(mel).transpose(1, 2)


def load(vocoder: nn.Module) -> VocoderCuda:
    """`vocoder_cuda` for a HiFi-GAN or MelGAN; builds the kernels if needed, as `kalakan doctor --build` does.

    Raises `ConfigError` for another vocoder, `KernelError` without a CUDA device or where the kernels cannot be built.
    """
    if not isinstance(vocoder, Generator):
        raise ConfigError(
            f"{type(vocoder).__name__} does not upsample; vocoder_cuda is for hifigan and melgan"
        )
    if not torch.cuda.is_available():
        raise KernelError(
            "vocoder_cuda: there is no CUDA device; vocoder.inference(mel) needs none and gives the same waveform"
        )
    if extension.unavailable() is not None:
        started = time.monotonic()
        place, _ = extension.build()
        _LOG.info("built the CUDA kernels in %.0f s, in %s", time.monotonic() - started, place)
        for op in (UPSAMPLE, RESIDUAL_BLOCKS):
            op.ask_again()
    return VocoderCuda(vocoder)
