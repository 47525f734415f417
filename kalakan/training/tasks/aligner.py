"""Training of the aligner on recordings and transcripts, without time labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kalakan.config.resolve import to_dict
from kalakan.config.schema import AlignerConfig, Settings
from kalakan.data.alignment import AlignmentDataset
from kalakan.data.collate import Batch, collate
from kalakan.models.aligner import Aligner
from kalakan.models.lattice import posteriors
from kalakan.models.layers.masking import length_mask
from kalakan.training.tasks.contract import BatchSource, Phase
from kalakan.training.tasks.fit_sizes import fitted
from kalakan.training.tasks.flat_start import Example, learn_gaussians
from kalakan.training.tasks.pictures import draw_alignment
from kalakan.voices.manifest import ModelRecord
from kalakan.voices.weights import save_pt

FLAT_START_UTTERANCES = 400
"""Utterances that the Gaussians are fitted to; more give little benefit."""
BLEND = 0.5
"""Weight of the Gaussians relative to the classifier, after the phase in which it learns from them alone."""
PRODUCT = "aligner.pt"


class AlignerTask:
    """The task of the aligner: the forward-sum loss over all monotonic alignments."""

    product_modules: tuple[str, ...] = ("aligner",)

    def __init__(self, model_type: str, settings: Settings) -> None:
        self.model_type = model_type
        self.settings = settings
        self._train: AlignmentDataset | None = None

    def datasets(self, folder: Path, features: Path) -> tuple[BatchSource, BatchSource]:
        """All utterances except the test split; the validation split."""
        shared: dict[str, Any] = {"audio": self.settings.audio, "features": features}
        self._train = AlignmentDataset(folder, split="train", **shared)
        return self._train, AlignmentDataset(folder, split="validation", **shared)

    def build(self, settings: Settings) -> nn.ModuleDict:
        """An aligner with fitted Gaussians and an untrained classifier."""
        assert self._train is not None, "datasets() comes before build()"
        preset = cast(AlignerConfig, settings.model)
        model = Aligner(fitted(preset, n_mels=settings.audio.n_mels))
        random = np.random.default_rng(settings.training.seed)
        chosen = random.permutation(len(self._train))[:FLAT_START_UTTERANCES]
        examples = [self._example(int(index)) for index in chosen]
        means, variances = learn_gaussians(examples, model.config.n_phonemes)
        model.means.copy_(torch.from_numpy(means))
        model.variances.copy_(torch.from_numpy(variances))
        mel = np.concatenate([example.mel for example in examples], axis=1).astype(np.float64)
        model.mel_mean.copy_(torch.from_numpy(mel.mean(axis=1)))
        model.mel_std.copy_(torch.from_numpy(np.maximum(mel.std(axis=1), 0.1)))
        return nn.ModuleDict({"aligner": model})

    def collate(self, items: Sequence[dict[str, Tensor]]) -> Batch:
        """Collates items into one padded batch."""
        return collate(items, self.settings.audio.mel_floor)

    def phases(self, modules: nn.ModuleDict, batch: Batch, step: int) -> Iterator[Phase]:
        """One phase. The weight of the Gaussians decays over the first half of the run, then stays at `BLEND`."""
        blend = max(BLEND, 1.0 - step / self.settings.training.max_steps)
        loss, _ = self._forward_sum(modules, batch, blend, is_learning=True)
        yield Phase("aligner", {"forward_sum": loss})

    def sizes(self, modules: nn.ModuleDict, batch: Batch) -> dict[str, Tensor]:
        """Frames of the loss."""
        return {"forward_sum": batch["frames"].sum()}

    def validate(self, modules: nn.ModuleDict, batch: Batch) -> dict[str, float]:
        """The loss, and the alignment confidence: mean probability of a frame's most likely state."""
        loss, found = self._forward_sum(modules, batch, BLEND, is_learning=False)
        frames = int(batch["frames"].sum())
        return {
            "forward_sum": float(loss),
            "sureness": float(found.max(axis=2).sum()) / frames,
            "score": float(loss),
        }

    def pictures(self, modules: nn.ModuleDict, batch: Batch, folder: Path, step: int) -> list[Path]:
        """Plots mel and alignment of the first two utterances."""
        with torch.no_grad():
            _, found = self._forward_sum(modules, batch, BLEND, is_learning=False)
        paths = []
        for row in range(min(2, len(found))):
            frames, count = int(batch["frames"][row]), int(batch["count"][row])
            path = folder / f"step-{step:07d}-{row}.png"
            draw_alignment(path, batch["mel"][row, :, :frames].cpu().numpy(), found[row, :frames, :count].T)
            paths.append(path)
        return paths

    def sounds(self, modules: nn.ModuleDict, batch: Batch) -> list[NDArray[np.float32]]:
        """Empty: an aligner generates no audio."""
        return []

    def save_product(self, modules: nn.ModuleDict, folder: Path, training: dict[str, Any]) -> Path:
        """Writes and returns `folder/aligner.pt`."""
        path, model = folder / PRODUCT, cast(Aligner, modules["aligner"])
        save_pt(path, model, ModelRecord(self.model_type, to_dict(model.config)), self.settings.audio)
        return path

    def _forward_sum(
        self, modules: nn.ModuleDict, batch: Batch, blend: float, is_learning: bool
    ) -> tuple[Tensor, NDArray[np.float32]]:
        """Loss per frame, and the probability [B, T, N] of each state at each frame."""
        model = cast(Aligner, modules["aligner"])
        mask = length_mask(batch["frames"], batch["mel"].shape[2]).float()
        logs = model(batch["mel"], mask)
        if is_learning:
            model.count(logs.detach(), mask)
        found = self._posteriors(model, logs.detach(), batch, blend)
        states = batch["states"][:, None, :].expand(-1, logs.shape[1], -1)
        weights = torch.from_numpy(found).to(logs.device)
        # The gradient of the forward-sum loss is given by these weights: -sum(w * log p) has the same gradient.
        return -(weights * logs.gather(2, states)).sum() / mask.sum(), found

    def _posteriors(self, model: Aligner, logs: Tensor, batch: Batch, blend: float) -> NDArray[np.float32]:
        frames, counts = batch["frames"].cpu().numpy(), batch["count"].cpu().numpy()
        states, optional = batch["states"].cpu().numpy(), batch["optional"].cpu().numpy() > 0
        mels = batch["mel"].cpu().numpy()
        scores = np.full((len(frames), logs.shape[1], states.shape[1]), -1e4)
        for row, (size, count) in enumerate(zip(frames, counts, strict=True)):
            scores[row, :size, :count] = model.state_scores(
                logs[row, :size], mels[row, :, :size], states[row, :count], blend
            )
        return posteriors(scores, optional, frames, counts)[0]

    def _example(self, index: int) -> Example:
        assert self._train is not None
        states = self._train.states(index)
        return Example(self._train.mel(index), states.ids, states.optional)
