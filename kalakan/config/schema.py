"""Typed settings: frozen dataclasses, one line of meaning per field. Defaults are the default voice's."""

from __future__ import annotations

from dataclasses import dataclass, field

from kalakan.config.models import (
    MODEL_CONFIGS,
    FastSpeech2Config,
    HarmonicNoiseConfig,
    HifiGanConfig,
    MelGanConfig,
    ModelConfig,
    Tacotron2Config,
)
from kalakan.config.rules import require as _require

__all__ = [
    "MODEL_CONFIGS",
    "AdversarialConfig",
    "AudioConfig",
    "DataConfig",
    "FastSpeech2Config",
    "HarmonicNoiseConfig",
    "HifiGanConfig",
    "InferenceConfig",
    "MelGanConfig",
    "ModelConfig",
    "SegmentConfig",
    "Settings",
    "Tacotron2Config",
    "TrainingConfig",
]


@dataclass(frozen=True)
class AudioConfig:
    """How a waveform becomes a log-mel spectrogram. Training and synthesis share one instance."""

    sample_rate: int = 24_000
    """Samples a second."""
    n_fft: int = 1200
    """FFT size in samples."""
    win_length: int = 1200
    """Periodic Hann window in samples, centred in the FFT frame."""
    hop_length: int = 300
    """Samples between frames; T frames are T * hop_length samples."""
    n_mels: int = 80
    """Mel bands."""
    mel_fmin: float = 0.0
    """Lower edge of the lowest band in Hz."""
    mel_fmax: float = 12_000.0
    """Upper edge of the highest band in Hz; at most half the sample rate."""
    mel_floor: float = 1e-5
    """Smallest mel magnitude before the natural logarithm."""

    def __post_init__(self) -> None:
        for name in ("sample_rate", "n_fft", "win_length", "hop_length", "n_mels"):
            _require(getattr(self, name) >= 1, f"audio.{name}", getattr(self, name), "it must be at least 1")
        _require(
            self.win_length <= self.n_fft,
            "audio.win_length",
            self.win_length,
            f"it must be at most n_fft, {self.n_fft}",
        )
        _require(
            self.hop_length <= self.win_length,
            "audio.hop_length",
            self.hop_length,
            f"it must be at most win_length, {self.win_length}",
        )
        _require(
            (self.n_fft - self.hop_length) % 2 == 0,
            "audio.hop_length",
            self.hop_length,
            f"n_fft - hop_length must be even and n_fft is {self.n_fft}",
        )
        _require(
            0 <= self.mel_fmin < self.mel_fmax <= self.sample_rate / 2,
            "audio.mel_fmax",
            self.mel_fmax,
            f"it must lie above mel_fmin, {self.mel_fmin}, and be at most half the sample rate, {self.sample_rate / 2}",
        )
        _require(self.mel_floor > 0, "audio.mel_floor", self.mel_floor, "it must be above 0")

    @property
    def frame_rate(self) -> float:
        """Frames a second."""
        return self.sample_rate / self.hop_length


