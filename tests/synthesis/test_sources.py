"""Which models and which engine a request gets, and what it is told when it contradicts itself."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kalakan.errors import ConfigError, ImplementationUnavailable, KalakanError, VoiceError
from kalakan.synthesis.synthesizer import Synthesizer

for_torch = partial(pytest.param, marks=pytest.mark.torch)
AUDIO = {
    "sample_rate": 8000,
    "n_fft": 256,
    "win_length": 256,
    "hop_length": 64,
    "n_mels": 20,
    "mel_fmax": 4000.0,
}


def test_auto_engine(tiny_voice: Path) -> None:
    assert Synthesizer(tiny_voice).engine == "onnx"
    assert Synthesizer(acoustic_model=tiny_voice).engine == "onnx"
    assert Synthesizer(acoustic_model=tiny_voice / "acoustic.onnx").speakers == ("akosua", "kwame")


@pytest.mark.torch
def test_auto_engine_is_torch_where_onnx_cannot_serve(tiny_voice: Path) -> None:
    pt = tiny_voice.parent / "acoustic_model.pt"
    assert Synthesizer(acoustic_model=pt).engine == "torch"
    assert Synthesizer(tiny_voice, vocoder_type="griffin_lim").engine == "torch"


@pytest.mark.torch
def test_every_way_to_name_the_same_weights_speaks_the_same(tiny_voice: Path) -> None:
    pt = tiny_voice.parent / "acoustic_model.pt"
    wanted = Synthesizer(tiny_voice, engine="torch").synthesize("Wo ho te sɛn?")
    module = Synthesizer(tiny_voice, engine="torch").acoustic_model
    vocoder = Synthesizer(tiny_voice, engine="torch").vocoder
    for arguments in (
        {"acoustic_model": pt},
        {"acoustic_model": str(pt), "vocoder": str(tiny_voice)},
        {"acoustic_model": tiny_voice, "engine": "torch"},
        {"acoustic_model": module, "vocoder": vocoder},
        {"voice": tiny_voice, "acoustic_model_type": "fastspeech2_small", "vocoder_type": "griffin_lim"},
    ):
        found = Synthesizer(**arguments).synthesize("Wo ho te sɛn?")
        assert np.array_equal(np.asarray(found), np.asarray(wanted)), arguments


def test_a_bare_onnx_file_speaks_with_the_settings_audio(tiny_voice: Path, tmp_path: Path) -> None:
    for path in tiny_voice.iterdir():
        if path.name != "voice.json":
            shutil.copy(path, tmp_path)
    synthesizer = Synthesizer(acoustic_model=tmp_path / "acoustic.onnx", config={"audio": AUDIO})
    assert synthesizer.speakers == ("speaker",)
    assert synthesizer.voice is None
    assert np.array_equal(synthesizer.synthesize("Yoo"), Synthesizer(tiny_voice).synthesize("Yoo"))
    with pytest.raises(VoiceError, match="speaks 20 mel bands and the vocoder reads 80"):
        Synthesizer(acoustic_model=tmp_path / "acoustic.onnx")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        for_torch(lambda voice: {"voice": voice, "device": "cuda:7"}, ConfigError, r"device 'cuda:7'"),
        for_torch(
            lambda voice: {"voice": voice, "device": "tpu9"}, ConfigError, r"'tpu9' is not a torch device"
        ),
        (
            lambda voice: {"voice": voice, "device": "cuda:0", "engine": "onnx"},
            ConfigError,
            r"the onnx engine runs on the CPU",
        ),
        (
            lambda voice: {"acoustic_model": voice.parent / "acoustic_model.pt", "engine": "onnx"},
            ConfigError,
            r"acoustic_model is for torch",
        ),
        for_torch(
            lambda voice: {"acoustic_model": voice / "acoustic.onnx", "engine": "torch"},
            ConfigError,
            r"an ONNX file",
        ),
        (lambda voice: {"voice": voice, "acoustic_model": voice}, ConfigError, r"give one of them"),
        for_torch(
            lambda voice: {"voice": voice, "acoustic_model_type": "fastspeech2"},
            ConfigError,
            r"holds a fastspeech2_small, not a fastspeech2",
        ),
        (lambda voice: {"vocoder_type": "wavenet"}, ConfigError, r"'wavenet' is not known to this version"),
        for_torch(
            lambda voice: {"acoustic_model": voice.parent / "no.pt"}, VoiceError, r"there is no such file"
        ),
        (lambda voice: {"acoustic_model": voice.parent / "no.onnx"}, VoiceError, r"there is no such file"),
        (
            lambda voice: {"acoustic_model": voice / "voice.json", "engine": "onnx"},
            VoiceError,
            r"no ONNX model",
        ),
        for_torch(
            lambda voice: {"acoustic_model": voice / "voice.json", "engine": "torch"}, VoiceError, r"damaged"
        ),
    ],
)
def test_contradictions_and_missing_files(
    tiny_voice: Path, arguments: Callable[[Path], dict[str, Any]], error: type[KalakanError], message: str
) -> None:
    with pytest.raises(error, match=message):
        Synthesizer(**arguments(tiny_voice))


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::kalakan.errors.UntrainedModelWarning")
@pytest.mark.parametrize(
    ("types", "model", "found"),
    [
        (("tacotron2", None), {"decoder_width": 32, "postnet_width": 16}, (32, None)),
        (("tacotron2", "hifigan"), {"channels": 32}, (1024, 32)),
        (("fastspeech2", "melgan"), {"encoder_width": 64}, (64, 512)),
        ((None, "hifigan_v3"), {"channels": 64}, (None, 64)),
        (("fastspeech2_small", "hifigan_v2"), {}, (192, 128)),
    ],
)
def test_sizes_are_of_the_type_that_is_named(
    types: tuple[str | None, str | None], model: dict[str, int], found: tuple[int | None, int | None]
) -> None:
    acoustic, vocoder = types
    config = {"model": model} if model else {}
    made = Synthesizer(acoustic_model_type=acoustic, vocoder_type=vocoder, config=config, engine="torch")
    sizes = made.acoustic_model.config
    if found[0] is not None:
        assert getattr(sizes, "decoder_width", getattr(sizes, "encoder_width", None)) == found[0]
    if found[1] is not None:
        assert made.vocoder.config.channels == found[1]


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::kalakan.errors.UntrainedModelWarning")
def test_sizes_of_no_type_named_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"model\.channels is not a setting"):
        Synthesizer(
            acoustic_model_type="tacotron2", vocoder_type="griffin_lim", config={"model": {"channels": 16}}
        )
    with pytest.raises(ConfigError, match=r"model\.decoder_width is not a setting"):
        Synthesizer(config={"model": {"decoder_width": 8}})


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_settings_that_need_no_other_weights_are_obeyed(streaming_voice: Path, engine: str) -> None:
    text = "Wo ho te sɛn?"
    plain = Synthesizer(streaming_voice, engine=engine)
    config = {"model": {"noise_cut": 0.0, "noise_cut_below": 3000.0}}
    for arguments in ({}, {"vocoder_type": "harmonic_noise"}, {"acoustic_model_type": "fastspeech2_small"}):
        if engine == "onnx" and "acoustic_model_type" in arguments:
            continue
        changed = Synthesizer(streaming_voice, engine=engine, config=config, **arguments)
        assert changed.vocoder.config.noise_cut == 0.0
        assert changed.vocoder.config.noise_cut_below == 3000.0
        assert changed.voice == plain.voice
        assert not np.array_equal(np.asarray(changed.synthesize(text)), np.asarray(plain.synthesize(text)))


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_a_section_may_name_its_model(streaming_voice: Path, engine: str) -> None:
    wanted = Synthesizer(streaming_voice, engine=engine, config={"model": {"noise_cut": 0.0}})
    config = {"acoustic": {"encoder_width": 16}, "vocoder": {"noise_cut": 0.0}}
    made = Synthesizer(streaming_voice, engine=engine, config=config)
    assert np.array_equal(np.asarray(made.synthesize("Yoo")), np.asarray(wanted.synthesize("Yoo")))


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::kalakan.errors.UntrainedModelWarning")
def test_each_of_two_untrained_models_has_its_section() -> None:
    made = Synthesizer(
        acoustic_model_type="tacotron2",
        vocoder_type="hifigan_v2",
        config={"acoustic": {"postnet_layers": 3}, "vocoder": {"channels": 32}},
    )
    assert (made.acoustic_model.config.postnet_layers, made.vocoder.config.channels) == (3, 32)


def test_a_section_of_a_model_without_settings_is_refused(tiny_voice: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"vocoder\.noise_cut is given and that model \(vocoder\) has no settings"
    ):
        Synthesizer(tiny_voice, config={"vocoder": {"noise_cut": 0}})
    with pytest.raises(ConfigError, match=r"acoustic\.encoder_width is 8 and the .* was trained with 16"):
        Synthesizer(tiny_voice, config={"acoustic": {"encoder_width": 8}})


@pytest.mark.torch
def test_settings_of_a_single_file_are_obeyed(streaming_voice: Path) -> None:
    path = streaming_voice.parent / "vocoder_model.pt"
    wanted = Synthesizer(streaming_voice, engine="torch", config={"model": {"noise_cut": 0}})
    made = Synthesizer(streaming_voice, vocoder=path, config={"model": {"noise_cut": 0}})
    assert np.array_equal(np.asarray(made.synthesize("Yoo")), np.asarray(wanted.synthesize("Yoo")))
    with pytest.raises(
        ConfigError, match=r"model\.width is 8 and the harmonic_noise of .*vocoder_model\.pt was trained"
    ):
        Synthesizer(streaming_voice, vocoder=path, config={"model": {"width": 8}})


def test_sizes_that_the_weights_have_are_accepted(tiny_voice: Path) -> None:
    config = {"model": {"encoder_width": 16, "speakers": ["akosua", "kwame"]}}
    wanted = Synthesizer(tiny_voice).synthesize("Yoo")
    assert np.array_equal(Synthesizer(tiny_voice, config=config).synthesize("Yoo"), wanted)


@pytest.mark.filterwarnings("ignore::kalakan.errors.UntrainedModelWarning")
@pytest.mark.parametrize(
    ("arguments", "model", "message"),
    [
        for_torch(
            lambda voice: {"acoustic_model_type": "fastspeech2_small"},
            {"encoder_layers": 2},
            r"model\.encoder_layers is 2 and the fastspeech2_small of .* was trained with 4; leave it out",
        ),
        (lambda voice: {}, {"width": 64}, r"model\.width is 64 and the harmonic_noise of .* with 192"),
        for_torch(lambda voice: {"engine": "torch"}, {"width": 64}, r"the harmonic_noise of .* with 192"),
        (
            lambda voice: {"voice": voice},
            {"speakers": ["ama"]},
            r"is \['ama'\] and .* with \['akosua', 'kwame'\]",
        ),
        for_torch(
            lambda voice: {"acoustic_model": voice.parent / "acoustic_model.pt"},
            {"encoder_width": 8},
            r"trained with 16",
        ),
        (lambda voice: {"voice": voice}, {"noise_cut": 3.0}, r"model\.noise_cut is not a setting"),
        (lambda voice: {}, {"noise_cot": 3.0}, r"did you mean model\.noise_cut\?"),
        (lambda voice: {}, {"noise_cut": 99.0}, r"model\.noise_cut is 99\.0; it must be in 0 to 60 dB"),
        for_torch(
            lambda voice: {"acoustic_model_type": "tacotron2", "vocoder_type": "griffin_lim"},
            {"n_mels": 40},
            r"model\.n_mels is 40 and audio\.n_mels is 80; set audio\.n_mels alone",
        ),
    ],
)
def test_settings_that_need_other_weights_are_refused(
    tiny_voice: Path, arguments: Callable[[Path], dict[str, Any]], model: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Synthesizer(**arguments(tiny_voice), config={"model": model})


@pytest.mark.torch
def test_settings_of_models_without_any_are_refused(tiny_voice: Path) -> None:
    made = Synthesizer(tiny_voice, engine="torch")
    with pytest.raises(ConfigError, match=r"model\.noise_cut is given and the models have no settings"):
        Synthesizer(
            acoustic_model=made.acoustic_model, vocoder=made.vocoder, config={"model": {"noise_cut": 0}}
        )


@pytest.mark.parametrize("engine", ["onnx", "torch"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bogus", "KALAKAN_OPS is 'bogus'; one name for all ops is one of cuda, triton, rust, torch"),
        ("griffin_lim=bogus", "KALAKAN_OPS has 'griffin_lim=bogus'; an implementation is one of cuda"),
        ("bogus=torch", "bogus is not an op; the ops are griffin_lim, residual_blocks, upsample"),
    ],
)
def test_a_slip_in_the_environment_is_an_error_in_every_engine(
    tiny_voice: Path, monkeypatch: pytest.MonkeyPatch, engine: str, text: str, message: str
) -> None:
    monkeypatch.setenv("KALAKAN_OPS", text)
    with pytest.raises(ImplementationUnavailable, match=message):
        Synthesizer(tiny_voice, engine=engine)


@pytest.mark.parametrize(
    ("engine", "text", "told"),
    [
        ("onnx", "cuda", "cuda and the onnx engine computes in onnxruntime and Rust"),
        ("onnx", "torch", "torch and the onnx engine"),
        ("onnx", "griffin_lim=rust,upsample=triton,residual_blocks=cuda", "cuda, triton and the onnx engine"),
        ("onnx", "rust", ""),
        ("onnx", "", ""),
        for_torch("torch", "cuda", "cuda and device is 'cpu'; unset it, or choose a GPU"),
        for_torch("torch", "torch", ""),
    ],
)
def test_an_implementation_that_the_engine_cannot_use_is_told(
    tiny_voice: Path, monkeypatch: pytest.MonkeyPatch, engine: str, text: str, told: str
) -> None:
    monkeypatch.setenv("KALAKAN_OPS", text)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        Synthesizer(tiny_voice, engine=engine)
    found = [item for item in found if "KALAKAN_OPS" in str(item.message)]
    assert len(found) == bool(told)
    for item in found:
        assert str(item.message).startswith(f"KALAKAN_OPS asks for {told}")
        assert item.filename == __file__
