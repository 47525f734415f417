"""Typed settings: frozen dataclasses, one line of documentation per field. Defaults are the default voice's."""

from __future__ import annotations

from dataclasses import dataclass, field

from kalakan.config.acoustic_models import (
    AlignerConfig,
    FastSpeech2Config,
    RecognizerConfig,
    Tacotron2Config,
)
from kalakan.config.audio import AudioConfig
from kalakan.config.rules import require_at_least, require_at_most
from kalakan.config.training import (
    AdversarialConfig,
    DataConfig,
    DistillationConfig,
    RecognitionConfig,
    SegmentConfig,
    TrainingConfig,
)
from kalakan.config.vocoders import HarmonicNoiseConfig, HifiGanConfig, MelGanConfig

__all__ = [
    "MODEL_CONFIGS",
    "MODEL_SECTIONS",
    "SPEAKING_SETTINGS",
    "AdversarialConfig",
    "AlignerConfig",
    "AudioConfig",
    "DataConfig",
    "DistillationConfig",
    "FastSpeech2Config",
    "HarmonicNoiseConfig",
    "HifiGanConfig",
    "InferenceConfig",
    "MelGanConfig",
    "ModelConfig",
    "RecognitionConfig",
    "RecognizerConfig",
    "SegmentConfig",
    "Settings",
    "Tacotron2Config",
    "TrainingConfig",
]


ModelConfig = (
    FastSpeech2Config
    | Tacotron2Config
    | HarmonicNoiseConfig
    | HifiGanConfig
    | MelGanConfig
    | AlignerConfig
    | RecognizerConfig
)
MODEL_SECTIONS: dict[str, tuple[type[ModelConfig], ...]] = {
    "acoustic": (FastSpeech2Config, Tacotron2Config),
    "vocoder": (HarmonicNoiseConfig, HifiGanConfig, MelGanConfig),
}
"""Sections of a synthesizer's settings that name one of its two models, and what that model's settings may be."""
MODEL_CONFIGS: tuple[type[ModelConfig], ...] = (
    *MODEL_SECTIONS["acoustic"],
    *MODEL_SECTIONS["vocoder"],
    AlignerConfig,
    RecognizerConfig,
)
"""What `Settings.model` may be."""
SPEAKING_SETTINGS: dict[type[ModelConfig], tuple[str, ...]] = {
    HarmonicNoiseConfig: ("noise_cut", "noise_cut_below", "noise_cut_from"),
    Tacotron2Config: (
        "prenet_dropout",
        "window_back",
        "window_ahead",
        "stop_threshold",
        "max_frames_per_phoneme",
    ),
}
"""Settings that apply at inference and need no other weights; all others are fixed by training."""


@dataclass(frozen=True)
class InferenceConfig:
    """How a voice is run."""

    batch_size: int = 8
    """Default maximum batch size, in sentences, on a GPU; a CPU runs one sentence after the other."""
    mixed_precision: bool = False
    """Torch engine: autocast (fp16 on CUDA, bf16 on the CPU). The onnx engine rejects it."""
    quantize: bool = False
    """Large products in 8 bits. Torch engine on a CPU: linear and recurrent layers are quantized when they are loaded.
    The onnx engine follows its graphs, and rejects this setting for graphs that compute in floats."""
    low_memory: bool = False
    """Keeps one model in memory at a time: acoustic model and vocoder are loaded in turn for each batch of sentences,
    and streams advance sentence by sentence."""
    cuda_graphs: bool = True
    """Torch engine on a GPU: HiFi-GAN and MelGAN replay a CUDA graph for each length of a single sentence. False
    saves the memory of up to 32 graphs."""
    threads: int = 1
    """CPU threads per request; on a server one thread per request and parallel requests are fastest."""
    griffin_lim_iterations: int = 32
    """Iterations when the vocoder is Griffin-Lim."""
    max_characters: int = 300
    """Longest input of one forward pass, in phoneme units (about one per character); a longer sentence
    is split at pauses, otherwise at spaces."""

    def __post_init__(self) -> None:
        require_at_least(self, "inference", ("batch_size", "threads", "griffin_lim_iterations"), 1)
        require_at_least(self, "inference", ("max_characters",), 20)
        require_at_most(self, "inference", ("threads",), 256)
        require_at_most(self, "inference", ("batch_size", "griffin_lim_iterations", "max_characters"), 10_000)


@dataclass(frozen=True)
class Settings:
    """All sections of one resolved configuration."""

    audio: AudioConfig = field(default_factory=AudioConfig)
    """The mel spectrogram."""
    model: ModelConfig = field(default_factory=FastSpeech2Config)
    """Sizes of the model; the fields depend on the model type."""
    data: DataConfig = field(default_factory=DataConfig)
    """Dataset of an acoustic model."""
    segments: SegmentConfig = field(default_factory=SegmentConfig)
    """Dataset of a vocoder."""
    recognition: RecognitionConfig = field(default_factory=RecognitionConfig)
    """Dataset of a recognizer."""
    adversarial: AdversarialConfig = field(default_factory=AdversarialConfig)
    """Discriminator of a source-filter vocoder."""
    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    """Teacher of an acoustic model."""
    training: TrainingConfig = field(default_factory=TrainingConfig)
    """Training run."""
    inference: InferenceConfig = field(default_factory=InferenceConfig)
    """Synthesis."""
