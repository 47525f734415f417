"""Blocks of the guide's chapter Advanced Optimization Techniques."""

from __future__ import annotations

import queue
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from kalakan.errors import ConfigError, KernelError, QuantizationWarning
from kalakan.models.vocoders.vocoder_cuda import load
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.text.twi_g2p import TwiG2P
from models.vocoders.generators import tiny


@pytest.fixture
def synthesizer(models: Any) -> Synthesizer:
    return Synthesizer(acoustic_model=models.acoustic, vocoder=models.vocoder, device="cpu")


def test_dynamic_quantization(synthesizer: Synthesizer, text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch moves quantization to another package
        # Apply dynamic quantization to acoustic model
        quantized_acoustic_model = torch.quantization.quantize_dynamic(
            synthesizer.acoustic_model,
            {torch.nn.Linear, torch.nn.Conv1d, torch.nn.LSTM},
            dtype=torch.qint8,
        )

        # Apply dynamic quantization to vocoder
        quantized_vocoder = torch.quantization.quantize_dynamic(
            synthesizer.vocoder,
            {torch.nn.Linear, torch.nn.Conv1d, torch.nn.ConvTranspose1d},
            dtype=torch.qint8,
        )

    # Replace models with quantized versions
    with pytest.warns(QuantizationWarning, match=r"quantized in part: .* Conv1d"):
        synthesizer.acoustic_model = quantized_acoustic_model
        synthesizer.vocoder = quantized_vocoder

    assert synthesizer.acoustic_model is quantized_acoustic_model
    assert any("quantized" in type(module).__module__ for module in quantized_acoustic_model.modules())
    assert bool(torch.isfinite(synthesizer.synthesize(text)).all())


class FusedModel(nn.Module):
    def __init__(self, acoustic_model: nn.Module, vocoder: nn.Module) -> None:
        super().__init__()
        self.acoustic_model = acoustic_model
        self.vocoder = vocoder

    def forward(self, phonemes: torch.Tensor) -> torch.Tensor:
        mel, _ = self.acoustic_model.inference(phonemes)
        audio = self.vocoder.inference(mel)
        return audio


def test_model_fusion(synthesizer: Synthesizer, text: str, tmp_path: Path) -> None:
    # Create fused model
    fused_model = FusedModel(synthesizer.acoustic_model, synthesizer.vocoder)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch recommends torch.export over scripting
        # Export fused model to TorchScript
        scripted_model = torch.jit.script(fused_model)
        torch.jit.save(scripted_model, str(tmp_path / "fused_model.pt"))

        # Use fused model
        loaded_model = torch.jit.load(str(tmp_path / "fused_model.pt"))
    phonemes = torch.tensor(synthesizer.g2p.text_to_phoneme_sequence(text), dtype=torch.long).unsqueeze(0)
    with torch.no_grad():
        audio = loaded_model(phonemes)
        torch.testing.assert_close(audio, fused_model(phonemes))


class OptimizedVocoder(nn.Module):
    """The guide's, with what its `vocoder_cuda` is here: `load` takes the vocoder in place of source files."""

    def __init__(self, original_vocoder: nn.Module) -> None:
        super().__init__()
        self.original_vocoder = original_vocoder
        self.vocoder_cuda = load(original_vocoder)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        # Use custom CUDA kernel for critical operations
        intermediate = self.vocoder_cuda.upsample(mel)
        return self.original_vocoder.post_process(intermediate)


def test_custom_cuda_kernels_without_a_gpu(models: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(KernelError, match=r"no CUDA device; vocoder.inference\(mel\) needs none"):
        OptimizedVocoder(tiny("hifigan"))
    griffin_lim = Synthesizer(acoustic_model=models.acoustic, device="cpu").vocoder
    with pytest.raises(ConfigError, match="GriffinLim does not upsample"):
        OptimizedVocoder(griffin_lim)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["hifigan", "hifigan_v3", "melgan"])
def test_custom_cuda_kernels(name: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    vocoder, mel = tiny(name).cuda(), torch.randn(2, 20, 63).cuda()
    audio = OptimizedVocoder(vocoder)(mel)
    torch.testing.assert_close(audio, vocoder.forward(mel), atol=2e-3, rtol=0)
    with pytest.raises(KernelError, match="the mel is on cpu and the vocoder on cuda:0"):
        OptimizedVocoder(vocoder)(mel.cpu())


class ParallelSynthesizer:
    """The guide's."""

    def __init__(self, acoustic_model: Any, vocoder: Any, device: str = "cuda:0") -> None:
        self.acoustic_model = acoustic_model.to(device)
        self.vocoder = vocoder.to(device)
        self.device = device
        self.g2p = TwiG2P()

        # Create queues for pipeline stages
        self.text_queue: queue.Queue[Any] = queue.Queue()
        self.phoneme_queue: queue.Queue[Any] = queue.Queue()
        self.mel_queue: queue.Queue[Any] = queue.Queue()
        self.audio_queue: queue.Queue[Any] = queue.Queue()

        # Start worker threads
        self.phoneme_thread = threading.Thread(target=self._phoneme_worker)
        self.mel_thread = threading.Thread(target=self._mel_worker)
        self.audio_thread = threading.Thread(target=self._audio_worker)

        self.phoneme_thread.daemon = True
        self.mel_thread.daemon = True
        self.audio_thread.daemon = True

        self.phoneme_thread.start()
        self.mel_thread.start()
        self.audio_thread.start()

    def _phoneme_worker(self) -> None:
        while True:
            text, request_id = self.text_queue.get()
            phoneme_sequence = self.g2p.text_to_phoneme_sequence(text)
            phonemes = torch.tensor(phoneme_sequence, dtype=torch.long).unsqueeze(0).to(self.device)
            self.phoneme_queue.put((phonemes, request_id))
            self.text_queue.task_done()

    def _mel_worker(self) -> None:
        while True:
            phonemes, request_id = self.phoneme_queue.get()
            with torch.no_grad():
                mel, _ = self.acoustic_model.inference(phonemes)
            self.mel_queue.put((mel, request_id))
            self.phoneme_queue.task_done()

    def _audio_worker(self) -> None:
        while True:
            mel, request_id = self.mel_queue.get()
            with torch.no_grad():
                audio = self.vocoder.inference(mel)
            self.audio_queue.put((audio.squeeze(0).cpu(), request_id))
            self.mel_queue.task_done()

    def synthesize_async(self, text: str, request_id: Any) -> None:
        self.text_queue.put((text, request_id))

    def get_result(self, timeout: float | None = None) -> tuple[Any, Any]:
        try:
            return self.audio_queue.get(timeout=timeout)
        except queue.Empty:
            return None, None


def results(service: Any, texts: list[str]) -> dict[int, torch.Tensor]:
    """The audio of every text, by its number; then there is none left."""
    for number, text in enumerate(texts):
        service.synthesize_async(text, number)
    found = {}
    for _ in texts:
        audio, request_id = service.get_result(timeout=120)
        found[request_id] = audio
    assert service.get_result(timeout=0.01) == (None, None)
    return found


def test_parallel_inference_pipeline(synthesizer: Synthesizer, device: str, text: str) -> None:
    texts = [text, "Yoo.", "Maakye, Kofi."]
    service = ParallelSynthesizer(synthesizer.acoustic_model, synthesizer.vocoder, device)
    found = results(service, texts)
    assert set(found) == {0, 1, 2}
    assert all(audio.dim() == 1 and len(audio) > 0 for audio in found.values())


def test_the_class_that_kalakan_has_takes_the_same_calls(synthesizer: Synthesizer, device: str) -> None:
    from kalakan import ParallelSynthesizer as Parallel

    texts = ["Yoo.", "Maakye, Kofi."]
    models = synthesizer.acoustic_model.to(device), synthesizer.vocoder.to(device)
    with Parallel(*models, device) as service:
        found = results(service, texts)
        for number, audio in found.items():
            torch.testing.assert_close(audio, service.synthesizer.synthesize(texts[number]))
