"""Settings of a training run: its datasets, its steps, and training signals other than the recordings."""

from __future__ import annotations

from dataclasses import dataclass

from kalakan.config.rules import MOST_SIZE, require, require_at_least, require_at_most, require_chance


@dataclass(frozen=True)
class DataConfig:
    """Preprocessing and augmentation of the utterances of an acoustic dataset."""

    substitution_rate: float = 0.04
    """Probability that a unit with a rarer neighbor (a for ã, `,` for `;`) is replaced by that neighbor,
    so that no row of the phoneme table stays untrained."""
    bos_rate: float = 0.8
    """Probability that an utterance keeps 50 ms of its leading silence as a `<bos>` unit."""
    tone_drop_rate: float = 0.25
    """Probability that a tone-marked utterance loses the marks of a run of words, as in partly marked text."""
    tones: str = "written"
    """Tones of transcripts without marks: "written" leaves them out; "predicted" takes those that the text core
    predicts, so that the voice learns them."""
    contradicted_weight: float = 0.25
    """Weight in the pitch loss of frames where the recording's F0 moves against predicted tones; 1 trusts them all."""
    skip_doubtful: bool = False
    """Whether to leave out utterances whose durations `kalakan align` flagged as doubtful."""
    longest_silence_ms: float = 0.0
    """Training leaves out utterances with a longer silence inside, outside of pauses; 0 keeps all. 100 is shorter than
    any audible one."""
    quietest_nasal_db: float = 0.0
    """Training leaves out utterances with a syllabic nasal below this level relative to the loud frames, as -25; 0
    keeps all."""
    speakers: tuple[str, ...] = ()
    """All speakers of the corpus in the order of the voice's, the default speaker first; empty: by name."""

    def __post_init__(self) -> None:
        require(
            self.tones in ("written", "predicted"),
            "data.tones",
            self.tones,
            "choose 'written' or 'predicted'",
        )
        require(
            0 <= self.longest_silence_ms <= 10_000,
            "data.longest_silence_ms",
            self.longest_silence_ms,
            "it must lie in [0, 10000]",
        )
        require(
            -100 <= self.quietest_nasal_db <= 0,
            "data.quietest_nasal_db",
            self.quietest_nasal_db,
            "it must lie in [-100, 0]",
        )
        for name in ("substitution_rate", "bos_rate", "tone_drop_rate", "contradicted_weight"):
            require(
                0 <= getattr(self, name) <= 1, f"data.{name}", getattr(self, name), "it must lie in [0, 1]"
            )


@dataclass(frozen=True)
class SegmentConfig:
    """Segments of recordings that a vocoder is trained on."""

    frames: int = 64
    """Mel frames of a training segment."""
    validation_frames: int = 160
    """Mel frames of a validation segment."""
    predicted: str = ""
    """Folder of an acoustic model's mels (`<id>.npy`, [M, T]) to use instead of the recordings'; empty: none."""

    def __post_init__(self) -> None:
        require_at_least(self, "segments", ("frames", "validation_frames"), 16)
        require_at_most(self, "segments", ("frames", "validation_frames"), MOST_SIZE)


