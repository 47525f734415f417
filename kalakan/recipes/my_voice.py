"""The recipe `my_voice`: makes a voice from a folder of recordings by fine-tuning an existing voice."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kalakan.config.resolve import to_dict
from kalakan.config.schema import SegmentConfig
from kalakan.data.manifest import in_split, read_manifest
from kalakan.data.preparation.options import PrepareOptions
from kalakan.data.preparation.prepare import prepare
from kalakan.errors import TrainingError
from kalakan.evaluation.evaluate import evaluate
from kalakan.evaluation.page import write_page
from kalakan.evaluation.report import format_table
from kalakan.export.voice import add_onnx, add_vocoder
from kalakan.models import registry
from kalakan.recipes.card import license_text, model_card
from kalakan.recipes.plan import VoicePlan, merged
from kalakan.storage import real_path, replacing
from kalakan.training.align import SCORES, align
from kalakan.training.checkpoint import reached
from kalakan.training.predict import predict_mels
from kalakan.training.trainer import Trainer
from kalakan.utils.config import Config
from kalakan.voices.describe import describe
from kalakan.voices.manifest import ModelRecord
from kalakan.voices.package import MANIFEST, Voice, file_hash, load_voice

ACOUSTIC_TRAINING: dict[str, Any] = {
    "max_steps": 300,
    "batch_size": 8,
    "learning_rate": 5e-4,
    "warmup_steps": 30,
    "decay_fraction": 0.5,
    "validate_every": 50,
    "checkpoint_every": 50,
    "patience": 2,  # a few minutes of recordings are learned by heart after some hundred steps
    "picture_every": 100,
}
"""Settings for training the acoustic model."""
VOCODER_TRAINING: dict[str, Any] = {
    "max_steps": 300,
    "batch_size": 8,
    "learning_rate": 5e-4,
    "warmup_steps": 20,
    "decay_fraction": 0.5,
    "validate_every": 50,
    "checkpoint_every": 50,
    "patience": 2,  # a few minutes of recordings are learned by heart after some hundred steps
    "picture_every": 150,
}
"""Settings for training the vocoder."""
PREDICTED_SHARE = 0.5
"""Fraction of the utterances whose mel the acoustic model predicts for the vocoder."""
MEASURED = 20
"""Number of test sentences per speaker that are evaluated."""
HEARD = 6
"""Number of test sentences per speaker on the page."""
_FITTED = ("speakers", "n_phonemes", "n_mels", "steered_rows")
"""Sizes of an acoustic model that the corpus determines, or that training does not keep."""


@dataclass(frozen=True)
class Stages:
    """One call of the recipe."""

    recordings: Path
    """Folder of recordings, or a corpus."""
    output: Path
    """Folder of the run."""
    start: Voice
    """The voice that is fine-tuned."""
    plan: VoicePlan
    """The plan of the voice."""
    configs: Mapping[str, Config]
    """Settings of each run by name; optional."""
    device: str
    """Torch device."""
    features: Path
    """Where features are cached."""
    quiet: bool
    """Whether to hide progress bars."""
    on_signal: Callable[[int], object] | None
    """As for `Trainer.train`."""
    say: Callable[[str], object]
    """Called with a line about each stage."""
    signals: list[int] = field(default_factory=list)
    """Signals that stopped a run."""

    def run(self) -> Path | None:
        """The voice folder; None if a signal or `training.max_minutes` stopped a run."""
        manifest = self.start.manifest
        self.say("1/6 preparing the recordings")
        corpus = self._prepared()
        self.say("2/6 aligning text and audio")
        if not self._align(corpus):
            return None
        self.say(f"3/6 fine-tuning {manifest.acoustic.type}")
        acoustic = self._train("acoustic", corpus, manifest.acoustic, self._acoustic_settings())
        if acoustic is None:
            return None
        vocoder = None
        if registry.entry(manifest.vocoder.type).task is None:
            self.say(f"4/6 {manifest.vocoder.type} has no weights to train")
        else:
            self.say(f"4/6 fine-tuning {manifest.vocoder.type}")
            settings = self._vocoder_settings(corpus, acoustic)
            vocoder = self._train("vocoder", corpus, manifest.vocoder, settings)
            if vocoder is None:
                return None
        self.say("5/6 exporting")
        voice = self._exported(acoustic, vocoder, corpus)
        self.say("6/6 measuring")
        self._evaluate(voice, corpus)
        return voice.path

    def _config(self, run: str) -> dict[str, Any]:
        return self.configs[run].to_dict() if run in self.configs else {}

    def _prepared(self) -> Path:
        """The corpus: the given one, or one prepared from the recordings."""
        if (self.recordings / "meta.jsonl").is_file():
            return self.recordings
        speakers = self.plan.speakers
        workers = int(self._config("acoustic").get("training", {}).get("workers", 0))
        made = prepare(
            self.recordings,
            self.output / "corpus",
            speaker=speakers[0] if len(speakers) == 1 else None,
            options=PrepareOptions(sample_rate=self.start.manifest.audio.sample_rate),
            workers=max(1, workers),
        )
        self.say(
            f"{len(made.kept)} utterances, {made.seconds / 60:.1f} minutes, {len(made.left_out)} left out: "
            f"{made.folder / 'report.md'}"
        )
        return made.folder

    def _align(self, corpus: Path) -> bool:
        """Aligns utterances that have no durations and were not tried before; returns False if stopped."""
        scores = corpus / SCORES
        tried = _tried(scores)
        since = scores.stat().st_mtime if scores.is_file() else 0.0
        left = [
            item
            for item in read_manifest(corpus, {})
            if not item.is_aligned and (item.id not in tried or item.audio.stat().st_mtime > since)
        ]
        if not left:
            return True
        config = Config(merged(self._audio(), self._config("aligner")))
        try:
            made = align(
                corpus,
                config=config,
                features=self.features,
                device=self.device,
                quiet=self.quiet,
                on_signal=self._note,
            )
        except TrainingError:
            if self.signals:  # the aligner has a checkpoint
                return False
            raise
        if made.doubtful:
            self.say(f"{len(made.doubtful)} alignments are doubtful: {scores}")
        return True

    def _audio(self) -> dict[str, Any]:
        return {"audio": to_dict(self.start.manifest.audio)}

    def _acoustic_settings(self) -> dict[str, Any]:
        manifest = self.start.manifest
        data: dict[str, Any] = {"tones": manifest.tones}
        if len(self.plan.speakers) > 1:
            data["speakers"] = list(self.plan.speakers)
        return {"data": data, "training": ACOUSTIC_TRAINING}

    def _vocoder_settings(self, corpus: Path, acoustic: Path) -> dict[str, Any]:
        predicted = self.output / "predicted"
        predict_mels(acoustic, corpus, predicted, features=self.features, share=PREDICTED_SHARE)
        segments = {"predicted": str(predicted), **self._segment_sizes(corpus)}
        return {"segments": segments, "training": VOCODER_TRAINING}

    def _segment_sizes(self, corpus: Path) -> dict[str, int]:
        """The usual lengths of segments, or those of the longest recordings of a split that has no longer ones."""
        usual, hop = SegmentConfig(), self.start.manifest.audio.hop_length
        items = read_manifest(corpus, {})
        longest = {
            split: max(
                (item.samples // hop for item in in_split(items, split)), default=usual.validation_frames
            )
            for split in ("train", "validation")
        }
        return {
            "frames": min(usual.frames, longest["train"]),
            "validation_frames": min(usual.validation_frames, longest["validation"]),
        }

    def _train(self, run: str, corpus: Path, record: ModelRecord, settings: dict[str, Any]) -> Path | None:
        """The product of a run that starts from the voice's model; None if it was stopped."""
        model = {key: value for key, value in record.config.items() if key not in _FITTED}
        given = merged({**self._audio(), "model": model}, settings)
        trainer = Trainer(record.type, merged(given, self._config(run)), self.device)
        folder = self.output / run
        product = trainer.train(
            corpus,
            folder,
            features=self.features,
            start_from=self.start.path,
            quiet=self.quiet,
            on_signal=self._note,
        )
        return product if reached(folder).is_done(trainer.settings.training) else None

    def _note(self, number: int) -> None:
        self.signals.append(number)
        if self.on_signal is not None:
            self.on_signal(number)

    def _exported(self, acoustic: Path, vocoder: Path | None, corpus: Path) -> Voice:
        """Writes `output/voice`, with both models also as ONNX files, and its description."""
        place = self.output / "voice"
        voice = add_onnx(acoustic, place, half_weights=True)
        if vocoder is not None:
            voice = add_vocoder(voice.path, vocoder, half_weights=True)
        name = self.plan.name or real_path(self.output).name
        files = {
            "LICENSE": license_text(self.plan),
            "MODEL_CARD.md": model_card(name, self.plan, voice.manifest, self.start.manifest, corpus),
        }
        for file, text in files.items():
            with replacing(self.output / file) as partial:
                partial.write_text(text, encoding="utf-8")
        return describe(
            voice,
            name=name,
            license_id=self.plan.license,
            license_file=self.output / "LICENSE",
            card=self.output / "MODEL_CARD.md",
        )

    def _evaluate(self, voice: Voice, corpus: Path) -> None:
        """Writes `output/evaluation` (report, plots and page) unless it already exists for this voice."""
        folder = self.output / "evaluation"
        if (
            _measured(folder / "report.json") != file_hash(voice.path / MANIFEST)
            or not (folder / "index.html").is_file()
        ):
            report = evaluate(voice, corpus, output=folder, limit=MEASURED, ask_mos=False)
            write_page(folder, voice, corpus, report, limit=HEARD)
            self.say(format_table(report).rstrip("\n"))
        self.say(f"listen: {folder / 'index.html'}")


