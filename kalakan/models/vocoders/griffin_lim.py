"""Griffin-Lim as a vocoder: no weights to train, only the mel filters to invert."""

import torch
from torch import Tensor, nn

from kalakan.audio.loudness import vocode_unclipped
from kalakan.audio.mel import mel_filters
from kalakan.config.schema import AudioConfig
from kalakan.ops import griffin_lim


class GriffinLim(nn.Module):
    """Log-mel [B, M, T] to waveform, as `kalakan.audio.mel.mel_to_audio` does it for arrays.

    Its buffers follow `.to(device)`; `torch.jit.script` compiles it, with the torch implementation of the op.
    """

    filters: Tensor
    inverse: Tensor

    def __init__(
        self, config: AudioConfig, n_iter: int = 32, momentum: float = 0.99, seed: int | None = 0
    ) -> None:
        super().__init__()
        self.sample_rate = config.sample_rate
        self.hop_length = config.hop_length
        self.n_fft = config.n_fft
        self.win_length = config.win_length
        self.n_iter = n_iter
        self.momentum = momentum
        self.seed = seed
        self.context_frames = None  # every sample depends on the whole sentence: see `Vocoder`
        filters = torch.from_numpy(mel_filters(config))  # [M, F]
        self.register_buffer("filters", filters)
        self.register_buffer("inverse", torch.linalg.pinv(filters.double()).float())

    @torch.jit.export
    def inference(self, mel: Tensor) -> Tensor:
        """Waveform [B, T * hop_length] in [-1, 1] of a log-mel [B, M, T]; in single precision even under autocast."""
        return self.waveform(mel, self.seed)

    def render(self, mel: Tensor, f0: Tensor | None, first_frame: int, seed: int) -> Tensor:
        """See `Vocoder`; the whole sentence, with `seed` instead of the module's own."""
        audio: Tensor = vocode_unclipped(lambda item: self.waveform(item, seed), mel)[None]
        return audio

    @torch.jit.export
    def waveform(self, mel: Tensor, seed: int | None) -> Tensor:
        """`inference` with another seed; None starts each frame as a pulse."""
        if torch.jit.is_scripting():  # type: ignore[attr-defined]
            return self.from_magnitude(self.magnitude(mel), seed)
        with torch.autocast(mel.device.type, enabled=False):  # 16 bits are not enough for phases
            return self.from_magnitude(self.magnitude(mel), seed)

    @torch.jit.export
    def from_magnitude(self, magnitude: Tensor, seed: int | None) -> Tensor:
        """Waveform [B, T * hop_length] in [-1, 1] of magnitudes [B, F, T]."""
        audio = griffin_lim(
            magnitude, self.n_fft, self.win_length, self.hop_length, self.n_iter, self.momentum, seed
        )
        return audio.clamp(-1.0, 1.0)

    @torch.jit.export
    def magnitude(self, mel: Tensor) -> Tensor:
        """Magnitudes [B, F, T] close to a log-mel [B, M, T].

        Pseudo-inverse, then five multiplicative updates: D. Lee and S. Seung, NIPS 2000, equation 4, filters fixed.
        """
        mel = mel.to(self.filters.dtype).exp()
        magnitude = torch.matmul(self.inverse, mel).clamp(min=1e-8)  # [B, F, T]
        wanted = torch.matmul(self.filters.t(), mel)
        for _ in range(5):
            present = torch.matmul(self.filters.t(), torch.matmul(self.filters, magnitude))
            magnitude = magnitude * (wanted / present.clamp(min=1e-38))
        return magnitude

    def forward(self, mel: Tensor) -> Tensor:
        """The same as `inference`."""
        return self.inference(mel)
