"""The recipe `my_voice`: from recordings to a voice and a page, and on after any end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import soundfile
from click.testing import CliRunner

import recordings as sources
from kalakan.cli.main import cli
from kalakan.config.training import TrainingConfig
from kalakan.data.manifest import read_manifest
from kalakan.errors import ConfigError, DataError, VoiceError
from kalakan.recipes.my_voice import ACOUSTIC_TRAINING, VOCODER_TRAINING, make_my_voice
from kalakan.recipes.plan import RUNS, VoicePlan, split_plan
from kalakan.synthesis.synthesizer import Synthesizer
from kalakan.training.checkpoint import Position, load_checkpoint, reached
from kalakan.utils.config import Config
from kalakan.voices.package import load_voice

TRAINING = {"max_steps": 2, "batch_size": 2, "validate_every": 2, "checkpoint_every": 1, "picture_every": 100}
VALUES: dict[str, Any] = {
    "training": TRAINING,
    "segments": {"frames": 40, "validation_frames": 40},
    "aligner": {
        "model": {"width": 8, "inner": 8, "layers": 1},
        "training": {**TRAINING, "warmup_steps": 1},
    },
}
TEXTS = {**sources.TEXTS, "five": "Me din de Kofi.", "six": "Mefiri Kumasi, na mewɔ Nkran."}


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    for number, (name, text) in enumerate(TEXTS.items()):
        sources.write(folder / f"{name}.wav", sources.tone(seed=number))
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


def make(recordings: Path, output: Path, voice: Path, **options: Any) -> Path | None:
    plan, configs = split_plan(VALUES | options.pop("values", {}))
    options.setdefault("plan", plan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a voice that has learned nothing
        return make_my_voice(recordings, output, configs=configs, start_from=voice, quiet=True, **options)


@pytest.fixture(scope="session")
def whole(
    recordings: Path, streaming_voice: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str]]:
    """A run that nothing stopped, and what it said."""
    said: list[str] = []
    output = tmp_path_factory.mktemp("runs") / "ama"
    assert make(recordings, output, streaming_voice, say=said.append) == output / "voice"
    return output, said


def weights(output: Path) -> list[bytes]:
    return [(output / "voice" / f"{name}.safetensors").read_bytes() for name in ("acoustic", "vocoder")]


def test_recordings_become_a_voice_that_is_measured_and_played(
    whole: tuple[Path, list[str]], streaming_voice: Path
) -> None:
    output, said = whole
    assert [line[:4] for line in said if line[1:2] == "/"] == [f"{stage}/6 " for stage in range(1, 7)]
    voice = load_voice(output / "voice")
    start = load_voice(streaming_voice).manifest
    assert voice.manifest.speakers == ("speaker",)
    assert (voice.manifest.name, voice.manifest.audio) == ("ama", start.audio)
    assert voice.manifest.tones == start.tones
    assert {"acoustic.onnx", "vocoder.onnx", "LICENSE", "MODEL_CARD.md"} <= set(voice.manifest.files)
    page = (output / "evaluation" / "index.html").read_text(encoding="utf-8")
    tested = [item for item in read_manifest(output / "corpus") if item.split == "test"]
    assert tested
    for item in tested:
        for kind in ("recording", "copy", "voice"):
            assert f'src="audio/{item.id}.{kind}.wav"' in page
            found = soundfile.info(output / "evaluation" / "audio" / f"{item.id}.{kind}.wav")
            assert (found.samplerate, found.frames > 0) == (voice.manifest.audio.sample_rate, True)
        assert item.text in page
    for picture in (output / "evaluation").glob("*.png"):
        assert f'<img src="{picture.name}"' in page
    assert len(Synthesizer(output / "voice", engine="onnx").synthesize("Maakye!")) > 0


def test_the_runs_begin_with_the_voice(whole: tuple[Path, list[str]], streaming_voice: Path) -> None:
    output, _ = whole
    start = load_voice(streaming_voice).manifest
    for run, record in (("acoustic", start.acoustic), ("vocoder", start.vocoder)):
        settings = load_checkpoint(output / run / "last.pt")["settings"]
        sizes = {key: settings["model"][key] for key in record.config if key != "speakers"}
        assert sizes == {key: value for key, value in record.config.items() if key != "speakers"}
        assert (output / run / "started_from.json").is_file()
    assert len(list((output / "predicted").glob("*.npy"))) <= len(TEXTS)


def test_a_finished_run_is_left_as_it_is(
    whole: tuple[Path, list[str]], recordings: Path, streaming_voice: Path
) -> None:
    output, _ = whole
    before = weights(output)
    report = (output / "evaluation" / "report.json").stat().st_mtime_ns
    said: list[str] = []
    assert make(recordings, output, streaming_voice, say=said.append) == output / "voice"
    assert weights(output) == before
    assert (output / "evaluation" / "report.json").stat().st_mtime_ns == report
    assert all(reached(output / run).step == 2 for run in ("acoustic", "vocoder"))


@pytest.mark.slow
def test_a_run_that_ends_before_any_stage_goes_on_to_the_same_voice(
    whole: tuple[Path, list[str]], recordings: Path, streaming_voice: Path, tmp_path: Path
) -> None:
    for stage in range(1, 7):

        def end(line: str, stage: int = stage) -> None:
            if line.startswith(f"{stage}/6"):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            make(recordings, tmp_path / "ama", streaming_voice, say=end)
    assert make(recordings, tmp_path / "ama", streaming_voice) is not None
    assert weights(tmp_path / "ama") == weights(whole[0])


@pytest.mark.parametrize("run", RUNS)
def test_a_run_that_is_stopped_says_so_and_goes_on(
    run: str,
    whole: tuple[Path, list[str]],
    recordings: Path,
    streaming_voice: Path,
    tmp_path: Path,
    monkeypatch: Any,
) -> None:
    """A signal in the middle of a run."""
    from kalakan.training.run import Run

    step, heard = Run._step, []

    def stopped(self: Run, batches: Any) -> dict[str, float]:
        if self.output.name == run and self.learner.position.step == 1:
            signal.raise_signal(signal.SIGTERM)
        return step(self, batches)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "_step", stopped)
        values = {} if run == "aligner" else {"training": {**TRAINING, "max_steps": 3}}
        aligner = {**VALUES["aligner"], "training": {**VALUES["aligner"]["training"], "max_steps": 3}}
        values |= {"aligner": aligner} if run == "aligner" else {}
        assert make(recordings, tmp_path, streaming_voice, values=values, on_signal=heard.append) is None
    assert heard == [signal.SIGTERM]
    assert make(recordings, tmp_path, streaming_voice, values=values) == tmp_path / "voice"


KILLED = """
import sys, warnings
warnings.simplefilter("ignore")
from kalakan.config.training import TrainingConfig
from kalakan.recipes.my_voice import ACOUSTIC_TRAINING, VOCODER_TRAINING, make_my_voice
from kalakan.recipes.plan import split_plan
plan, configs = split_plan({values!r})
make_my_voice({recordings!r}, {output!r}, plan=plan, configs=configs, start_from={voice!r}, quiet=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL there")
def test_a_run_that_is_killed_goes_on_to_the_same_voice(
    whole: tuple[Path, list[str]], recordings: Path, streaming_voice: Path, tmp_path: Path
) -> None:
    output = tmp_path / "ama"
    for mark in ("corpus/meta.jsonl", "aligner", "acoustic/last.pt", "vocoder/last.pt"):
        place = output / ("corpus/aligner/last.pt" if mark == "aligner" else mark)
        code = KILLED.format(
            values=VALUES, recordings=str(recordings), output=str(output), voice=str(streaming_voice)
        )
        process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
        try:
            while not place.is_file() and process.poll() is None:
                time.sleep(0.02)
        finally:
            process.kill()
            process.wait()
        assert place.is_file()
    assert make(recordings, output, streaming_voice) is not None
    assert weights(output) == weights(whole[0])


def test_new_recordings_are_aligned_and_learned(
    whole: tuple[Path, list[str]], recordings: Path, streaming_voice: Path, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(whole[0], tmp_path / "ama")
    shutil.copytree(recordings, tmp_path / "more")
    sources.write(tmp_path / "more" / "seven.wav", sources.tone(seed=9))
    (tmp_path / "more" / "seven.txt").write_text("Yɛda mo ase.", encoding="utf-8")
    assert make(tmp_path / "more", tmp_path / "ama", streaming_voice) is not None
    found = read_manifest(tmp_path / "ama" / "corpus")
    assert len(found) == len(TEXTS) + 1
    assert all(item.is_aligned for item in found)


def test_who_speaks_and_what_others_may_do(
    whole: tuple[Path, list[str]], recordings: Path, streaming_voice: Path, tmp_path: Path
) -> None:
    import shutil

    (tmp_path / "terms.txt").write_text("Ask me.\n", encoding="utf-8")
    plan = VoicePlan(
        name="Ama",
        license="CC-BY-4.0",
        license_file=str(tmp_path / "terms.txt"),
        consent="Ama Serwaa, 2026-11-30.",
        speakers=("ama",),
    )
    voice = load_voice(make(recordings, tmp_path / "run", streaming_voice, plan=plan))
    assert (voice.manifest.name, voice.manifest.license) == ("Ama", "CC-BY-4.0")
    assert voice.manifest.speakers == ("ama",)
    assert voice.file("LICENSE").read_text(encoding="utf-8") == "Ask me.\n"
    card = voice.file("MODEL_CARD.md").read_text(encoding="utf-8")
    assert "Consent: Ama Serwaa, 2026-11-30." in card
    assert "| ama |" in card
    unsaid = load_voice(whole[0] / "voice")
    assert "**not stated.**" in unsaid.file("MODEL_CARD.md").read_text(encoding="utf-8")
    shutil.copytree(whole[0] / "corpus", tmp_path / "corpus")
    others = VoicePlan(speakers=("ama", "kofi"))
    with pytest.raises(DataError, match=r"data\.speakers is ama, kofi and the corpus has speaker"):
        make(tmp_path / "corpus", tmp_path / "other", streaming_voice, plan=others)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"voice": {"nmae": "x"}}, "voice.nmae is not a setting; known here: name, license"),
        ({"voice": "Ama"}, "voice is 'Ama'; it must be a mapping"),
        ({"voice": {"speakers": ["a", "a"]}}, "voice.speakers is"),
        ({"acoustic": 3}, "acoustic is 3; it must be a mapping of sections, as acoustic.training.max_steps"),
        ({"vocoder": {"training": {"max_step": 3}}}, "vocoder: training.max_step is not a setting"),
        ({"training": {"max_step": 3}}, "training.max_step is not a setting"),
        ({"acustic": {"training": {"max_steps": 3}}}, "acustic is not a setting; did you mean acoustic"),
        ({"qqq": {}}, "qqq is not a setting; known here: voice, aligner, acoustic, vocoder, audio"),
    ],
)
def test_a_plan_with_a_mistake_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        split_plan(values)
    assert str(caught.value).startswith(message)


