"""Blocks of the guide's chapters Training Optimization and Model Optimization, with tiny models."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F
from click.testing import CliRunner
from torch.nn.parallel import DistributedDataParallel as DDP
from torch.nn.utils import prune
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

from kalakan.cli.export import command as kalakan_export
from kalakan.cli.train import command as kalakan_train
from kalakan.data.dataset import TwiDataset
from kalakan.errors import ExportError, StopTokenWarning, UntrainedModelWarning
from kalakan.models import registry
from kalakan.models.acoustic.fastspeech2 import Prediction
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.text.twi_g2p import TwiG2P
from kalakan.training.checkpoint import load_checkpoint
from kalakan.training.trainer import Trainer
from kalakan.utils.config import Config
from kalakan.voices.package import load_voice
from tiny_corpus import make_corpus

TACOTRON2 = {
    "encoder_width": 16,
    "attention_width": 8,
    "location_filters": 4,
    "prenet_width": 8,
    "decoder_width": 16,
    "postnet_width": 16,
    "frames_per_step": 4,
}
FASTSPEECH2 = {"encoder_layers": 1, "decoder_layers": 1, "predictor_layers": 1, "predictor_width": 8}
ONE_STEP = {"max_steps": 1, "validate_every": 1, "picture_every": 1, "validation_utterances": 1}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def dataset(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TwiDataset:
    monkeypatch.chdir(tmp_path)  # features are cached in the current directory
    return TwiDataset(str(corpus))


def speech(name: str, width: int) -> nn.Module:
    """An untrained acoustic model of the registry, its blocks few."""
    changes = {**FASTSPEECH2, "encoder_width": width, "encoder_filter": width, "decoder_filter": width}
    return registry.create_acoustic(name, speakers=("akosua", "kwame"), **changes)


def predict(model: nn.Module, batch: dict[str, torch.Tensor]) -> Prediction:
    """What a model says with the durations, pitch and energy of the recordings."""
    return model(*(batch[key] for key in ("phonemes", "durations", "pitch", "energy", "speaker")))


def mel_of(model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """The log-mel [B, M, T] of it."""
    return predict(model, batch).mel


def test_mixed_precision_training(corpus: Path, tmp_path: Path, device: str) -> None:
    config = Config({"training": {"mixed_precision": True}})
    trainer = Trainer(model_type="tacotron2", config=config, device=device)
    assert trainer.settings.training.mixed_precision
    config = Config({"model": TACOTRON2, "training": {**config.to_dict()["training"], **ONE_STEP}})
    trainer = Trainer(model_type="tacotron2", config=config, device=device)
    voice = trainer.train(data_dir=str(corpus), output_dir=str(tmp_path / "run"))
    assert load_voice(voice).manifest.training["steps"] == 1


def test_gradient_accumulation(corpus: Path, tmp_path: Path) -> None:
    config = {"batch_size": 8, "grad_accumulation_steps": 4}  # effective batch size: 8 * 4 = 32
    trainer = Trainer(model_type="tacotron2", config=Config({"training": config}), device="cpu")
    assert (trainer.settings.training.batch_size, trainer.settings.training.grad_accumulation_steps) == (8, 4)
    small = Config({"model": TACOTRON2, "training": {**config, **ONE_STEP}})
    trainer = Trainer(model_type="tacotron2", config=small, device="cpu")
    sizes = []
    phases = trainer.task.phases

    def watch(modules: Any, batch: Any, step: int) -> Any:
        sizes.append(len(batch["phonemes"]))
        return phases(modules, batch, step)

    trainer.task.phases = watch  # type: ignore[method-assign]
    trainer.train(data_dir=str(corpus), output_dir=str(tmp_path / "run"))
    assert sizes == [8, 1] or sizes == [1, 8]  # the nine utterances there are, in one step


def test_distributed_command_line(corpus: Path, tmp_path: Path) -> None:
    arguments = [
        "--model-type",
        "tacotron2",
        "--data-dir",
        str(corpus),
        "--output-dir",
        str(tmp_path / "run"),
    ]
    arguments += ["--distributed", "--world-size", "1", "--rank", "0"]
    settings = {**{f"model.{key}": value for key, value in TACOTRON2.items()}}
    settings |= {f"training.{key}": value for key, value in ONE_STEP.items()}
    for key, value in settings.items():
        arguments += ["--set", f"{key}={value}"]
    result = CliRunner().invoke(kalakan_train, [*arguments, "-q"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert load_checkpoint(tmp_path / "run" / "last.pt")["position"]["step"] == 1


# A convolution of one channel has gradients of another stride; torch says that it costs a copy.
@pytest.mark.filterwarnings("ignore:Grad strides do not match bucket view strides")
def test_manual_distributed_training(dataset: TwiDataset, tmp_path: Path) -> None:
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    try:
        model = DDP(speech("fastspeech2_small", 16))
        optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
        sampler = DistributedSampler(dataset, num_replicas=1, rank=0)
        loader = DataLoader(dataset, batch_size=3, sampler=sampler)
        before = [value.detach().clone() for value in model.parameters()]
        for epoch in range(2):
            sampler.set_epoch(epoch)
            for batch in loader:
                made = predict(model, batch)
                loss = F.mse_loss(made.mel, batch["mel"])
                for other in made[1:]:  # DDP wants every output to count
                    loss = loss + 0.1 * other.square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        moved = [not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True)]
        assert sum(moved) > 0.5 * len(moved)
    finally:
        dist.destroy_process_group()


def test_efficient_data_loading(dataset: TwiDataset) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*pin_memory.*")  # without a GPU there is nothing to pin for
        dataloader = DataLoader(
            dataset,
            batch_size=4,
            shuffle=True,
            num_workers=2,
            pin_memory=True,
            prefetch_factor=2,
            persistent_workers=True,
        )
        for _ in range(2):
            sizes = [len(batch["phonemes"]) for batch in dataloader]
            assert sum(sizes) == len(dataset)


def test_mixed_precision_by_hand(dataset: TwiDataset, device: str) -> None:
    # Initialize model, optimizer, etc.
    model = speech("fastspeech2_small", 16).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    kind = device.partition(":")[0]
    scaler = torch.amp.GradScaler(kind)
    before = [value.detach().clone() for value in model.parameters()]

    # Training loop with mixed precision
    for _epoch in range(2):
        for batch in DataLoader(dataset, batch_size=3):
            batch = {name: value.to(device) for name, value in batch.items()}
            # Forward pass with autocast
            with torch.amp.autocast(kind):
                output = mel_of(model, batch)
                loss = F.l1_loss(output, batch["mel"])

            # Backward pass with scaled gradients
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()

    moved = [not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True)]
    assert sum(moved) > 0.5 * len(moved)


def test_gradient_accumulation_by_hand(dataset: TwiDataset) -> None:
    # Initialize model, optimizer, etc.
    model = speech("fastspeech2_small", 16)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    accumulation_steps = 4
    dataloader, updates = DataLoader(dataset, batch_size=2), 0

    # Training loop with gradient accumulation
    for i, batch in enumerate(dataloader):
        # Forward pass
        output = mel_of(model, batch)
        loss = F.l1_loss(output, batch["mel"]) / accumulation_steps  # Scale loss

        # Backward pass
        loss.backward()

        # Update weights after accumulation_steps
        if (i + 1) % accumulation_steps == 0 or (i + 1) == len(dataloader):
            optimizer.step()
            optimizer.zero_grad()
            updates += 1
    assert updates == 2  # five batches: four of them, then the last


@pytest.mark.parametrize(
    ("acoustic", "vocoder"),
    [
        ("tacotron2", "hifigan"),
        ("fastspeech2", "melgan"),
        ("fastspeech2", "griffin_lim"),
        ("fastspeech2_small", "harmonic_noise"),
        ("fastspeech2_small", "hifigan_v2"),
        ("fastspeech2_small", "hifigan_v3"),
    ],
)
def test_pruning_of_every_model(acoustic: str, vocoder: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UntrainedModelWarning)
        synthesizer = Synthesizer(acoustic_model_type=acoustic, vocoder_type=vocoder, device="cpu")
    pruned: list[nn.Module] = []

    def prune_model(model: nn.Module, pruning_rate: float = 0.3) -> nn.Module:
        for _, module in model.named_modules():
            if isinstance(module, (nn.Conv1d, nn.Conv2d)):
                prune.l1_unstructured(module, name="weight", amount=pruning_rate)
                prune.remove(module, "weight")
                pruned.append(module)
        return model

    for model in (synthesizer.acoustic_model, synthesizer.vocoder):
        pruned.clear()
        torch.save(prune_model(model).state_dict(), tmp_path / "pruned.pt")
        model.load_state_dict(torch.load(tmp_path / "pruned.pt"))
        assert pruned or vocoder == "griffin_lim"
        for module in pruned:
            share = float((module.weight == 0).float().mean())
            assert share == pytest.approx(0.3, abs=0.01 + 1 / module.weight.numel())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StopTokenWarning)  # without weights it stops anywhere
        mel, _ = synthesizer.acoustic_model.inference(torch.tensor([[1, 29]]))
    audio = synthesizer.vocoder.inference(mel[:, :, :8])
    assert audio.shape[0] == 1 and bool(torch.isfinite(audio).all())


def test_knowledge_distillation(dataset: TwiDataset, tmp_path: Path) -> None:
    teacher_model = speech("fastspeech2", 32)
    torch.save(teacher_model.state_dict(), tmp_path / "teacher_model.pt")
    teacher_model.load_state_dict(torch.load(tmp_path / "teacher_model.pt"))
    teacher_model.eval()
    student_model = speech("fastspeech2_small", 16)
    task_loss, distillation_loss = nn.MSELoss(), nn.KLDivLoss(reduction="batchmean")
    optimizer = torch.optim.Adam(student_model.parameters(), lr=0.005)
    temperature, alpha, losses = 2.0, 0.5, []
    for _ in range(4):
        for batch in DataLoader(dataset, batch_size=9):
            with torch.no_grad():
                teacher_output = mel_of(teacher_model, batch)
            student_output = mel_of(student_model, batch)
            distill_loss_value = distillation_loss(
                F.log_softmax(student_output / temperature, dim=1),
                F.softmax(teacher_output / temperature, dim=1),
            ) * (temperature**2)
            loss = alpha * task_loss(student_output, batch["mel"]) + (1 - alpha) * distill_loss_value
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("format", ["onnx", "torchscript", "tensorrt"])
def test_model_export(models: Any, tmp_path: Path, format: str) -> None:
    arguments = ["--acoustic-model", models.acoustic, "--vocoder", models.vocoder]
    arguments += ["--output-dir", str(tmp_path), "--format", format]
    if format == "tensorrt":
        with pytest.raises(
            ExportError, match="double precision, which TensorRT lacks; give a hifigan or melgan"
        ):
            CliRunner().invoke(kalakan_export, arguments, catch_exceptions=False)
        return
    result = CliRunner().invoke(kalakan_export, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    names = {Path(line).stem.removesuffix("_scripted") for line in result.stdout.splitlines()}
    assert names == {"acoustic_model", "vocoder"}
    assert all(Path(line).stat().st_size > 0 for line in result.stdout.splitlines())


def test_use_of_exported_models(models: Any, tmp_path: Path, text: str) -> None:
    import onnxruntime as ort

    arguments = ["--acoustic-model", models.acoustic, "--vocoder", models.vocoder]
    CliRunner().invoke(kalakan_export, [*arguments, "--output-dir", str(tmp_path)], catch_exceptions=False)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    g2p = TwiG2P()

    # Create ONNX inference session
    acoustic_session = ort.InferenceSession(str(tmp_path / "acoustic_model.onnx"), options)
    vocoder_session = ort.InferenceSession(str(tmp_path / "vocoder.onnx"), options)

    # Run inference
    def onnx_inference(text: str) -> np.ndarray:
        # Process text to phonemes
        phoneme_sequence = g2p.text_to_phoneme_sequence(text)
        phonemes = np.array([phoneme_sequence], dtype=np.int64)

        # Run acoustic model
        mel = acoustic_session.run(["mel_output"], {"phonemes": phonemes})[0]

        # Run vocoder
        audio = vocoder_session.run(["audio_output"], {"mel_input": mel})[0]

        return audio[0]

    audio = onnx_inference(text)
    assert audio.ndim == 1 and audio.size > 0
    assert np.isfinite(audio).all()
