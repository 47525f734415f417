"""What people's folders look like: nothing in them is lost without a word."""

from __future__ import annotations

import math
import sys
import unicodedata
from pathlib import Path

import pytest

import recordings as sources
from kalakan.data.preparation.layouts import Source, read_layout
from kalakan.data.preparation.tables import read_table
from kalakan.errors import DataError


def wav(root: Path, name: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"RIFF")


def write(root: Path, name: str, text: str, encoding: str = "utf-8") -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))


def said(source: Source) -> dict[str, str | None]:
    return {item.id: item.text for item in source.recordings}


def speakers(source: Source) -> dict[str, str]:
    return {item.id: item.speaker for item in source.recordings}


@pytest.mark.parametrize(
    ("table", "texts"),
    [
        ("a|Mekɔ fie.\nb|Yoo.\n", ("Mekɔ fie.", "Yoo.")),
        ("id|text\na|Mekɔ fie.\nb|Yoo.\n", ("Mekɔ fie.", "Yoo.")),
        ("a|Mekɔ 1.|Mekɔ baako.\nb|Yoo.|\n", ("Mekɔ baako.", "Yoo.")),
        ("file_name|Transcription|Normalized_Transcription\na|1|baako\nb|Yoo.|\n", ("baako", "Yoo.")),
        ("\ufeffa|Mekɔ fie.\r\nb|Yoo.\r\n", ("Mekɔ fie.", "Yoo.")),
        ("a|Mekɔ | fie.\nb|Yoo.\nc|Daabi.\n", ("Mekɔ | fie.", "Yoo.")),
        ("a|Mekɔ | fie.|Mekɔ | fie.\nb|Yoo.|Yoo.\nc|Daabi.|Daabi.\n", ("Mekɔ | fie.", "Yoo.")),
        ("a|Mekɔ\u2028fie\x85.\nb|Yoo.\n", ("Mekɔ\u2028fie\x85.", "Yoo.")),
        ("wavs/a.wav|kofi|Mekɔ fie.\nwavs\\b.wav|kofi|Yoo.\n", ("Mekɔ fie.", "Yoo.")),
        ('a|"Mekɔ fie."\nb|"Yoo."\n', ('"Mekɔ fie."', '"Yoo."')),
    ],
)
def test_ljspeech_as_people_write_it(table: str, texts: tuple[str, str], tmp_path: Path) -> None:
    for name in "abc":
        wav(tmp_path, f"wavs/{name}.wav")
    write(tmp_path, "metadata.csv", table)
    source = read_layout(tmp_path)
    assert source.layout == "ljspeech"
    assert (said(source)["a"], said(source)["b"]) == texts
    assert all(item.audio.is_file() and item.fault is None for item in source.recordings)
    assert set(speakers(source).values()) == {"kofi" if "kofi" in table else "speaker"}
    assert source.without_text == (() if "\nc|" in table else ("wavs/c.wav",))


