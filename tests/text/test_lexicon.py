"""A user's lexicon: what is no entry is an error that names its line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kalakan.errors import TextError
from kalakan.text.lexicon import read_lexicon
from kalakan.text.twi_g2p import TwiG2P


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "bra\tb ɾ a\nkojo\tk o dʑ o\nBRA\tb ɾ a\n",
            r"line 3: 'BRA' stands there twice, before at .*line 1; keep",
        ),
        ("ɔba\tɔ b a\nɔba \tɔ b a ˥\n", r"line 2: 'ɔba' stands there twice"),
        ("e\u0301bo\te b o\n\u00e9bo\te b o\n", "line 2: .* stands there twice"),
        ("# ours\nbra\tb ɾ a\tto come\n", "line 2: has 3 columns; there are two, the word and its units"),
        ("bra\t˥ b ɾ a\n", "line 1: begins with a tone; it stands behind the sound that has it"),
        ("bra\t˥\n", "line 1: begins with a tone"),
        ("bra\t_\n", "line 1: holds no sound; give the units of a word"),
    ],
)
def test_what_is_no_entry_is_named_by_its_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "lexicon.tsv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(TextError, match=message):
        TwiG2P(lexicon=path)


def test_a_mapping_has_the_same_rules() -> None:
    with pytest.raises(TextError, match="lexicon entry 'Kojo': 'Kojo' stands there twice"):
        TwiG2P(lexicon={"kojo": "k o dʑ o", "Kojo": "k o"})
    with pytest.raises(TextError, match="lexicon entry 'pa': begins with a tone"):
        TwiG2P(lexicon={"pa": "˥ p a"})


@pytest.mark.parametrize("lexicon", [5, ["a"], b"a.tsv", {"a": 5}, {5: "a"}, {"a": None}])
def test_what_is_no_lexicon_is_refused(lexicon: object) -> None:
    with pytest.raises(TextError, match="lexicon"):
        TwiG2P(lexicon=lexicon)  # type: ignore[arg-type]


def test_a_tab_at_the_end_is_no_column(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("bra\tb ɾ a\t\n", encoding="utf-8")
    assert [entry[:2] for entry in read_lexicon(tmp_path / "a")] == [("bra", "b ɾ a")]


@pytest.mark.skipif(os.name == "nt", reason="needs a locale of POSIX")
def test_its_name_may_be_of_no_locale(tmp_path: Path) -> None:
    path = tmp_path / "ɔdɔ.tsv"
    path.write_text("kojo\tk o\n", encoding="utf-8")
    code = "import sys; from kalakan.text.twi_g2p import TwiG2P; TwiG2P(lexicon=sys.argv[1])"
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", code, str(path)], env=environment, cwd=tmp_path, check=True)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a file without an end")
def test_a_file_without_an_end_is_refused() -> None:
    with pytest.raises(TextError, match="/dev/zero has more than 16 MiB"):
        read_lexicon("/dev/zero")
