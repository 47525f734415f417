from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kalakan.config.presets import PRESETS
from kalakan.config.resolve import from_dict, resolve, to_dict
from kalakan.config.schema import AudioConfig, FastSpeech2Config, InferenceConfig, Settings
from kalakan.config.yaml_values import load_yaml
from kalakan.errors import ConfigError
from kalakan.utils.config import Config


def test_overrides_reach_the_typed_settings() -> None:
    settings = Config({"training": {"mixed_precision": True, "batch_size": 8}}).settings()
    assert settings.training.mixed_precision is True
    assert settings.training.batch_size == 8
    assert settings.audio == AudioConfig()


def test_config_is_a_mapping_of_overrides_only() -> None:
    config = Config({"training": {"batch_size": 8}})
    assert dict(config) == {"training": {"batch_size": 8}}
    assert config.get("training.batch_size") == 8
    assert config.get("training.seed", 3) == 3
    assert Config(config).to_dict() == config.to_dict()
    assert dict(Config(None)) == {}


def test_changing_a_copy_leaves_the_config_alone() -> None:
    config = Config({"training": {"batch_size": 8}})
    config.to_dict()["training"]["batch_size"] = 9
    assert config["training.batch_size"] == 8


def test_yaml_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("training:\n  learning_rate: 1\n")
    assert Config(str(path)).settings().training.learning_rate == 1.0
    path.write_text("")
    assert dict(Config(path)) == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-4", 1e-4), ("-2E3", -2e3), (".5e0", 0.5), ("3.e+1", 30.0), ("0.25", 0.25), ("7", 7)],
)
def test_yaml_numbers_may_have_an_exponent(tmp_path: Path, text: str, value: float) -> None:
    assert load_yaml(f"x: {text}") == {"x": value}
    assert load_yaml("x: 1e-4b") == {"x": "1e-4b"}
    assert yaml.safe_load("1e-4") == "1e-4"  # PyYAML's own loader is left alone


def test_all_settings_survive_a_json_file(tmp_path: Path) -> None:
    """As a run writes them: `mel_floor` is 1e-05 there."""
    settings = Settings()
    (tmp_path / "config.json").write_text(json.dumps(to_dict(settings)))
    assert Config(tmp_path / "config.json").settings() == settings


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ({"training": {"grad_acumulation_steps": 2}}, r"did you mean training\.grad_accumulation_steps"),
        ({"trainning": {}}, "did you mean training"),
        ({"training": 3}, "must be a mapping"),
        ({"training": {"batch_size": "8"}}, r"training\.batch_size is '8'; it must be of type int"),
        ({"training": {"batch_size": True}}, "must be of type int"),
        ({"training": {"batch_size": 0}}, "at least 1"),
        ({"training": {"ema_decay": 1.0}}, r"must lie in \[0, 1\)"),
        ({"audio": {"hop_length": 301}}, "must be even"),
        ({"audio": {"mel_fmax": 13_000}}, "at most half the sample rate"),
        ({"audio": {"win_length": 2000}}, "at most n_fft"),
        ({"model": {"decoder_block": "lstm"}}, "choose 'transformer' or 'convnext'"),
        ({"model": {"encoder_kernel": 4}}, "must be odd"),
        ({"model": {"encoder_kernel": -1}}, r"model\.encoder_kernel is -1; it must be odd and above 0"),
        ({"model": {"encoder_heads": 3}}, "must divide"),
        ({"model": {"encoder_heads": 0}}, "at least 1"),
        ({"model": {"encoder_width": 0}}, "at least 1"),
        ({"model": {"decoder_layers": -1}}, "at least 1"),
        ({"model": {"n_phonemes": 0}}, "at least 1"),
        ({"model": {"predictor_dropout": 1.0}}, r"must lie in \[0, 1\)"),
        ({"model": {"kernel": -3}}, "odd and above 0"),
        ({"model": {"location_kernel": -31}}, "odd and above 0"),
        ({"model": {"window_back": -1}}, "at least 0"),
        ({"model": {"postnet_layers": 1}}, "at least 2"),
        ({"model": {"residual_kernels": [-3, 7, 11]}}, "they must be odd and above 0"),
        ({"model": {"mel_weight": 1.0, "residual_dilations": [1, 0]}}, "dilations of at least 1"),
        ({"model": {"residual_dilations": [[1], [], [1]]}}, "dilations of at least 1"),
        ({"model": {"noise_cot": 3.0}}, r"did you mean model\.noise_cut\?"),
        ({"vocoder": {"noise_cut": 61.0}}, r"^vocoder\.noise_cut is 61\.0; it must be in 0 to 60 dB"),
        ({"vocoder": {"noise_cot": 3.0}}, r"did you mean vocoder\.noise_cut\?"),
        ({"vocoder": {"encoder_width": 16}}, r"^vocoder\.encoder_width is not a setting"),
        ({"acoustic": {"noise_cut": 3.0}}, r"^acoustic\.noise_cut is not a setting"),
        ({"acoustic": {"encoder_heads": 3}}, r"^acoustic\.encoder_heads is 3; it must divide"),
        ({"vocoder": 3}, "^vocoder is 3; it must be a mapping"),
        ({"model": {"noise_cut": 61.0}}, r"model\.noise_cut is 61\.0; it must be in 0 to 60 dB"),
        ({"training": {"weight_decay": float("nan")}}, "must lie between"),
        ({"model": {"speakers": ["a", "a"]}}, "names must differ"),
        ({"model": {"speakers": "a"}}, "list of strings"),
        ({"inference": {"threads": 0}}, "at least 1"),
    ],
)
def test_bad_settings_name_the_key_and_the_way_out(overrides: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        Config(overrides)


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"[1, 2]", "must be a mapping"), (b"a: [", "not valid YAML"), (b"\xff\xfe\x00", "not valid YAML")],
)
def test_bad_files_are_named(tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "settings.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=text):
        Config(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        Config(tmp_path / "missing.yaml")


def test_settings_survive_a_round_trip_through_json_values() -> None:
    config = FastSpeech2Config(speakers=("a", "b"), dropout=0.0)
    assert from_dict(FastSpeech2Config, to_dict(config)) == config
    assert resolve({}, Settings(model=config)).model == config


def test_a_training_run_takes_no_section_of_a_synthesizer() -> None:
    config = Config({"acoustic": {"encoder_layers": 2}, "vocoder": {"noise_cut": 3.0}})
    with pytest.raises(ConfigError, match="section acoustic is one of a synthesizer's two models"):
        config.settings()


def test_a_preset_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, values in PRESETS.items():
        assert Config(name).to_dict() == values
    assert Config("edge").settings().inference == InferenceConfig(
        quantize=True, low_memory=True, batch_size=1
    )
    Config("edge").to_dict()["inference"]["quantize"] = False
    assert Config("edge")["inference.quantize"] is True
    Path("edge").write_text("inference: {threads: 2}", encoding="utf-8")
    assert Config("edge").to_dict() == {"inference": {"threads": 2}}  # a file of that name comes first
    with pytest.raises(ConfigError, match=r"edgy: cannot be read .* the name of a preset \(edge\)"):
        Config("edgy")
