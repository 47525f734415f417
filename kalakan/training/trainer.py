"""The only training loop: the Trainer runs the steps, a `Task` defines them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kalakan.config.schema import Settings
from kalakan.errors import TrainingError
from kalakan.models import registry
from kalakan.models.devices import check_device
from kalakan.storage import lock_file
from kalakan.training.checkpoint import LAST
from kalakan.training.distributed import Place, joined
from kalakan.training.run import Run
from kalakan.training.stop_signals import stop_on_signal
from kalakan.training.tasks.acoustic import AcousticTask
from kalakan.training.tasks.aligner import AlignerTask
from kalakan.training.tasks.contract import Task
from kalakan.training.tasks.distillation import DistillationTask
from kalakan.training.tasks.gan_vocoder import GanVocoderTask
from kalakan.training.tasks.recognizer import RecognizerTask
from kalakan.training.tasks.tacotron2 import Tacotron2Task
from kalakan.training.tasks.vocoder import VocoderTask
from kalakan.training.warm_start import with_sizes_of
from kalakan.utils.config import Config

TASKS: dict[str, Callable[[str, Settings], Task]] = {
    "acoustic": AcousticTask,
    "aligner": AlignerTask,
    "gan_vocoder": GanVocoderTask,
    "recognizer": RecognizerTask,
    "tacotron2": Tacotron2Task,
    "vocoder": VocoderTask,
}


class Trainer:
    """Trains one model type.

    `model_type` is a name of `kalakan.models.registry`, `config` overrides the settings (sections `audio`,
    `model`, `data`, `training` and those of its task), `device` is a torch device. `teacher` is a voice whose
    acoustic model is distilled into a FastSpeech2 along with the recordings (section `distillation`).
    """

    def __init__(
        self,
        model_type: str,
        config: Config | Mapping[str, Any] | str | None = None,
        device: str = "cpu",
        *,
        teacher: str | Path | None = None,
    ) -> None:
        entry = registry.entry(model_type)
        if entry.task is None:
            raise TrainingError(f"model type {model_type!r} has no weights to train")
        self.model_type = model_type
        self.settings = Config(config).settings(registry.training_settings(model_type))
        self.device = check_device(device)
        self.teacher = teacher
        self.task: Task = self._task(entry.task)

    def _task(self, name: str) -> Task:
        teacher = self.teacher
        if teacher is None:
            return TASKS[name](self.model_type, self.settings)
        if name != "acoustic":
            raise TrainingError(
                f"model type {self.model_type!r} learns from no teacher; fastspeech2 types do"
            )
        return DistillationTask(self.model_type, self.settings, teacher)

    def train(
        self,
        data_dir: str | Path,
        output_dir: str | Path,
        *,
        features: str | Path | None = None,
        resume: bool = True,
        start_from: str | Path | None = None,
        place: Place | None = None,
        profile: bool = False,
        quiet: bool = False,
        on_signal: Callable[[int], object] | None = None,
    ) -> Path:
        """Trains until `training.max_steps`, `max_minutes`, `patience` or a signal; returns the product.

        The product is a voice folder, or a vocoder's `.pt` file. It is written to `output_dir`, with `config.json`,
        `metrics.jsonl`, TensorBoard logs, pictures, `last.pt` and `best.pt`. A run found there is resumed exactly
        where it stopped unless `resume` is false. `start_from` is a checkpoint or voice folder whose weights
        initialize a new run; `started_from.json` names the tensors that did not match. Its numbers of inner
        channels, fewer in a pruned voice, replace the usual ones of the model type.
        `features` (default `output_dir/features`) caches mels, F0 and a vocoder's audio. Damaged data is skipped with
        a `DamagedDataWarning` at the end, and with the reasons in `left_out.json`; too much of it
        (`training.max_damaged`) raises `DataError`.
        `place` (default: from torchrun, else a single process) is the rank of this process among several with the
        same folders: `batch_size` is then per process, and the first one writes the output.
        `profile` reports at the end how long the steps waited for data. `on_signal` is called with the number of the
        signal (Ctrl-C, SIGTERM or SIGHUP) that stopped the run, after its checkpoint is written.
        """
        output = Path(output_dir)
        output.mkdir(parents=True, exist_ok=True)
        cache = Path(features) if features else output / "features"
        where = place or Place.of_launcher() or Place()
        if start_from is not None:
            is_resumed = resume and (output / LAST).is_file()
            self._adopt_sizes(output / LAST if is_resumed else Path(start_from))
        with _claimed(output, where), joined(where, self.device) as group:
            run = Run(self.model_type, self.task, self.settings, output, group, quiet)
            run.prepare(Path(data_dir), cache, resume, start_from)
            try:
                with stop_on_signal() as stop:
                    run.loop(stop)
            finally:
                run.close()
            if on_signal and stop.by is not None:
                on_signal(stop.by)
            if profile and group.is_first:
                run.progress.answer(run.profile.report())
            product: Path = group.collect(run.finish() if group.is_first else None)[0]
            return product

    def _adopt_sizes(self, source: Path) -> None:
        """Makes the task anew if the model of `source` has other numbers of inner channels than usual."""
        settings = with_sizes_of(self.settings, self.model_type, source)
        if settings != self.settings:
            self.settings = settings
            name = registry.entry(self.model_type).task
            assert name is not None, "the constructor refuses models without a task"
            self.task = self._task(name)


@contextmanager
def _claimed(output: Path, place: Place) -> Iterator[None]:
    """Locks the run folder.

    Raises `TrainingError` while another process is training there.
    """
    if place.rank:  # the first one writes
        yield
        return
    lock = lock_file(output / ".lock")
    if lock is None:
        raise TrainingError(
            f"{output}: another process trains here now; wait for it, or choose another folder"
        )
    with lock:
        yield
