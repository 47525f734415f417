"""The snippets of the project's first performance guide that run on a CPU, with paths that exist."""

from __future__ import annotations

import gc
import io
import pickle
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils import prune

from kalakan.errors import ConfigError, KernelError, StopTokenWarning, UntrainedModelWarning
from kalakan.models.vocoders.vocoder_cuda import load
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.text.cleaner import clean_text
from kalakan.text.normalizer import normalize_text
from kalakan.text.twi_g2p import TwiG2P
from kalakan.utils.config import Config
from models.vocoders.generators import tiny

TEXT = "Akwaaba! Wo ho te sÉ›n?"
"""As the guide prints it: the ɛ is mojibake, and still read as ɛ."""


@pytest.fixture
def synthesizer(tiny_voice: Path) -> Synthesizer:
    return Synthesizer(
        acoustic_model=str(tiny_voice.parent / "acoustic_model.pt"), vocoder=str(tiny_voice), device="cpu"
    )


def test_pt_files_run_on_torch(synthesizer: Synthesizer) -> None:
    audio = synthesizer.synthesize(TEXT)
    assert isinstance(audio, torch.Tensor)
    assert audio.dim() == 1
    assert len(audio) / synthesizer.vocoder.sample_rate > 0.2
    assert synthesizer.speakers == ("akosua", "kwame")


def test_model_selection_without_weights() -> None:
    with pytest.warns(UntrainedModelWarning, match="fastspeech2 was built without weights and speaks noise"):
        synthesizer = Synthesizer(acoustic_model_type="fastspeech2", vocoder_type="griffin_lim", device="cpu")
    assert synthesizer.engine == "torch"
    assert bool(torch.isfinite(synthesizer.synthesize("Yoo")).all())


def test_every_model_without_weights() -> None:
    with pytest.warns(UntrainedModelWarning) as warned:
        synthesizer = Synthesizer(acoustic_model_type="tacotron2", vocoder_type="hifigan", device="cpu")
    said = [str(item.message) for item in warned]
    for name in ("tacotron2", "hifigan"):
        assert any(f"{name} was built without weights and speaks noise" in text for text in said)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StopTokenWarning)  # without weights it stops anywhere
        assert bool(torch.isfinite(synthesizer.synthesize("Yoo")).all())
    with pytest.warns(UntrainedModelWarning):
        synthesizer = Synthesizer(
            acoustic_model_type="fastspeech2_small", vocoder_type="melgan", device="cpu"
        )
    assert bool(torch.isfinite(synthesizer.synthesize("Yoo")).all())


def test_unknown_types_are_named() -> None:
    with pytest.raises(ConfigError, match="is not known to this version; choose one of"):
        Synthesizer(acoustic_model_type="wavenet")


def test_batch_processing(synthesizer: Synthesizer) -> None:
    texts = ["Text 1", "Text 2", "Text 3", "Text 4"]
    audios = synthesizer.synthesize_batch(texts, batch_size=4)
    assert [len(audio) for audio in audios] == [len(synthesizer.synthesize(text)) for text in texts]


def test_models_moved_after_construction(synthesizer: Synthesizer) -> None:
    synthesizer.acoustic_model.to("cpu")
    synthesizer.vocoder.to("cpu")

    def multi_gpu_inference(text: str) -> torch.Tensor:
        phoneme_sequence = synthesizer.g2p.text_to_phoneme_sequence(text)
        phonemes = torch.tensor(phoneme_sequence, dtype=torch.long).unsqueeze(0).to("cpu")
        with torch.no_grad():
            mel, _ = synthesizer.acoustic_model.inference(phonemes)
        mel = mel.to("cpu")
        with torch.no_grad():
            audio = synthesizer.vocoder.inference(mel)
        return audio.squeeze(0).cpu()

    assert multi_gpu_inference(TEXT).dim() == 1