@pytest.mark.parametrize(
    ("table", "found"),
    [
        (
            "a|Mekɔ fie.|kofi\nb|Yoo, bra ha.|kofi\n",
            {"a": ("Mekɔ fie.", "kofi"), "b": ("Yoo, bra ha.", "kofi")},
        ),
        (
            "a|kofi|Mekɔ fie.\nb|kofi|Yoo, bra ha.\n",
            {"a": ("Mekɔ fie.", "kofi"), "b": ("Yoo, bra ha.", "kofi")},
        ),
        (
            "a|Mekɔ fie seesei.|Ama Serwaa\nb|Yoo.|Ama Serwaa\nc|Bra ha ntɛm.|Ama Serwaa\n",
            {"a": ("Mekɔ fie seesei.", "Ama_Serwaa"), "b": ("Yoo.", "Ama_Serwaa")},
        ),
        # The same prompts again and again are texts and their normal forms, not speakers.
        ("a|25|aduonu num\nb|25|aduonu num\nc|3|mmiɛnsa\nd|3|mmiɛnsa\n", {"a": ("aduonu num", "speaker")}),
        ("a|Mekɔ fie!|mekɔ fie\nb|Mekɔ fie!|mekɔ fie\n", {"a": ("mekɔ fie", "speaker")}),
    ],
)
def test_the_third_column_may_be_the_speaker(
    table: str, found: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    for name in "abcd":
        wav(tmp_path, f"wavs/{name}.wav")
    write(tmp_path, "metadata.csv", table)
    source = read_layout(tmp_path)
    for name, (text, speaker) in found.items():
        assert said(source)[name] == text
        assert speakers(source)[name].startswith(speaker)


def test_what_columns_were_read_as_is_said(tmp_path: Path) -> None:
    wav(tmp_path, "wavs/a.wav")
    write(tmp_path, "metadata.csv", "a|Mekɔ fie seesei.|kofi\nb|Yoo, bra ha.|kofi\n")
    assert read_layout(tmp_path).columns == (
        "metadata.csv (no header): audio from column 1, text from column 2, speaker from column 3",
    )
    write(tmp_path, "metadata.csv", "id|sentence|speaker|start|end\na|Yoo.|kofi|0|1\n")
    assert read_layout(tmp_path).columns == (
        "metadata.csv: audio from id, text from sentence, speaker from speaker, start from start, end from end",
    )
    write(tmp_path, "metadata.csv", "id|sentence|age|wer|\na|Yoo.|30|0.1|\n")
    assert read_layout(tmp_path).columns == (
        "metadata.csv: audio from id, text from sentence; not read: age, wer",
    )


@pytest.mark.parametrize(
    ("header", "line", "stretch"),
    [
        ("path,text,start,end", "a.wav,Yoo.,1.5,3", (1.5, 3.0)),
        ("path,text,start_ms,end_ms", "a.wav,Yoo.,1500,3000", (1.5, 3.0)),
        ("path,text,start_time,end_time", "a.wav,Yoo.,1.5,", (1.5, math.inf)),
        ("path,text,offset,duration", "a.wav,Yoo.,1.5,1.5", (1.5, 3.0)),
        ("path,text,onset,offset", "a.wav,Yoo.,1.5,3", (1.5, 3.0)),
        ("path,text,onset,duration", "a.wav,Yoo.,1.5,", (1.5, math.inf)),
        ("path,text,begin_time_s,length (ms)", "a.wav,Yoo.,1.5,1500", (1.5, 3.0)),
        ("path,text,from,to", "a.wav,Yoo.,1.5,3", (1.5, 3.0)),
        ("path,text,xmin,xmax,duration", "a.wav,Yoo.,1.5,3,9", (1.5, 3.0)),
        ("path,text,Start [sec],End [sec]", "a.wav,Yoo.,1.5,3", (1.5, 3.0)),
        ("path,text,duration", "a.wav,Yoo.,3", None),
        ("path,text,offset,duration", "a.wav,Yoo.,,3", None),
        ("path,text,from", "a.wav,Yoo.,the Bible", None),
        ("path,text,start,end", "a.wav,Yoo.,,", None),
    ],
)
def test_a_line_may_be_a_stretch_of_its_file(
    header: str, line: str, stretch: tuple[float, float] | None, tmp_path: Path
) -> None:
    wav(tmp_path, "a.wav")
    write(tmp_path, "list.csv", f"{header}\n{line}\n")
    (item,) = read_layout(tmp_path).recordings
    assert (item.stretch, item.fault) == (stretch, None)
    assert item.id == ("a" if stretch is None else "a_0001500")


def test_times_in_an_unknown_unit_are_refused(tmp_path: Path) -> None:
    """Without the unit the whole file would be taken for each line."""
    wav(tmp_path, "a.wav")
    write(tmp_path, "list.csv", "path,text,start_frame,end_frame\na.wav,Yoo.,1,2\n")
    with pytest.raises(
        DataError, match=r"lacks times in seconds, as start and end \(it has start_frame, end_frame"
    ):
        read_layout(tmp_path)


@pytest.mark.parametrize("times", ["2,1", "1,1", "-1,2", "one,2", "nan,2", "inf,"])
def test_a_stretch_that_is_none_is_a_bad_line(times: str, tmp_path: Path) -> None:
    wav(tmp_path, "a.wav")
    write(tmp_path, "list.csv", f"path,text,start,end\na.wav,Yoo.,{times}\n")
    (item,) = read_layout(tmp_path).recordings
    assert item.fault is not None
    assert "are no stretch of a recording, in seconds" in item.fault


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("b", "metadata.csv:2: has 1 columns and must have 3: path|text|normalized_text"),
        ("b|x|y|z", "metadata.csv:2: has 4 columns and must have 3"),
        ("|Yoo.|Yoo.", "metadata.csv:2: names no audio file"),
    ],
)
def test_a_line_that_cannot_be_read_is_one_bad_item(line: str, fault: str, tmp_path: Path) -> None:
    write(tmp_path, "metadata.csv", f"a|Mekɔ.|Mekɔ.\n{line}\nc|Daabi.|Daabi.\nd|Yoo.|Yoo.\n")
    found = read_layout(tmp_path).recordings
    assert len(found) == 4
    faults = [item.fault for item in found if item.fault is not None]
    assert len(faults) == 1
    assert faults[0].startswith(fault)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables_of_other_programs(delimiter: str, tmp_path: Path) -> None:
    rows = (("FileName", "Speaker", "Text"), ("recordings\\A.WAV", "asante_twi_speaker_1", "Dabi."))
    rows += (("recordings/b.wav", "asante_twi_speaker_2", 'ka sɛ: "Yoo"'),)
    quoted = [[f'"{field.replace(chr(34), chr(34) * 2)}"' for field in row] for row in rows]
    lines = rows if delimiter == "\t" else quoted
    name = "list.tsv" if delimiter == "\t" else "list.csv"
    write(tmp_path, name, "\r\n".join(delimiter.join(row) for row in lines), "utf-8-sig")
    wav(tmp_path, "recordings/a.wav")
    wav(tmp_path, "recordings/b.wav")
    source = read_layout(tmp_path)
    assert list(said(source).values()) == ["Dabi.", 'ka sɛ: "Yoo"']
    assert list(speakers(source).values()) == ["asante_twi_speaker_1", "asante_twi_speaker_2"]
    assert all(item.audio.is_file() for item in source.recordings)


