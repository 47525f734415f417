"""`kalakan new-voice`: every answer by option or by question, and a file that the recipe takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import recordings as sources
from kalakan.cli import voice_plan
from kalakan.cli.voice_plan import command
from kalakan.errors import KalakanError
from kalakan.recipes.plan import VoicePlan, split_plan
from kalakan.utils.config import read_values

CONSENT = "Ama Serwaa agreed to a free voice on 2026-11-30."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for number, speaker in enumerate(("ama", "kofi")):
        sources.write(tmp_path / "recordings" / speaker / "1.wav", sources.tone(seed=number))
        (tmp_path / "recordings" / speaker / "1.txt").write_text("Mekɔ fie.", encoding="utf-8")
    return tmp_path


def call(*arguments: str, answers: str = "") -> Result:
    return CliRunner().invoke(command, list(arguments), input=answers)


def plan_in(path: Path) -> VoicePlan:
    return split_plan(read_values(path))[0]


def every(**changes: str) -> list[str]:
    options = {
        "name": "Ama",
        "recordings": "recordings",
        "license": "CC-BY-4.0",
        "consent": CONSENT,
    } | changes
    return [part for key, value in options.items() for part in (f"--{key}", value)]


def test_options_answer_everything(folder: Path) -> None:
    (folder / "terms.txt").write_text("Ask me.", encoding="utf-8")
    done = call("plan.yaml", *every(), "--speaker", "kofi", "--speaker", "ama", "--license-file", "terms.txt")
    assert done.exit_code == 0, done.output
    assert plan_in(folder / "plan.yaml") == VoicePlan(
        name="Ama",
        license="CC-BY-4.0",
        license_file=str(folder / "terms.txt"),
        consent=CONSENT,
        speakers=("kofi", "ama"),
        recordings=str(folder / "recordings"),
        output=str(folder / "Ama"),
    )
    assert done.stdout == "plan.yaml\n"
    assert done.stderr == "next: kalakan train --recipe my_voice --config plan.yaml\n"


def test_what_no_option_says_is_asked_until_the_answer_fits(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voice_plan, "is_terminal", lambda: True)
    answers = ["../x", "Ama", "nowhere", "recordings", "", "free", "CC0-1.0", " ", CONSENT]
    done = call(answers="\n".join(answers) + "\n")
    assert done.exit_code == 0, done.output
    plan = plan_in(folder / "Ama.yaml")
    assert (plan.name, plan.license, plan.consent) == ("Ama", "CC0-1.0", CONSENT)
    assert plan.speakers == ("ama", "kofi")
    for word in ("must be fit for a folder", "is not a folder", "no SPDX identifier"):
        assert word in done.output
    monkeypatch.setattr(voice_plan, "is_terminal", lambda: False)
    done = call("other.yaml", "--name", "Ama")
    assert done.exit_code == 2
    assert "give --recordings, --license, --consent: standard input is no terminal" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (every(name=""), "name '' must be fit for a folder"),
        (every(name="a/b"), "name 'a/b' must be fit for a folder"),
        (every(recordings="nowhere"), "nowhere: is not a folder"),
        (every(license="free"), "license 'free' is no SPDX identifier"),
        (every(consent=" "), "consent is empty; a voice is made of nobody who has not agreed"),
        ([*every(), "--license-file", "none.txt"], "none.txt: is not a file"),
        (
            [*every(), "--speaker", "ama", "--speaker", "yaw"],
            "speakers are ama, yaw and recordings has ama, kofi; name each of these once, or one name for everyone",
        ),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_wrong_answer_is_an_error(arguments: list[str], message: str) -> None:
    done = call(*arguments)
    assert isinstance(done.exception, KalakanError)
    assert str(done.exception).startswith(message)


def test_a_file_is_replaced_only_on_demand(folder: Path) -> None:
    assert call("a.yaml", *every()).exit_code == 0
    assert "a.yaml: is there already" in str(call("a.yaml", *every(name="Efua")).exception)
    assert plan_in(folder / "a.yaml").name == "Ama"
    assert call("a.yaml", *every(name="Efua"), "--force").exit_code == 0
    assert plan_in(folder / "a.yaml").name == "Efua"


def test_one_name_is_everyones(folder: Path) -> None:
    assert call("a.yaml", *every(), "--speaker", "Efua").exit_code == 0
    assert plan_in(folder / "a.yaml").speakers == ("Efua",)