def test_mixed_precision(tiny_voice: Path) -> None:
    config = Config({"inference": {"mixed_precision": True}})
    synthesizer = Synthesizer(
        acoustic_model=str(tiny_voice.parent / "acoustic_model.pt"),
        vocoder=str(tiny_voice),
        device="cpu",
        config=config,
    )
    assert synthesizer.synthesize(TEXT).dtype == torch.float32


def test_caching(synthesizer: Synthesizer) -> None:
    @lru_cache(maxsize=1000)
    def synthesize_cached(text: str) -> np.ndarray:
        return synthesizer.synthesize(text).cpu().numpy()

    first = synthesize_cached(TEXT)
    assert synthesize_cached(TEXT) is first
    assert np.array_equal(pickle.loads(pickle.dumps(first)), first)


def test_text_preprocessing() -> None:
    normalized_text = normalize_text(TEXT)
    assert normalized_text == "akwaaba! wo ho te sɛn?"
    cleaned_text = clean_text(normalized_text)
    g2p = TwiG2P()
    phoneme_sequence = g2p.text_to_phoneme_sequence(cleaned_text)
    assert phoneme_sequence

    def preprocess_text(text: str) -> list[int]:
        normalized_text = normalize_text(text)
        cleaned_text = clean_text(normalized_text)
        return g2p.text_to_phoneme_sequence(cleaned_text)

    def preprocess_batch(texts: list[str], max_workers: int = 4) -> list[list[int]]:
        with ThreadPoolExecutor(max_workers=max_workers) as executor:
            return list(executor.map(preprocess_text, texts))

    assert preprocess_batch([TEXT] * 20) == [phoneme_sequence] * 20


def test_memory_management(synthesizer: Synthesizer) -> None:
    torch.cuda.empty_cache()
    gc.collect()
    phoneme_sequence = synthesizer.g2p.text_to_phoneme_sequence(TEXT)
    phonemes = torch.tensor(phoneme_sequence, dtype=torch.long).unsqueeze(0).to("cpu")
    with torch.no_grad():
        mel, _ = synthesizer.acoustic_model.inference(phonemes)
    synthesizer.acoustic_model.to("cpu")
    synthesizer.vocoder.to("cpu")
    with torch.no_grad():
        audio = synthesizer.vocoder.inference(mel)
    assert audio.squeeze(0).cpu().dim() == 1


def test_pruning(synthesizer: Synthesizer) -> None:
    def prune_model(model: torch.nn.Module, pruning_rate: float = 0.3) -> torch.nn.Module:
        for _, module in model.named_modules():
            if isinstance(module, (torch.nn.Conv1d, torch.nn.Conv2d)):
                prune.l1_unstructured(module, name="weight", amount=pruning_rate)
                prune.remove(module, "weight")
        return model

    before = synthesizer.synthesize(TEXT)
    prune_model(synthesizer.acoustic_model)
    prune_model(synthesizer.vocoder)
    after = synthesizer.synthesize(TEXT)
    assert len(before) != len(after) or not torch.equal(before, after)


def test_dynamic_quantization(synthesizer: Synthesizer) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch moves quantization to another package
        quantized_acoustic_model = torch.quantization.quantize_dynamic(
            synthesizer.acoustic_model,
            {torch.nn.Linear, torch.nn.Conv1d, torch.nn.LSTM},
            dtype=torch.qint8,
        )
        quantized_vocoder = torch.quantization.quantize_dynamic(
            synthesizer.vocoder,
            {torch.nn.Linear, torch.nn.Conv1d, torch.nn.ConvTranspose1d},
            dtype=torch.qint8,
        )
    synthesizer.acoustic_model = quantized_acoustic_model
    synthesizer.vocoder = quantized_vocoder
    assert synthesizer.acoustic_model is quantized_acoustic_model
    assert bool(torch.isfinite(synthesizer.synthesize(TEXT)).all())