def test_a_comma_that_nobody_quoted_stays_in_the_text(tmp_path: Path) -> None:
    write(tmp_path, "list.csv", "path,text\na.wav,Dabi, ɛnte saa\nb.wav,Yoo,,\n")
    assert said(read_layout(tmp_path)) == {"a": "Dabi, ɛnte saa", "b": "Yoo"}
    write(tmp_path, "list.csv", "path,text,speaker\na.wav,Dabi, ɛnte saa,kofi\n")
    assert "has 4 columns and must have 3" in str(read_layout(tmp_path).recordings[0].fault)


def test_every_table_that_fits_is_read_and_repeated_lines_count(tmp_path: Path) -> None:
    write(tmp_path, "dev.csv", "path,text\na.wav,Mekɔ.\n")
    write(tmp_path, "train.csv", "path,text\nb.wav,Yoo.\na.wav,Mekɔ.\na.wav,Daabi.\n")
    write(tmp_path, "notes.csv", "")
    source = read_layout(tmp_path)
    assert sorted(map(str, said(source).values())) == ["Daabi.", "Mekɔ.", "Yoo."]
    assert (len(source.recordings), source.repeated) == (3, 1)
    assert read_layout(tmp_path) == source


def test_a_table_of_the_parts_of_recordings_is_not_read_beside_their_own(tmp_path: Path) -> None:
    write(tmp_path, "clips.tsv", "path\tsentence\na.wav\tMekɔ fie.\nb.wav\tYoo.\n")
    parts = [
        f"{name}\t{text}\t{k / 10}\t{k / 10 + 0.1}"
        for name, text in (("a", "Mekɔ fie."), ("b", "Yoo."))
        for k in range(3)
    ]
    write(tmp_path, "syllables.tsv", "\n".join(["clip\ttext\tstart_s\tend_s", *parts]))
    sounds = [f"{name}.wav\t{sound}\t0.1\t0.05" for name in "ab" for sound in "mekɔfie"]
    write(tmp_path, "sounds.tsv", "\n".join(["path\ttext\tstart\tduration", *sounds]))
    write(tmp_path, "formants.tsv", "clip\tvowel\tf1_hz\na\te\t400\n")
    write(tmp_path, "empty.csv", "")
    source = read_layout(tmp_path)
    assert said(source) == {"a": "Mekɔ fie.", "b": "Yoo."}
    told = dict(line.split(": ", 1) for line in source.left_tables)
    assert set(told) == {"syllables.tsv", "sounds.tsv", "formants.tsv", "empty.csv"}
    assert told["sounds.tsv"] == "its lines are parts of recordings that another table has whole"
    assert "lacks a text column" in told["formants.tsv"]
    (tmp_path / "sounds.tsv").unlink()
    (tmp_path / "clips.tsv").unlink()  # a word said again and again in one file
    assert len(read_layout(tmp_path).recordings) == 6