@dataclass(frozen=True)
class RecognitionConfig:
    """Recordings that a phone recognizer is trained on."""

    corpora: tuple[str, ...] = ()
    """Further corpus folders, whose training and validation splits are added to those of the corpus."""
    distortion_rate: float = 0.9
    """Probability of each kind of distortion being considered for a training utterance; 0 trains on the recordings as
    they are. See `kalakan.data.distortion`."""

    def __post_init__(self) -> None:
        require(
            0 <= self.distortion_rate <= 1,
            "recognition.distortion_rate",
            self.distortion_rate,
            "it must lie in [0, 1]",
        )


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
    """Wall-clock limit of this call in minutes; 0 means none. The run saves a checkpoint and stops."""
    learning_rate: float = 1e-3
    """Peak learning rate of AdamW."""
    warmup_steps: int = 500
    """Steps of linear warm-up."""
    decay_fraction: float = 0.3
    """Last fraction of max_steps over which the learning rate falls linearly to zero."""
    weight_decay: float = 0.01
    """AdamW weight decay."""
    grad_clip: float = 1.0
    """Largest global gradient norm; larger ones are clipped."""
    ema_decay: float = 0.999
    """Exponential moving average of the weights, used for validation and the voice; 0 turns it off."""
    mixed_precision: bool = False
    """Autocast: fp16 with a gradient scaler on CUDA, bf16 on the CPU."""
    gradient_checkpointing: bool = False
    """Gradient checkpointing: recompute a model's blocks in the backward pass; less memory, more time."""
    speaker_balance: float = 0.0
    """Speaker balance: 0 draws every utterance once per epoch; 1 draws all speakers equally often, so that one with
    few recordings is not underrepresented; values in between interpolate."""
    workers: int = 0
    """Processes that compute features before the first step and prepare batches during a step; 0 leaves both to
    the main process. Features and batches are the same."""
    seed: int = 1234
    """Seed of weights, order and augmentation."""
    log_every: int = 20
    """Steps between lines of metrics.jsonl."""
    validate_every: int = 500
    """Steps between validations."""
    checkpoint_every: int = 500
    """Steps between checkpoints."""
    picture_every: int = 1000
    """Steps between plots of mel and pitch."""
    validation_utterances: int = 64
    """Maximum number of utterances per validation."""
    patience: int = 0
    """Early stopping: validations without improvement before the run stops; 0 turns it off."""
    product: str = "best"
    """Weights that a run exports: "best" by validation score, or "last" where the score is not the objective."""
    max_nonfinite: int = 20
    """Consecutive batches with a non-finite loss before the run stops."""
    max_damaged: float = 0.25
    """Fraction of the utterances that may be damaged and skipped before the run stops."""

    def __post_init__(self) -> None:
        rhythms = ("log_every", "validate_every", "checkpoint_every", "picture_every")
        counts = (
            "batch_size",
            "grad_accumulation_steps",
            "max_steps",
            "validation_utterances",
            "max_nonfinite",
        )
        require_at_least(self, "training", (*rhythms, *counts), 1)
        zeros = ("max_minutes", "warmup_steps", "weight_decay", "patience", "workers")
        require_at_least(self, "training", zeros, 0)
        sizes = ("batch_size", "grad_accumulation_steps", "max_nonfinite")
        require_at_most(self, "training", sizes, MOST_SIZE)
        require_at_most(self, "training", ("workers",), 256)
        require_chance(self, "training", ("max_damaged", "ema_decay"))
        require(
            0 <= self.speaker_balance <= 1,
            "training.speaker_balance",
            self.speaker_balance,
            "it must lie in [0, 1]",
        )
        require(self.product in ("best", "last"), "training.product", self.product, "choose 'best' or 'last'")
        require(self.learning_rate > 0, "training.learning_rate", self.learning_rate, "it must be above 0")
        require(self.grad_clip > 0, "training.grad_clip", self.grad_clip, "it must be above 0")
        require(
            0 <= self.decay_fraction <= 1,
            "training.decay_fraction",
            self.decay_fraction,
            "it must lie in [0, 1]",
        )


@dataclass(frozen=True)
class AdversarialConfig:
    """A discriminator in addition to the spectral losses of a source-filter vocoder.

    See `kalakan.training.losses.adversarial`.
    """

    weight: float = 0.0
    """Weight of the adversarial loss in the vocoder's loss; 0 trains without a discriminator."""
    feature_weight: float = 2.0
    """Weight of the feature-matching loss: distance of the discriminator's features of recording and output."""
    start_step: int = 0
    """Steps in which only the discriminator is trained, on the vocoder's output."""
    channels: int = 16
    """Channels of the discriminator's first layers."""

    def __post_init__(self) -> None:
        require_at_least(self, "adversarial", ("weight", "feature_weight", "start_step"), 0)
        require_at_least(self, "adversarial", ("channels",), 1)
        require_at_most(self, "adversarial", ("channels",), MOST_SIZE)


@dataclass(frozen=True)
class DistillationConfig:
    """Distillation of an acoustic model from a teacher; applies to runs with `--teacher`."""

    alpha: float = 0.5
    """Weight of the recordings' loss; the teacher's has 1 - alpha."""
    temperature: float = 2.0
    """Divides both log-mels before the softmax over bands: above 1, quiet bands get more weight."""

    def __post_init__(self) -> None:
        require(0 <= self.alpha <= 1, "distillation.alpha", self.alpha, "it must lie in [0, 1]")
        require(self.temperature > 0, "distillation.temperature", self.temperature, "it must be above 0")