@dataclass(frozen=True)
class TrainingConfig:
    """One training run."""

    batch_size: int = 16
    """Utterances in one forward pass."""
    grad_accumulation_steps: int = 1
    """Forward passes summed into one optimizer step; the last group of an epoch may be smaller and counts."""
    max_steps: int = 20_000
    """Optimizer steps until the run ends."""
    max_minutes: float = 0.0
    """Wall-clock limit of this call in minutes; 0 means none. The run stops with a checkpoint."""
    learning_rate: float = 1e-3
    """Peak learning rate of AdamW."""
    warmup_steps: int = 500
    """Steps of linear warm-up."""
    decay_fraction: float = 0.3
    """Last part of max_steps over which the learning rate falls linearly to zero."""
    weight_decay: float = 0.01
    """AdamW weight decay."""
    grad_clip: float = 1.0
    """Largest global gradient norm; larger ones are scaled down."""
    ema_decay: float = 0.999
    """Exponential moving average of the weights, used for validation and the voice; 0 turns it off."""
    mixed_precision: bool = False
    """Autocast: fp16 with a gradient scaler on CUDA, bf16 on the CPU."""
    gradient_checkpointing: bool = False
    """Forget what the blocks of a model compute and compute it again for the gradients: less memory, more time."""
    workers: int = 0
    """Processes that prepare batches while a step is taken; 0 prepares them between the steps. Same batches."""
    seed: int = 1234
    """Seed of weights, order and augmentation."""
    log_every: int = 20
    """Steps between lines of metrics.jsonl."""
    validate_every: int = 500
    """Steps between validations."""
    checkpoint_every: int = 500
    """Steps between checkpoints."""
    picture_every: int = 1000
    """Steps between mel and pitch pictures."""
    validation_utterances: int = 64
    """Most utterances in one validation."""
    patience: int = 0
    """Validations without a better score before the run stops early; 0 means never."""
    product: str = "best"
    """Weights that a run leaves: "best" by validation score, or "last", for a score that is not the aim."""
    max_nonfinite: int = 20
    """Batches in a row with a loss that is not finite before the run stops."""
    max_damaged: float = 0.25
    """Share of the utterances that may be damaged, and are left out, before the run stops."""

    def __post_init__(self) -> None:
        for name in ("batch_size", "grad_accumulation_steps", "max_steps", "log_every", "validate_every"):
            _require(
                getattr(self, name) >= 1, f"training.{name}", getattr(self, name), "it must be at least 1"
            )
        for name in ("checkpoint_every", "picture_every", "validation_utterances", "max_nonfinite"):
            _require(
                getattr(self, name) >= 1, f"training.{name}", getattr(self, name), "it must be at least 1"
            )
        for name in ("max_minutes", "warmup_steps", "weight_decay", "patience", "workers"):
            _require(
                getattr(self, name) >= 0, f"training.{name}", getattr(self, name), "it must be at least 0"
            )
        _require(
            self.product in ("best", "last"), "training.product", self.product, "choose 'best' or 'last'"
        )
        _require(self.learning_rate > 0, "training.learning_rate", self.learning_rate, "it must be above 0")
        _require(self.grad_clip > 0, "training.grad_clip", self.grad_clip, "it must be above 0")
        _require(0 <= self.max_damaged < 1, "training.max_damaged", self.max_damaged, "it must lie in [0, 1)")
        _require(0 <= self.ema_decay < 1, "training.ema_decay", self.ema_decay, "it must lie in [0, 1)")
        _require(
            0 <= self.decay_fraction <= 1,
            "training.decay_fraction",
            self.decay_fraction,
            "it must lie in [0, 1]",
        )


@dataclass(frozen=True)
class DataConfig:
    """What the dataset does to an utterance before a model sees it."""

    substitution_rate: float = 0.04
    """Chance that a unit with a rarer neighbour (a for ã, `,` for `;`) is written as that neighbour,
    so that no row of the phoneme table stays untrained."""
    bos_rate: float = 0.8
    """Chance that an utterance keeps 50 ms of its leading silence as a `<bos>` unit."""
    tone_drop_rate: float = 0.25
    """Chance that a tone-marked utterance loses the marks of a run of words, as half-marked text does."""

    def __post_init__(self) -> None:
        for name in ("substitution_rate", "bos_rate", "tone_drop_rate"):
            _require(
                0 <= getattr(self, name) <= 1, f"data.{name}", getattr(self, name), "it must lie in [0, 1]"
            )


@dataclass(frozen=True)
class SegmentConfig:
    """Stretches of recordings that a vocoder trains on."""

    frames: int = 64
    """Mel frames of a training segment."""
    validation_frames: int = 160
    """Mel frames of a validation segment."""
    predicted: str = ""
    """Folder of an acoustic model's mels (`<id>.npy`, [M, T]) to use in place of the recordings'; empty: none."""

    def __post_init__(self) -> None:
        for name in ("frames", "validation_frames"):
            _require(
                getattr(self, name) >= 16, f"segments.{name}", getattr(self, name), "it must be at least 16"
            )


