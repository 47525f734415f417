"""FastSpeech2 (Ren et al. 2021, https://arxiv.org/abs/2006.04558): phoneme ids to log-mel in parallel.

As in the paper the pitch and energy predictors work on frames, after the length regulator. Different from it: pitch
is predicted as a value (with a voicing decision, to which a local classifier contributes where
`FastSpeech2Config.voicing_width` enables it) instead of a wavelet spectrum, pitch and energy enter through a
convolution of the value instead of 256 quantized embeddings, and a frame also has features of its position inside its
phoneme. Tone units are part of the phoneme sequence and last zero frames.
"""

import itertools
import math
from typing import Final, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kalakan.config.schema import FastSpeech2Config
from kalakan.models.acoustic.voicing import LocalVoicing, is_voiced
from kalakan.models.layers.blocks import ConvNextBlock, MaskedConv1d, TransformerBlock, sinusoidal_positions
from kalakan.models.layers.masking import frame_owners, frame_positions, gather_frames, length_mask
from kalakan.models.layers.speakers import by_speaker

PAD_ID = 0


class Prediction(NamedTuple):
    """What a training step compares with its targets."""

    mel: Tensor
    """Log-mel [B, M, T]."""
    log_durations: Tensor
    """ln(frames + 1) of each phoneme [B, N]."""
    pitch: Tensor
    """Normalized ln F0 of each frame [B, T]."""
    voicing: Tensor
    """Voicing logit of each classifier [B, T, J]; `kalakan.models.acoustic.voicing.is_voiced` decides."""
    energy: Tensor
    """Normalized log energy of each frame [B, T]."""