class FusedModel(torch.nn.Module):
    def __init__(self, acoustic_model: torch.nn.Module, vocoder: torch.nn.Module) -> None:
        super().__init__()
        self.acoustic_model = acoustic_model
        self.vocoder = vocoder

    def forward(self, phonemes: torch.Tensor) -> torch.Tensor:
        mel, _ = self.acoustic_model.inference(phonemes)
        return self.vocoder.inference(mel)


def test_model_fusion(synthesizer: Synthesizer, tmp_path: Path) -> None:
    fused_model = FusedModel(synthesizer.acoustic_model, synthesizer.vocoder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch recommends torch.export over scripting
        scripted_model = torch.jit.script(fused_model)
        torch.jit.save(scripted_model, str(tmp_path / "fused_model.pt"))
        loaded_model = torch.jit.load(str(tmp_path / "fused_model.pt"))
    sequence = synthesizer.g2p.text_to_phoneme_sequence(TEXT)
    phonemes = torch.tensor(sequence, dtype=torch.long).unsqueeze(0)
    with torch.no_grad():
        audio = loaded_model(phonemes)
        assert audio.shape == fused_model(phonemes).shape


class OptimizedVocoder(torch.nn.Module):
    """The guide's, with what its `vocoder_cuda` is here: `load` takes the vocoder in place of source files."""

    def __init__(self, original_vocoder: torch.nn.Module) -> None:
        super().__init__()
        self.original_vocoder = original_vocoder
        self.vocoder_cuda = load(original_vocoder)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        intermediate = self.vocoder_cuda.upsample(mel)
        return self.original_vocoder.post_process(intermediate)


def test_custom_cuda_kernels_without_a_gpu(synthesizer: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(KernelError, match=r"no CUDA device; vocoder.inference\(mel\) needs none"):
        OptimizedVocoder(tiny("hifigan"))
    with pytest.raises(ConfigError, match="GriffinLim does not upsample"):
        OptimizedVocoder(synthesizer.vocoder)


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


def test_exported_onnx_model(tiny_voice: Path) -> None:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    acoustic_session = ort.InferenceSession(str(tiny_voice / "acoustic.onnx"), options)
    g2p = TwiG2P()
    phonemes = np.array([g2p.text_to_phoneme_sequence(TEXT)], dtype=np.int64)
    mel = acoustic_session.run(["mel_output"], {"phonemes": phonemes})[0]
    audio = Synthesizer(tiny_voice).vocoder.inference(mel)
    assert audio.shape == (1, mel.shape[2] * 64)


def test_server_response_body(synthesizer: Synthesizer) -> None:
    buffer = io.BytesIO()
    synthesizer.save_audio(synthesizer.synthesize(TEXT), buffer)
    buffer.seek(0)
    assert buffer.read(4) == b"RIFF"


def test_inference_benchmark(synthesizer: Synthesizer) -> None:
    def benchmark_inference(
        synthesizer: Any, text: str, n_runs: int = 2, warmup: int = 1
    ) -> dict[str, float]:
        for _ in range(warmup):
            _ = synthesizer.synthesize(text)
        start_time = time.time()
        for _ in range(n_runs):
            audio = synthesizer.synthesize(text)
        avg_time = (time.time() - start_time) / n_runs
        audio_duration = len(audio) / synthesizer.vocoder.sample_rate
        return {"audio_duration": audio_duration, "rtf": avg_time / audio_duration}

    assert benchmark_inference(synthesizer, TEXT)["rtf"] > 0


def test_edge_configuration(tiny_voice: Path) -> None:
    config = Config({"inference": {"batch_size": 1}})
    assert Synthesizer(tiny_voice, device="cpu", config=config).synthesize("Yoo").size > 0


def test_phoneme_cache(synthesizer: Synthesizer) -> None:
    phoneme_cache: dict[str, list[int]] = {}

    def get_phoneme_sequence(text: str) -> list[int]:
        if text not in phoneme_cache:
            phoneme_cache[text] = synthesizer.g2p.text_to_phoneme_sequence(text)
        return phoneme_cache[text]

    assert get_phoneme_sequence(TEXT) is get_phoneme_sequence(TEXT)
