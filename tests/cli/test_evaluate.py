"""`kalakan evaluate`: what it prints and writes, and its one-line errors."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from conftest import build_voice
from kalakan.config.schema import AudioConfig
from tiny_corpus import make_corpus

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_voice(tmp_path_factory.mktemp("voice") / "loud", AudioConfig(), 6.0)


def failed(result: subprocess.CompletedProcess[bytes], message: str) -> None:
    error = result.stderr.decode()
    assert result.returncode == 1, error
    assert error.startswith("kalakan: error: "), error
    assert error.count("\n") == 1
    assert message in error
    assert result.stdout == b""


@pytest.mark.torch
def test_measures_and_speaks(kalakan: Run, voice: Path, corpus: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("Akwaaba!\n\n😀\nWo ho te sɛn?\n", encoding="utf-8")
    output, clips = tmp_path / "out", tmp_path / "clips"
    options = ("--limit", 1, "--no-mos", "--output", output, "--clips", clips, "--texts", texts)
    result = kalakan("evaluate", voice, "--data", corpus, *options)
    assert result.returncode == 0, result.stderr.decode()
    printed = result.stdout.decode()
    assert printed.startswith("loud 1 · fastspeech2_small, griffin_lim · sha256 ")
    assert "4 clips, 2 of them silent" in printed
    report = json.loads((output / "report.json").read_text(encoding="utf-8"))
    assert report["results"]["akosua"]["utterances"] == 1
    assert report["command"].startswith("kalakan evaluate ")
    assert {"date", "machine", "packages", "voice"} <= set(report)
    for picture in output.glob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in clips.iterdir()) == [
        *(f"000{number}.wav" for number in range(1, 5)),
        "manifest.tsv",
    ]
    rows = [line.split("\t") for line in (clips / "manifest.tsv").read_text(encoding="utf-8").splitlines()]
    assert [row[2] for row in rows[1:]] == ["akosua"] * 4
    for row in rows[1:]:
        assert soundfile.info(clips / row[0]).duration == pytest.approx(float(row[3]), abs=0.001)
    assert [row[4].startswith("silence: ") for row in rows[1:]] == [False, True, True, False]


@pytest.mark.torch
def test_clips_alone_need_no_corpus_and_take_a_speaker(
    kalakan: Run, tiny_voice: Path, tmp_path: Path
) -> None:
    (tmp_path / "texts.txt").write_text("Yoo", encoding="utf-8")
    arguments = ("--clips", tmp_path / "clips", "--texts", tmp_path / "texts.txt", "--speaker", "kwame")
    result = kalakan("evaluate", tiny_voice, *arguments)
    assert result.returncode == 0, result.stderr.decode()
    assert "\tkwame\t" in (tmp_path / "clips" / "manifest.tsv").read_text(encoding="utf-8")


@pytest.mark.torch
def test_bad_corpora(kalakan: Run, voice: Path, tiny_voice: Path, corpus: Path, tmp_path: Path) -> None:
    failed(kalakan("evaluate", voice, "--data", tmp_path / "none"), "holds no meta.jsonl")
    untested = tmp_path / "untested"
    shutil.copytree(corpus, untested)
    lines = (corpus / "meta.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if int(json.loads(line)["id"][-5:]) % 20 != 7]
    (untested / "meta.jsonl").write_text("\n".join(kept), encoding="utf-8")
    failed(kalakan("evaluate", voice, "--data", untested), "no utterance of the split 'test'")
    failed(kalakan("evaluate", voice, "--data", corpus, "--speaker", "ama"), "choose one of akosua, kwame")
    message = "is sampled at 24000 Hz and the audio settings say 8000"
    failed(kalakan("evaluate", tiny_voice, "--data", corpus, "--no-mos"), message)


@pytest.mark.torch
def test_bad_voices(kalakan: Run, voice: Path, corpus: Path, tmp_path: Path) -> None:
    failed(kalakan("evaluate", tmp_path / "none", "--data", corpus), "there is no such voice folder")
    bare = tmp_path / "bare"
    shutil.copytree(voice, bare)
    (bare / "acoustic.safetensors").unlink()
    manifest = json.loads((bare / "voice.json").read_text(encoding="utf-8"))
    del manifest["files"]["acoustic.safetensors"]
    (bare / "voice.json").write_text(json.dumps(manifest), encoding="utf-8")
    failed(kalakan("evaluate", bare, "--data", corpus), "which voice.json does not list")
    for name in [name for name in manifest["files"] if name.startswith("acoustic")]:
        del manifest["files"][name]  # the graphs, which read their weights from it
    (bare / "voice.json").write_text(json.dumps(manifest), encoding="utf-8")
    failed(kalakan("evaluate", bare, "--data", corpus), "carries no acoustic.safetensors")


@pytest.mark.torch
def test_bad_places_and_texts(kalakan: Run, voice: Path, corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    failed(kalakan("evaluate", voice, "--data", corpus, "--output", tmp_path / "file"), "cannot be made")
    clips = ("--clips", tmp_path / "clips", "--texts")
    failed(kalakan("evaluate", voice, *clips, tmp_path / "file"), "holds no line")
    failed(kalakan("evaluate", voice, *clips, tmp_path / "none.txt"), "cannot be read")
    assert not (tmp_path / "clips").exists()


@pytest.mark.parametrize(
    "arguments", [[], ["--clips", "a"], ["--texts", "a"], ["--data", "a", "--limit", "0"], ["--output", "a"]]
)
def test_usage(kalakan: Run, arguments: list[str]) -> None:
    assert kalakan("evaluate", *arguments).returncode == 2


@pytest.mark.torch
def test_a_recognizer_counts_phone_errors(kalakan: Run, voice: Path, corpus: Path, tmp_path: Path) -> None:
    from kalakan.config.resolve import to_dict
    from kalakan.config.schema import RecognizerConfig
    from kalakan.models.recognizer import Recognizer
    from kalakan.voices.manifest import ModelRecord
    from kalakan.voices.weights import save_pt

    config = RecognizerConfig(width=8, inner=8, layers=1, recurrent_width=8)
    ear = tmp_path / "recognizer.pt"
    save_pt(ear, Recognizer(config), ModelRecord("recognizer", to_dict(config)), AudioConfig())
    options = (
        "--recognizer",
        ear,
        "--speech",
        corpus,
        "--limit",
        1,
        "--no-mos",
        "--output",
        tmp_path / "out",
    )
    result = kalakan("evaluate", voice, "--data", corpus, *options)
    assert result.returncode == 0, result.stderr.decode()
    printed = result.stdout.decode()
    assert "phone errors by the recognizer" in printed
    assert "free synthesis, all speakers: confusions: " in printed
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    speech = json.loads((tmp_path / "out" / "speech.json").read_text(encoding="utf-8"))
    found = report["results"]["akosua"]["phones"]
    assert set(found) == {"recordings", "copy", "free"}
    assert found["recordings"]["phones"] == found["free"]["phones"] > 0
    assert report["recognizer"] == speech["recognizer"]
    assert len(report["recognizer"]["sha256"]) == 64
    assert speech["results"]["akosua"]["recordings"] == 1
    assert speech["results"]["akosua"]["phones"] == found["recordings"]["phones"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--speech", "x"), "--speech needs --recognizer"),
        (("--recognizer", "x", "--ratings", "x"), "--recognizer is for the reports on --data and --speech"),
    ],
)
def test_a_recognizer_and_speech_go_together(kalakan: Run, options: tuple[str, ...], message: str) -> None:
    result = kalakan("evaluate", *options)
    assert result.returncode == 2
    assert message in result.stderr.decode()