@dataclass(frozen=True)
class AdversarialConfig:
    """A discriminator beside the spectral losses of a source-filter vocoder; see `kalakan.training.adversarial`."""

    weight: float = 0.0
    """Weight of the discriminator's opinion in the vocoder's loss; 0 trains without a discriminator."""
    feature_weight: float = 2.0
    """Weight of the distance between the discriminator's features of recording and copy."""
    start_step: int = 0
    """Steps in which only the discriminator learns from what the vocoder says."""
    channels: int = 16
    """Channels of the discriminator's first layers."""

    def __post_init__(self) -> None:
        for name in ("weight", "feature_weight", "start_step"):
            _require(
                getattr(self, name) >= 0, f"adversarial.{name}", getattr(self, name), "it must be at least 0"
            )
        _require(self.channels >= 1, "adversarial.channels", self.channels, "it must be at least 1")


@dataclass(frozen=True)
class DistillationConfig:
    """How much an acoustic model listens to its teacher; it acts where a run has one (`--teacher`)."""

    alpha: float = 0.5
    """Weight of the recordings' loss; the teacher's has 1 - alpha."""
    temperature: float = 2.0
    """Divides both log-mels before the softmax over bands: above 1 quiet bands count for more."""

    def __post_init__(self) -> None:
        _require(0 <= self.alpha <= 1, "distillation.alpha", self.alpha, "it must lie in [0, 1]")
        _require(self.temperature > 0, "distillation.temperature", self.temperature, "it must be above 0")


@dataclass(frozen=True)
class InferenceConfig:
    """How a voice is run."""

    batch_size: int = 8
    """Most sentences in one pass on a GPU when the call does not say; a CPU takes one after the other."""
    mixed_precision: bool = False
    """Torch engine: autocast (fp16 on CUDA, bf16 on the CPU). The onnx engine refuses it."""
    cuda_graphs: bool = True
    """Torch engine on a GPU: HiFi-GAN and MelGAN replay a recording for each length of a single sentence. False saves
    the memory of up to 32 recordings."""
    threads: int = 1
    """CPU threads of one request; one thread a request and parallel requests is the fastest use of a server."""
    griffin_lim_iterations: int = 32
    """Iterations when the vocoder is Griffin-Lim."""
    max_characters: int = 300
    """Longest piece spoken in one pass, in phoneme units, which are about as many as characters; a longer sentence
    is split at pauses, else at spaces."""

    def __post_init__(self) -> None:
        for name in ("batch_size", "threads", "griffin_lim_iterations"):
            _require(
                getattr(self, name) >= 1, f"inference.{name}", getattr(self, name), "it must be at least 1"
            )
        _require(
            self.max_characters >= 20,
            "inference.max_characters",
            self.max_characters,
            "it must be at least 20",
        )


@dataclass(frozen=True)
class Settings:
    """All sections of one resolved configuration."""

    audio: AudioConfig = field(default_factory=AudioConfig)
    """Waveform to mel."""
    model: ModelConfig = field(default_factory=FastSpeech2Config)
    """Sizes of the model; which fields there are depends on the model type."""
    data: DataConfig = field(default_factory=DataConfig)
    """Dataset of an acoustic model."""
    segments: SegmentConfig = field(default_factory=SegmentConfig)
    """Dataset of a vocoder."""
    adversarial: AdversarialConfig = field(default_factory=AdversarialConfig)
    """Discriminator of a source-filter vocoder."""
    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    """Teacher of an acoustic model."""
    training: TrainingConfig = field(default_factory=TrainingConfig)
    """Training run."""
    inference: InferenceConfig = field(default_factory=InferenceConfig)
    """Synthesis."""
