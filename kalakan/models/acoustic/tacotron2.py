"""Tacotron 2 (Shen et al. 2018, https://arxiv.org/abs/1712.05884): phoneme ids to log-mel, autoregressively.

Different from the paper: the encoder's LSTM has no zoneout, a corpus of several speakers adds an embedding of the
speaker to the encoder's output, and at inference the attention is restricted to a window around its previous
position, so that it cannot skip or repeat a word. The dropout of the prenet is on at inference, as in the paper, and
drawn from a table, so the same text gives the same bytes.
"""

import warnings
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kalakan.config.schema import Tacotron2Config
from kalakan.errors import StopTokenWarning, SynthesisError
from kalakan.models.acoustic.tacotron2_decoder import Decoder
from kalakan.models.acoustic.tacotron2_layers import Encoder, Postnet
from kalakan.models.layers.masking import length_mask
from kalakan.models.layers.speakers import by_speaker

PAD_ID = 0


class Tacotron2Prediction(NamedTuple):
    """What a training step compares with its targets; K steps of r frames each."""

    coarse: Tensor
    """Log-mel [B, M, T] before the postnet."""
    mel: Tensor
    """Log-mel [B, M, T]."""
    stop: Tensor
    """Logit of the sentence ending with a step, [B, K]."""
    alignment: Tensor
    """Attention weights [B, K, N]."""