def make_my_voice(
    recordings: str | Path,
    output_dir: str | Path,
    *,
    plan: VoicePlan | None = None,
    configs: Mapping[str, Config] | None = None,
    device: str = "cpu",
    features: str | Path | None = None,
    start_from: str | Path | None = None,
    quiet: bool = False,
    on_signal: Callable[[int], object] | None = None,
    say: Callable[[str], object] = lambda line: None,
) -> Path | None:
    """Makes a voice in `output_dir` from a folder of recordings. Returns None if stopped; the same call resumes.

    Prepares and aligns the recordings (a prepared, aligned corpus is used as is), fine-tunes the acoustic model and the
    vocoder of `start_from` (default: the voice that comes with the package), exports both, evaluates the voice on
    held-out recordings, and writes `evaluation/index.html`, which plays them next to the voice. `configs` are settings
    of the runs "aligner", "acoustic" and "vocoder" that override the recipe's. `say` is called with a line for each
    stage. Finished stages are kept; training resumes from its last checkpoint.
    """
    output = Path(output_dir)
    output.mkdir(parents=True, exist_ok=True)
    return Stages(
        Path(recordings),
        output,
        load_voice(start_from),
        plan or VoicePlan(),
        configs or {},
        device,
        Path(features) if features else output / "features",
        quiet,
        on_signal,
        say,
    ).run()


def _tried(scores: Path) -> set[str]:
    """Ids of the utterances that `align` has processed."""
    if not scores.is_file():
        return set()
    return {line.partition("\t")[0] for line in scores.read_text(encoding="utf-8").splitlines()[1:]}


def _measured(report: Path) -> str:
    """sha256 of the manifest of the voice that a report is about; "" without one."""
    try:
        return str(json.loads(report.read_text(encoding="utf-8"))["voice"]["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