class VariancePredictor(nn.Module):
    """Convolutions with ReLU, layer norm and dropout, then a linear map (paper, figure 1c)."""

    def __init__(self, width: int, config: FastSpeech2Config, outputs: int) -> None:
        super().__init__()
        sizes = [width] + [config.predictor_width] * config.predictor_layers
        self.convs = nn.ModuleList(
            [MaskedConv1d(a, b, config.predictor_kernel) for a, b in itertools.pairwise(sizes)]
        )
        self.norms = nn.ModuleList([nn.LayerNorm(size) for size in sizes[1:]])
        self.dropout = nn.Dropout(config.predictor_dropout)
        self.out = nn.Linear(sizes[-1], outputs)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[B, T, C] to [B, T, outputs]."""
        for conv, norm in zip(self.convs, self.norms):  # noqa: B905  (TorchScript does not support strict=)
            x = self.dropout(norm(F.relu(conv(x, mask))))
        return self.out(x)


class FastSpeech2(nn.Module):
    """Phoneme ids [B, N] to log-mel [B, M, T]; implements `kalakan.models.interfaces.AcousticModel`."""

    # TorchScript reads these, and cannot where annotations are strings: hence no __future__ import in this file.
    takes_durations: Final[bool] = True
    """`inference` takes `durations` [B, N] in frames as its last argument."""
    zero_duration: Tensor
    mel_mean: Tensor
    mel_std: Tensor
    pitch_mean: Tensor
    pitch_std: Tensor
    energy_mean: Tensor
    energy_std: Tensor
    phoneme_rows: Tensor
    """Embedding row of each phoneme by speaker [speakers, n_phonemes]; where rows are steered."""
    steered_rows: Final[int]
    is_steered: Final[bool]

    def __init__(self, config: FastSpeech2Config, tone_ids: tuple[int, ...] = (16, 17, 18, 19)) -> None:
        super().__init__()
        width = config.encoder_width
        self.config = config
        self.n_mels = config.n_mels
        self.width = width
        self.pad_id = PAD_ID
        self.steered_rows = config.steered_rows
        self.is_steered = config.steered_rows > 0
        self.embedding = nn.Embedding(config.n_phonemes + config.steered_rows, width, padding_idx=PAD_ID)
        self.speaker_embedding = nn.Embedding(len(config.speakers), width)
        self.embedding_scale = math.sqrt(width)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        nn.init.normal_(self.speaker_embedding.weight, std=0.1)
        self.encoder = nn.ModuleList(
            [
                TransformerBlock(
                    width, config.encoder_heads, config.encoder_filter, config.encoder_kernel, config.dropout
                )
                for _ in range(config.encoder_layers)
            ]
        )
        self.encoder_norm = nn.LayerNorm(width)
        self.duration_predictor = VariancePredictor(width, config, 1)
        self.position_in = nn.Linear(3, width)
        self.pitch_predictor = VariancePredictor(width, config, 2)
        self.local_voicing = _local_voicing(config)
        self.pitch_in = MaskedConv1d(2, width, 3)
        self.energy_predictor = VariancePredictor(width, config, 1)
        self.energy_in = MaskedConv1d(1, width, 3)
        self.decoder_positions = config.decoder_block == "transformer"
        is_local = config.decoder_block == "convnext"
        self.context_frames = config.decoder_layers * (config.decoder_kernel // 2) if is_local else None
        self.decoder = nn.ModuleList([_decoder_block(config) for _ in range(config.decoder_layers)])
        self.decoder_norm = nn.LayerNorm(width)
        self.mel_out = nn.Linear(width, config.n_mels)

        silent_units = torch.zeros(config.n_phonemes, dtype=torch.bool)
        silent_units[[PAD_ID, *tone_ids]] = True
        self.register_buffer("zero_duration", silent_units)
        if config.steered_rows:
            rows = torch.arange(config.n_phonemes).repeat(len(config.speakers), 1)
            self.register_buffer("phoneme_rows", rows)
        self.register_buffer("mel_mean", torch.zeros(config.n_mels))
        self.register_buffer("mel_std", torch.ones(config.n_mels))
        self.register_buffer("pitch_mean", torch.full((len(config.speakers),), math.log(150.0)))
        self.register_buffer("pitch_std", torch.full((1,), 0.2))
        self.register_buffer("energy_mean", torch.zeros(1))
        self.register_buffer("energy_std", torch.ones(1))

    def forward(
        self, phonemes: Tensor, durations: Tensor, pitch: Tensor, energy: Tensor, speaker: Tensor
    ) -> Prediction:
        """One teacher-forced pass.

        ids [B, N], durations [B, N] in frames, pitch [B, T] in Hz (0 unvoiced), log energy [B, T], speaker [B].
        """
        hidden, mask = self.encode(phonemes, speaker)
        log_durations = self.duration_predictor(hidden, mask).squeeze(2)
        owners, counts = frame_owners(durations)
        frames, frame_mask = self.spread(hidden, durations, owners, counts)
        predicted = self.pitch_predictor(frames, frame_mask)
        voicing = self.judge_voicing(predicted, phonemes, durations, owners, speaker)
        voiced = (pitch > 0).to(frames.dtype)
        pitch_value = self.normalize_pitch(pitch, speaker) * voiced
        frames = self.add_pitch(frames, pitch_value, voiced, frame_mask)
        predicted_energy = self.energy_predictor(frames, frame_mask).squeeze(2)
        energy_value = (energy - self.energy_mean) / self.energy_std
        frames = frames + self.energy_in(energy_value[:, :, None], frame_mask)
        mel = self.decode(frames, frame_mask)
        return Prediction(mel, log_durations, predicted[:, :, 0], voicing, predicted_energy)

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
        durations: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See `AcousticModel.inference`; the dict also holds `energy` [B, T] (log).

        `durations` [B, N] (frames) replace the predicted ones, and `speed` then has no effect.
        """
        phonemes, speaker, speed, pitch, energy, pitch_range = self.defaults(
            phonemes, lengths, speaker, speed, pitch, energy, pitch_range
        )
        mel, frames, counts, hertz, log_energy = self.infer(
            phonemes, speaker, speed, pitch, energy, pitch_range, durations
        )
        return mel, {"mel_lengths": counts, "durations": frames, "pitch": hertz, "energy": log_energy}

    def defaults(
        self,
        phonemes: Tensor,
        lengths: Tensor | None,
        speaker: Tensor | None,
        speed: Tensor | None,
        pitch: Tensor | None,
        energy: Tensor | None,
        pitch_range: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Ids, zeroed past the lengths, and the controls with defaults instead of None."""
        batch = phonemes.shape[0]
        if lengths is not None:
            phonemes = phonemes * length_mask(lengths, phonemes.shape[1])
        one = torch.ones((batch, 1), device=phonemes.device, dtype=self.mel_mean.dtype)
        if speaker is None:
            speaker = torch.zeros((batch,), device=phonemes.device, dtype=torch.long)
        if speed is None:
            speed = one
        if pitch is None:
            pitch = one * 0.0
        if energy is None:
            energy = one
        if pitch_range is None:
            pitch_range = one
        return phonemes, speaker, speed, pitch, energy, pitch_range

    def infer(
        self,
        phonemes: Tensor,
        speaker: Tensor,
        speed: Tensor,
        pitch: Tensor,
        energy: Tensor,
        pitch_range: Tensor,
        durations: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Mel [B, M, T], durations [B, N], frame counts [B], pitch [B, T] in Hz, log energy [B, T].

        speaker [B], or weights of speakers [B, S]; speed, pitch (semitones), energy and pitch_range (factors) [B, 1] or
        [B, N]; durations [B, N] in frames, by default the predicted ones.
        """
        frames, durations, counts, hertz, log_energy = self.infer_frames(
            phonemes, speaker, speed, pitch, energy, pitch_range, durations
        )
        mask = length_mask(counts, frames.shape[1]).to(frames.dtype)[:, :, None]
        return self.decode(frames, mask), durations, counts, hertz, log_energy

    def predict_frames(
        self,
        phonemes: Tensor,
        lengths: Tensor | None = None,
        speaker: Tensor | None = None,
        speed: Tensor | None = None,
        pitch: Tensor | None = None,
        energy: Tensor | None = None,
        pitch_range: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """All of `inference` except its last step: frames [B, T, C] for `decode_frames`, and the same dict."""
        phonemes, speaker, speed, pitch, energy, pitch_range = self.defaults(
            phonemes, lengths, speaker, speed, pitch, energy, pitch_range
        )
        frames, durations, counts, hertz, log_energy = self.infer_frames(
            phonemes, speaker, speed, pitch, energy, pitch_range
        )
        return frames, {"mel_lengths": counts, "durations": durations, "pitch": hertz, "energy": log_energy}

    def decode_frames(self, frames: Tensor) -> Tensor:
        """Log-mel [B, M, W] of frames [B, W, C]; see `AcousticModel.context_frames` for a window's ends."""
        return self.decode(frames, torch.ones_like(frames[:, :, :1]))

    def infer_frames(
        self,
        phonemes: Tensor,
        speaker: Tensor,
        speed: Tensor,
        pitch: Tensor,
        energy: Tensor,
        pitch_range: Tensor,
        durations: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The decoder's input, frames [B, T, C], and the other results of `infer`."""
        hidden, mask = self.encode(phonemes, speaker)
        if durations is None:
            log_durations = self.duration_predictor(hidden, mask).squeeze(2)
            durations = self.round_durations(log_durations, phonemes, speed)
        owners, counts = frame_owners(durations)
        frames, frame_mask = self.spread(hidden, durations, owners, counts)
        predicted = self.pitch_predictor(frames, frame_mask)
        shift = torch.gather(pitch.expand_as(phonemes), 1, owners) * (math.log(2.0) / 12.0 / self.pitch_std)
        voicing = self.judge_voicing(predicted, phonemes, durations, owners, speaker)
        voiced = is_voiced(voicing).to(frames.dtype) * frame_mask.squeeze(2)
        width = torch.gather(pitch_range.expand_as(phonemes), 1, owners)
        pitch_value = (predicted[:, :, 0] * width + shift) * voiced
        frames = self.add_pitch(frames, pitch_value, voiced, frame_mask)
        log_factor = torch.gather(torch.log(energy).expand_as(phonemes), 1, owners)
        energy_value = self.energy_predictor(frames, frame_mask).squeeze(2) + log_factor / self.energy_std
        frames = frames + self.energy_in(energy_value[:, :, None], frame_mask)
        mean = by_speaker(self.pitch_mean, speaker)[:, None]
        hertz = torch.exp(pitch_value * self.pitch_std + mean) * voiced
        log_energy = energy_value * self.energy_std + self.energy_mean
        return frames, durations, counts, hertz, log_energy

    def encode(self, phonemes: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states [B, N, C] and their mask [B, N, 1]; speaker [B], or weights of speakers [B, S]."""
        mask = (phonemes != self.pad_id).to(self.mel_mean.dtype)[:, :, None]
        x = self.embed(phonemes, speaker) * self.embedding_scale
        x = (
            x
            + sinusoidal_positions(phonemes.shape[1], self.width, x)[None]
            + by_speaker(self.speaker_embedding.weight, speaker)[:, None]
        )
        for block in self.encoder:
            x = block(x, mask)
        return self.encoder_norm(x), mask

    def embed(self, phonemes: Tensor, speaker: Tensor) -> Tensor:
        """Embeddings [B, N, C] of ids [B, N]; where they are steered, those of each one's speaker, or their mean."""
        rows = phonemes
        if self.is_steered:
            if speaker.dim() > 1:
                each = self.embedding(self.phoneme_rows[:, phonemes])  # [S, B, N, C]
                return (speaker.to(each.dtype).t()[:, :, None, None] * each).sum(0)
            rows = torch.gather(self.phoneme_rows[speaker], 1, phonemes)
        return self.embedding(rows)

    def spread(
        self, hidden: Tensor, durations: Tensor, owners: Tensor, counts: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Length regulator: hidden [B, N, C] to frames [B, T, C] with position features, and their mask [B, T, 1]."""
        mask = length_mask(counts, owners.shape[1]).to(hidden.dtype)[:, :, None]
        places = self.position_in(frame_positions(durations, owners).to(hidden.dtype))
        return (gather_frames(hidden, owners) + places) * mask, mask

    def judge_voicing(
        self, predicted: Tensor, phonemes: Tensor, durations: Tensor, owners: Tensor, speaker: Tensor
    ) -> Tensor:
        """See `Prediction.voicing`; `predicted` [B, T, 2] is the pitch predictor's output."""
        if self.local_voicing is None:
            return predicted[:, :, 1:]
        is_sound = torch.logical_not(self.zero_duration[phonemes])
        local = self.local_voicing(phonemes, durations, owners, speaker, is_sound)
        return torch.stack([predicted[:, :, 1], local], dim=2)

    def add_pitch(self, frames: Tensor, value: Tensor, voiced: Tensor, mask: Tensor) -> Tensor:
        """Frames [B, T, C] with normalized pitch [B, T] and voicing [B, T] mixed in."""
        return frames + self.pitch_in(torch.stack([value, voiced], dim=2), mask)

    def decode(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Frames [B, T, C] to log-mel [B, M, T]."""
        if self.decoder_positions:
            frames = frames + sinusoidal_positions(frames.shape[1], self.width, frames)[None]
        for block in self.decoder:
            frames = block(frames, mask)
        mel = self.mel_out(self.decoder_norm(frames)) * self.mel_std + self.mel_mean
        return mel.transpose(1, 2)

    def normalize_pitch(self, hertz: Tensor, speaker: Tensor) -> Tensor:
        """ln F0 [B, T] around the speaker's mean, in units of the corpus's deviation."""
        return (
            torch.log(torch.clamp(hertz, min=1.0)) - by_speaker(self.pitch_mean, speaker)[:, None]
        ) / self.pitch_std

    def round_durations(self, log_durations: Tensor, phonemes: Tensor, speed: Tensor) -> Tensor:
        """Whole frames [B, N] at least 1 (0 for padding and tone units), whose sum keeps the exact tempo."""
        ends = torch.floor(self.exact_ends(log_durations, phonemes, speed) + 0.5).long()
        frames = ends - F.pad(ends, (1, 0))[:, :-1]
        return torch.clamp(frames, min=1).masked_fill(self.zero_duration[phonemes], 0)

    def exact_ends(self, log_durations: Tensor, phonemes: Tensor, speed: Tensor) -> Tensor:
        """Where each phoneme ends [B, N] in frames, before rounding; padding and tone units last zero frames."""
        frames = torch.clamp(torch.exp(log_durations.float()) - 1.0, min=1.0)
        return torch.cumsum(frames.masked_fill(self.zero_duration[phonemes], 0.0) / speed.float(), dim=1)


def _local_voicing(config: FastSpeech2Config) -> nn.Module | None:
    if config.voicing_width == 0:
        return None
    return LocalVoicing(
        config.n_phonemes,
        len(config.speakers),
        config.voicing_width,
        config.voicing_kernel,
        config.predictor_dropout,
    )


def _decoder_block(config: FastSpeech2Config) -> nn.Module:
    if config.decoder_block == "convnext":
        return ConvNextBlock(config.encoder_width, config.decoder_filter, config.decoder_kernel)
    return TransformerBlock(
        config.encoder_width,
        config.encoder_heads,
        config.decoder_filter,
        config.decoder_kernel,
        config.dropout,
    )