@pytest.mark.parametrize("other", ["a.wav\tMekɔ fie.", "book.wav\tBible"])
def test_stretches_of_long_recordings_are_recordings(other: str, tmp_path: Path) -> None:
    write(tmp_path, "clips.tsv", f"path\tsentence\n{other}\n")
    write(tmp_path, "book.tsv", "file\ttext\tstart\tend\nbook.wav\tYoo.\t0\t2\nbook.wav\tDaabi.\t2\t5\n")
    texts = sorted(map(str, said(read_layout(tmp_path)).values()))
    assert texts == sorted(["Daabi.", other.partition("\t")[2], "Yoo."])


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ("file,text\na.wav,Daabi.\n", "'Mekɔ.' and 'Daabi.'"),
        ("file,text,speaker\nA.mp3,Mekɔ.,ama\n", "'Mekɔ.' and 'Mekɔ.' of speaker ama"),
    ],
)
def test_two_tables_that_differ_about_a_recording_are_an_error(other: str, told: str, tmp_path: Path) -> None:
    write(tmp_path, "one.csv", "path,text\na.wav,Mekɔ.\nb.wav,Yoo.\n")
    write(tmp_path, "two.csv", other)
    with pytest.raises(
        DataError, match=r"one.csv:2 and two.csv:2 differ about .*; leave one of the tables"
    ) as caught:
        read_layout(tmp_path)
    assert told in str(caught.value)


def test_two_tables_that_agree_are_one(tmp_path: Path) -> None:
    write(tmp_path, "one.csv", "path,text\na.wav,Mekɔ.\n")
    write(tmp_path, "two.csv", "file,text,note\na.wav,Mekɔ.,x\nb.wav,Yoo.,y\n")
    source = read_layout(tmp_path)
    assert (len(source.recordings), source.repeated) == (2, 1)


def test_folders_of_speakers_are_speakers(tmp_path: Path) -> None:
    for name in ("ama/ama_1", "kofi/kofi_1", "wavs/ama/ama_2", "train/2KI/2KI_001"):
        wav(tmp_path, f"{name}.wav")
        write(tmp_path, f"{name}.txt", "Mekɔ.")
    found = speakers(read_layout(tmp_path))
    assert found == {"ama_1": "ama", "kofi_1": "kofi", "ama_2": "ama", "2KI_001": "speaker"}
    assert set(speakers(read_layout(tmp_path, speaker="Yaa")).values()) == {"Yaa"}


@pytest.mark.parametrize(
    ("path", "speaker"),
    [
        ("female/ama/1.wav", "ama"),
        ("ama/session2/1.wav", "ama"),
        ("male/kofi/chapter_01/take 3/1.wav", "kofi"),
        ("train-clean-100/84/121123/84-121123-0001.wav", "84"),
        ("wav48/p225/p225_001.wav", "p225"),
        ("accra/ama/1.wav", "ama"),
        ("42/1.wav", "42"),
        ("female/1.wav", "female"),
        ("female/ama/2024-01-05/1.wav", "ama"),
        ("ama/20240105 1530/1.wav", "ama"),
        ("kofi/5-Jan-2024/1.wav", "kofi"),
        ("kofi/05.01.24/1.wav", "kofi"),
        ("p225/2KI/1.wav", "2KI"),
    ],
)
def test_the_speaker_is_the_innermost_folder_that_can_be_somebody(
    path: str, speaker: str, tmp_path: Path
) -> None:
    wav(tmp_path, path)
    write(tmp_path, path.replace(".wav", ".txt"), "Mekɔ.")
    assert set(speakers(read_layout(tmp_path)).values()) == {speaker}