def test_a_license_is_an_spdx_identifier() -> None:
    with pytest.raises(VoiceError, match="license 'free' is no SPDX identifier"):
        split_plan({"voice": {"license": "free"}})


def test_settings_of_one_run_are_of_that_run() -> None:
    values = {"training": {"max_steps": 7, "batch_size": 3}, "vocoder": {"training": {"max_steps": 9}}}
    _, configs = split_plan(values)
    assert configs["acoustic"] == Config({"training": {"max_steps": 7, "batch_size": 3}})
    assert configs["vocoder"] == Config({"training": {"max_steps": 9, "batch_size": 3}})
    assert configs["aligner"] == Config({})


def test_the_command_takes_a_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Any] = {}

    def made(recordings: str, output: str, **options: Any) -> Path:
        found.update(options, recordings=recordings, output=output)
        return Path(output) / "voice"

    monkeypatch.setattr("kalakan.recipes.my_voice.make_my_voice", made)
    text = "voice: {name: Ama, recordings: HERE, output: THERE}\ntraining: {batch_size: 4}\n"
    (tmp_path / "ama.yaml").write_text(text, encoding="utf-8")
    line = ["train", "--recipe", "my_voice", "--config", str(tmp_path / "ama.yaml")]
    done = CliRunner().invoke(cli, [*line, "--set", "vocoder.training.max_steps=5"])
    assert done.exit_code == 0, done.stderr
    assert (found["recordings"], found["output"], found["plan"].name) == ("HERE", "THERE", "Ama")
    assert found["configs"]["vocoder"] == Config({"training": {"batch_size": 4, "max_steps": 5}})
    done = CliRunner().invoke(cli, [*line, "--data-dir", "A", "--output-dir", "B"])
    assert (found["recordings"], found["output"]) == ("A", "B")
    done = CliRunner().invoke(cli, ["train", "--recipe", "my_voice"])
    assert done.exit_code == 2
    assert "Missing option '--data-dir'" in done.stderr


def test_the_usual_runs_end_after_their_best_steps() -> None:
    """A few minutes of recordings are learned by heart: what comes after the best step would be for nothing."""
    for settings in (ACOUSTIC_TRAINING, VOCODER_TRAINING):
        config = TrainingConfig(**settings)
        assert config.product == "best"
        beyond = 2 * config.validate_every
        assert Position(step=config.warmup_steps + beyond, stale=2).is_done(config)
        assert not Position(step=config.warmup_steps + beyond, stale=1).is_done(config)
