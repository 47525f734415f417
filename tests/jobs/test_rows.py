"""Rows of a corpus: what is read from tables, lines and JSON, and which names they get."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kalakan.errors import DataError, KalakanWarning
from kalakan.jobs.corpus import read_corpus
from kalakan.jobs.row import COLUMNS, Defaults, Row
from kalakan.synthesis.options import CONTROLS, SpeakOptions

DEFAULTS = Defaults(SpeakOptions(speaker="akosua", speed=1.25), None, "wav")


def read(folder: Path, name: str, content: str | bytes) -> list[Row]:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_corpus(path, DEFAULTS)


def test_lines_with_a_text_are_counted(tmp_path: Path) -> None:
    rows = read(tmp_path, "a.txt", "\ufeffMaakye!\r\n\r\n  \nDa yie.\u2028Yoo\n")
    assert [(row.number, row.name, row.text, row.file) for row in rows] == [
        (1, "000001", "Maakye!", "000001.wav"),
        (2, "000002", "Da yie.\u2028Yoo", "000002.wav"),
    ]
    assert [row.place for row in rows] == ["line 1", "line 4"]
    assert {row.options for row in rows} == {DEFAULTS.options}


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "semicolon"])
def test_every_control_is_a_column(tmp_path: Path, kind: str) -> None:
    values = {
        "id": "k1",
        "text": "Wo ho te sɛn, Kofi?",
        "voice": "v/akan",
        "speaker": "kwame",
        "speed": 0.9,
        "pitch": -2.0,
        "pitch_range": 1.2,
        "volume": 3.5,
        "energy": 0.5,
        "tones": "written",
        "sentence_pause": 0.25,
        "paragraph_pause": 0.5,
        "heading_pause": 0.75,
        "scene_pause": 1.5,
        "lead_in": 1.0,
        "seed": 7,
        "ssml": True,
        "strict": True,
        "format": "FLAC",
        "chapter": "Ti 1",
    }
    assert set(values) == COLUMNS
    if kind == "jsonl":
        content = json.dumps(values) + "\n"
    else:
        sign = {"csv": ",", "tsv": "\t", "semicolon": ";"}[kind]
        quoted = {"csv": '"Wo ho te sɛn, Kofi?"'}.get(kind, values["text"])
        cells = [str(quoted if name == "text" else value) for name, value in values.items()]
        content = f"{sign.join(values).upper()}\n{sign.join(cells)}\n"
    (row,) = read(tmp_path, f"a.{'csv' if kind == 'semicolon' else kind}", content)
    assert row.fault is None
    assert (row.name, row.text, row.voice, row.format, row.chapter) == (
        "k1",
        values["text"],
        "v/akan",
        "flac",
        "Ti 1",
    )
    assert row.options == SpeakOptions(**{name: values[name] for name in CONTROLS})


def test_empty_fields_are_the_defaults(tmp_path: Path) -> None:
    table, lines = (
        read(tmp_path, "a.csv", "text,speaker,speed,id,format\nYoo,,,,\n"),
        read(tmp_path, "a.jsonl", '{"text": "Yoo", "speed": null, "speaker": ""}\n\n'),
    )
    for row in (*table, *lines):
        assert (row.options, row.format, row.voice, row.fault) == (DEFAULTS.options, "wav", None, None)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("Yoo\tfast\twav", "speed is 'fast'; it must lie between 0.5 and 2"),
        ("Yoo\t9\twav", r"speed is 9\.0; it must lie between 0\.5 and 2"),
        ("Yoo\tnan\twav", "speed is nan"),
        ("Yoo\t1\taac", "aac is not an audio format"),
        ("\t1\twav", "the text is empty"),
        ("Yoo\t1\twav\tmore", "has 4 fields; the header has 3"),
    ],
)
def test_a_value_that_cannot_be_used_is_the_fault_of_its_row(tmp_path: Path, line: str, fault: str) -> None:
    first, second = read(tmp_path, "a.tsv", f"text\tspeed\tformat\n{line}\nYoo\t1\twav\n")
    assert second.fault is None
    assert first.fault is not None
    assert re.search(fault, first.fault)


def test_json_keeps_types(tmp_path: Path) -> None:
    content = '{"text": 5}\n{"text": "Yoo", "ssml": "maybe"}\n{"text": "Yoo", "seed": 1.5}\n{"text": "Yoo", "id": 12}'
    rows = read(tmp_path, "a.jsonl", content)
    assert [row.fault for row in rows] == [
        "text is 5; it must be a string",
        "ssml is 'maybe'; it must be True or False",
        "seed is 1.5; it must be a whole number between 0 and 4294967295",
        None,
    ]
    assert rows[3].name == "12"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "path,sentence\na,b\n", "has no column 'text'.*path, sentence"),
        ("a.jsonl", '{"text": "Yoo"}\n{"text": ', r"a\.jsonl:2: is not valid JSON"),
        ("a.jsonl", "[1]\n", r"a\.jsonl:1: holds list; it must be a JSON object"),
        ("a.txt", "\n \n", "holds no text"),
        ("a.csv", "", "is empty"),
        ("a.csv", "text\n", "holds no text"),
        ("a.txt", b"\xff\xfe\x00", "a.txt: "),
        ("a.xlsx", "", r"a\.xlsx is no corpus that can be read; give \.txt, \.csv"),
    ],
)
def test_a_corpus_that_cannot_be_read(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, name, content)


def test_a_corpus_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv is not a file"):
        read_corpus(tmp_path / "nowhere.csv", DEFAULTS)


def test_unused_columns_are_named_once(tmp_path: Path) -> None:
    with pytest.warns(KalakanWarning, match="columns that are not used: age, gender") as caught:
        read(tmp_path, "a.csv", "text,age,gender\nYoo,3,f\nDa yie,4,m\n")
    assert len(caught) == 1


def test_equal_names_are_refused_before_the_first_file(tmp_path: Path) -> None:
    """EveryVoiceTTS/EveryVoice#716: two rows with one file name overwrote each other without a word."""
    with pytest.raises(
        DataError, match=r"line 2 \('k1'\) and line 3 \('k1'\); line 2 \('k1'\) and line 4 \('K1'\)"
    ):
        read(tmp_path, "f.tsv", "id\ttext\nk1\tMaakye\nk1\tDa yie\nK1\tAkwaaba\n")
    with pytest.raises(
        DataError, match=r"line 2 .* and line 3"
    ):  # composed and decomposed: one file on macOS
        read(tmp_path, "f.tsv", "id\ttext\nk\u00e1\tMaakye\nka\u0301\tDa yie\n")
    with pytest.raises(
        DataError, match=r"line 2 \('000002'\) and line 3 \('000002'\)"
    ):  # an id, and a number
        read(tmp_path, "f.tsv", "id\ttext\n000002\tMaakye\n\tDa yie\n")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../k1", "holds '/'"),
        ("/etc/k1", "holds '/'"),
        ("a\\b", r"holds '\\\\'"),
        ("C:k1", "holds ':'"),
        (".hidden", "begins or ends with a dot"),
        ("..", "begins or ends with a dot"),
        ("k1.", "begins or ends with a dot"),
        ("CON", "is the name of a device"),
        ("nul.a", "is the name of a device"),
        ("ɛ" * 100, "is 200 bytes long; the limit is 180"),
        ("a\u0000b", r"holds '\\x00'"),
        ("\ud800", "is not valid Unicode"),
    ],
)
def test_an_id_that_cannot_name_a_file_is_refused(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(DataError, match=f"line 2: id .*{why}"):
        read(tmp_path, "a.jsonl", '{"text": "Yoo"}\n' + json.dumps({"text": "Yoo", "id": name}))


def test_ids_of_twi_are_names(tmp_path: Path) -> None:
    (row,) = read(tmp_path, "a.jsonl", json.dumps({"text": "Yoo", "id": "Ɛbɔ 1-a_b.c"}))
    assert row.file == "Ɛbɔ 1-a_b.c.wav"