def test_transcripts_are_found_as_people_name_them(tmp_path: Path) -> None:
    for audio, text in (
        ("A.WAV", "A.TXT"),
        ("b.Flac", "b.lab"),
        ("wav/c.wav", "txt/c.txt"),
        (f"{unicodedata.normalize('NFD', 'Ná')}.ogg", f"{unicodedata.normalize('NFC', 'Ná')}.txt"),
        ("Kɔfi (2).wav", "Kɔfi (2).txt"),
    ):
        wav(tmp_path, audio)
        write(tmp_path, text, "Mekɔ.")
    assert len(read_layout(tmp_path).recordings) == 5


def test_nothing_is_left_aside_without_a_word(tmp_path: Path) -> None:
    for name in ("a.wav", "a.m4a", "phone.m4a", "silent/b.wav", "c.mp3", "c.wav"):
        wav(tmp_path, name)
    for name in ("a.txt", "phone.txt", "c.txt", "README.txt"):
        write(tmp_path, name, "Mekɔ.")
    wav(tmp_path, "._a.wav")
    source = read_layout(tmp_path)
    assert [item.audio.name for item in source.recordings] == ["a.wav", "c.wav", "phone.m4a"]
    assert source.without_text == ("a.m4a", "c.mp3", "silent/b.wav")
    assert source.without_audio == ("README.txt",)


def test_equal_names_in_two_folders_are_two_items(tmp_path: Path) -> None:
    for name in ("train/0", "test/0", "test/A", "train/a"):
        wav(tmp_path, f"{name}.wav")
        write(tmp_path, f"{name}.txt", name)
    found = read_layout(tmp_path)
    ids = [item.id for item in found.recordings]
    assert len({name.lower() for name in ids}) == 4
    assert {"0", "A"} < set(ids)
    assert read_layout(tmp_path) == found


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_links_are_followed_once(tmp_path: Path) -> None:
    root = tmp_path / "source"
    for name in ("one", "two"):
        wav(tmp_path, f"disk/{name}.wav")
        write(tmp_path, f"disk/{name}.txt", "Mekɔ.")
    root.mkdir()
    (root / "kofi").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "back").symlink_to(root)
    assert set(speakers(read_layout(root)).values()) == {"kofi"}
    assert len(read_layout(root).recordings) == 2


def test_names_that_no_file_can_have_are_missing_audio(tmp_path: Path) -> None:
    write(tmp_path, "list.tsv", f"path\ttext\n{'x' * 5000}.wav\tMekɔ.\n../a.wav\tMekɔ.\n")
    assert [item.fault for item in read_layout(tmp_path).recordings] == [None, None]


def test_who_gives_the_folder_above_is_told(tmp_path: Path) -> None:
    write(tmp_path, "LJSpeech-1.1/metadata.csv", "a|Mekɔ.\n")
    with pytest.raises(DataError, match=r"did you mean .*LJSpeech-1.1, which has a table\?"):
        read_layout(tmp_path)


def test_windows_text_is_read(tmp_path: Path) -> None:
    write(tmp_path, "list.csv", "path,text\r\na.wav,Mekɔ.\r\n", "utf-16")
    (line,) = read_table(tmp_path / "list.csv").lines()
    assert (line.path, line.text) == ("a.wav", "Mekɔ.")
    write(tmp_path, "list.csv", "path,text\r\na.wav,Mekɔ.\r\n", "utf-16-le")
    with pytest.raises(DataError, match=r"is not UTF-8|holds zero bytes"):
        read_table(tmp_path / "list.csv")


def test_every_layout_of_the_tests_is_read_twice_alike(tmp_path: Path) -> None:
    for name, make in sources.SOURCES.items():
        make(tmp_path / name)
        assert read_layout(tmp_path / name) == read_layout(tmp_path / name)