class Tacotron2(nn.Module):
    """Phoneme ids [B, N] to log-mel [B, M, T]; implements `kalakan.models.interfaces.AcousticModel`.

    Rate and pitch cannot be controlled: a `speed`, `pitch`, `energy` or `pitch_range` raises `SynthesisError`.
    """

    mel_mean: Tensor
    mel_std: Tensor

    def __init__(self, config: Tacotron2Config) -> None:
        super().__init__()
        self.config = config
        self.n_mels = config.n_mels
        self.pad_id = PAD_ID
        self.frames_per_step = config.frames_per_step
        self.window_back, self.window_ahead = config.window_back, config.window_ahead
        self.stop_threshold = config.stop_threshold
        self.max_frames_per_phoneme = config.max_frames_per_phoneme
        self.embedding = nn.Embedding(config.n_phonemes, config.encoder_width, padding_idx=PAD_ID)
        several = len(config.speakers) > 1
        self.speaker_embedding = nn.Embedding(len(config.speakers), config.encoder_width) if several else None
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.postnet = Postnet(config)
        self.register_buffer("mel_mean", torch.zeros(config.n_mels))
        self.register_buffer("mel_std", torch.ones(config.n_mels))

    def forward(
        self, phonemes: Tensor, mel: Tensor, mel_lengths: Tensor, speaker: Tensor
    ) -> Tacotron2Prediction:
        """One teacher-forced pass: ids [B, N], log-mel [B, M, T] with its lengths [B] in frames, speaker [B]."""
        lengths = (phonemes != self.pad_id).sum(dim=1)
        memory = self.encode(phonemes, lengths, speaker)
        wanted = (mel - self.mel_mean[:, None]) / self.mel_std[:, None]
        frames, stop, alignment = self.follow(wanted, memory, lengths)
        return self.finish(frames[:, :, : mel.shape[2]], stop, alignment, mel_lengths)

    def follow(self, mel: Tensor, memory: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalized mel [B, M, K * r], stop logits [B, K] and alignment [B, K, N] of a teacher-forced decoder."""
        rate = self.frames_per_step
        before = F.pad(mel[:, :, rate - 1 :: rate], [1, 0])  # the last frame of the step before
        steps = (mel.shape[2] + rate - 1) // rate
        prenet = self.decoder.prenet(before.transpose(1, 2)[:, :steps], 0)
        blocked = ~length_mask(lengths, memory.shape[1])
        keys = self.decoder.attention.key(memory)
        state = self.decoder.start(memory)
        mels: list[Tensor] = []
        stops: list[Tensor] = []
        weights: list[Tensor] = []
        for step in range(steps):
            frame, stop, state = self.decoder(prenet[:, step], state, memory, keys, blocked)
            mels.append(frame)
            stops.append(stop)
            weights.append(state.weights)
        return self.unfold(mels), torch.stack(stops, dim=1), torch.stack(weights, dim=1)

    def unfold(self, mels: list[Tensor]) -> Tensor:
        """K steps' outputs [B, r * M] as a mel [B, M, K * r]."""
        return torch.stack(mels, dim=1).view(mels[0].shape[0], -1, self.n_mels).transpose(1, 2)

    def finish(
        self, frames: Tensor, stop: Tensor, alignment: Tensor, mel_lengths: Tensor
    ) -> Tacotron2Prediction:
        """Adds the postnet and undoes the normalization; what lies past the lengths [B] has no effect."""
        mask = length_mask(mel_lengths, frames.shape[2]).to(frames.dtype)[:, None]
        fine = frames + self.postnet(frames, mask)
        mean, std = self.mel_mean[:, None], self.mel_std[:, None]
        return Tacotron2Prediction(frames * std + mean, fine * std + mean, stop, alignment)

    @torch.jit.export
    def inference(
        self,
        phonemes: Tensor,
        lengths: Tensor | None = None,
        speaker: Tensor | None = None,
        speed: Tensor | None = None,
        pitch: Tensor | None = None,
        energy: Tensor | None = None,
        pitch_range: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See `AcousticModel.inference`. The dict holds no `pitch`, but `alignment` [B, T, N], the attention weights.

        `durations` counts the frames in which a phoneme had the largest weight. Raises `SynthesisError` for `speed`,
        `pitch`, `energy` and `pitch_range`. Warns `StopTokenWarning` where the stop token was predicted before the
        end of the phonemes, or not within the limit of `max_frames_per_phoneme`.
        """
        if speed is not None or pitch is not None or energy is not None or pitch_range is not None:
            raise SynthesisError(
                "tacotron2 cannot change speed, pitch, pitch range or energy; leave them at their defaults or use a "
                "fastspeech2"
            )
        if lengths is None:
            lengths = (phonemes != self.pad_id).sum(dim=1)
        if speaker is None:
            speaker = torch.zeros_like(lengths)
        memory = self.encode(phonemes * length_mask(lengths, phonemes.shape[1]), lengths, speaker)
        limits = (lengths + 4) * self.max_frames_per_phoneme // self.frames_per_step
        frames, alignment, steps = self.decode(memory, lengths, limits)
        mel_lengths = steps * self.frames_per_step
        mel = self.finish(frames, steps, alignment, mel_lengths).mel
        heard = alignment.argmax(dim=2)  # [B, K]
        if not torch.jit.is_scripting():  # type: ignore[attr-defined]
            _warn(heard, lengths, steps, limits, self.window_back)
        spoken = length_mask(steps, heard.shape[1]).long() * self.frames_per_step
        durations = torch.zeros_like(phonemes).scatter_add(1, heard, spoken)
        alignment = alignment.repeat_interleave(self.frames_per_step, dim=1)
        return mel, {"mel_lengths": mel_lengths, "durations": durations, "alignment": alignment}

    def encode(self, phonemes: Tensor, lengths: Tensor, speaker: Tensor) -> Tensor:
        """Memory [B, N, E] of ids [B, N] with lengths [B]; speaker [B], or weights of speakers [B, S]."""
        memory = self.encoder(self.embedding(phonemes), lengths)
        if self.speaker_embedding is not None:
            memory = memory + by_speaker(self.speaker_embedding.weight, speaker)[:, None]
        return memory

    def decode(self, memory: Tensor, lengths: Tensor, limits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalized mel [B, M, K * r], alignment [B, K, N] and the steps [B] of each sentence, at most its limit."""
        decoder = self.decoder
        keys = decoder.attention.key(memory)
        state = decoder.start(memory)
        frame = torch.zeros(memory.shape[0], 1, self.n_mels, device=memory.device, dtype=memory.dtype)
        place = torch.zeros_like(lengths)
        steps = limits.clone()
        going = torch.ones_like(lengths, dtype=torch.bool)
        mels: list[Tensor] = []
        weights: list[Tensor] = []
        while bool(going.any()):
            prenet = decoder.prenet(frame, len(mels))[:, 0]
            mel, stop, state = decoder(
                prenet, state, memory, keys, self.outside(place, lengths, memory.shape[1])
            )
            mels.append(mel)
            weights.append(state.weights)
            place = state.weights.argmax(dim=1)
            frame = mel[:, None, -self.n_mels :]
            ends = going & (torch.sigmoid(stop.float()) > self.stop_threshold)
            steps = torch.where(ends, torch.clamp(limits, max=len(mels)), steps)
            going = going & ~ends & (limits > len(mels))
        return self.unfold(mels), torch.stack(weights, dim=1), steps

    def outside(self, place: Tensor, lengths: Tensor, size: int) -> Tensor:
        """True [B, N] past the lengths [B] and outside the window around the phoneme [B] attended to last."""
        distance = torch.arange(size, device=place.device)[None] - place[:, None]
        near = (distance >= -self.window_back) & (distance <= self.window_ahead)
        return ~(near & length_mask(lengths, size))


def _warn(heard: Tensor, lengths: Tensor, steps: Tensor, limits: Tensor, slack: int) -> None:
    last = torch.gather(heard, 1, steps[:, None] - 1)[:, 0]
    for row, place in enumerate(last.tolist()):
        size, count = int(lengths[row]), int(steps[row])
        if count >= int(limits[row]):
            text = f"no stop token came within {count} steps, the limit for {size} phonemes; the sentence was cut"
        elif place < size - 1 - slack:
            text = f"the stop token came at phoneme {place + 1} of {size}; the rest was not spoken"
        else:
            continue
        warnings.warn(
            f"tacotron2: {text}; train it longer, or use a fastspeech2", StopTokenWarning, stacklevel=4
        )
