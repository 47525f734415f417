"""Folders of well-known corpora and toolkits: read as they are, or refused with the command that converts them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

import recordings as sources
from kalakan.cli.prepare import command
from kalakan.data.preparation.layouts import LAYOUTS, read_layout
from kalakan.data.preparation.recording import Source
from kalakan.errors import DataError

FIRST, SECOND = "Akwaaba, wo ho te sɛn?", "Mekɔ sukuu anɔpa biara."


def wav(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"RIFF")


def write(root: Path, name: str, *lines: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def vctk(root: Path) -> None:
    for stem in ("p225_001", "s5_002"):
        speaker = stem.partition("_")[0]
        wav(root, *(f"wav48_silence_trimmed/{speaker}/{stem}_mic{number}.flac" for number in (2, 1)))
    write(root, "txt/p225/p225_001.txt", FIRST)
    write(root, "txt/s5/s5_002.txt", SECOND)
    write(root, "speaker-info.txt", "ID AGE GENDER", "p225 23 F")


def libritts(root: Path) -> None:
    for chapter, stem, text in (("121", "84_121_000_001", FIRST), ("122", "84_122_000_002", SECOND)):
        place = f"train-clean-100/84/{chapter}/{stem}"
        wav(root, f"{place}.wav")
        write(root, f"{place}.original.txt", "As it was printed, 1905.")
        write(root, f"{place}.normalized.txt", text)
        write(root, f"train-clean-100/84/{chapter}/84_{chapter}.trans.tsv", f"{stem}\t1905\t{text}")
    write(root, "reader_book.tsv", "reader\tbook", "84\tx")


def librispeech(root: Path) -> None:
    wav(root, "train/84/121/84-121-0001.flac", "train/84/121/84-121-0002.flac")
    write(root, "train/84/121/84-121.trans.txt", f"84-121-0001 {FIRST}", f"84-121-0002 {SECOND}")
    write(root, "SPEAKERS.TXT", ";ID | SEX", "84 | F")


def mls(root: Path) -> None:
    wav(root, "train/audio/84/121/84_121_000001.flac", "dev/audio/84/121/84_121_000002.flac")
    write(root, "train/transcripts.txt", f"84_121_000001\t{FIRST}")
    write(root, "dev/transcripts.txt", f"84_121_000002\t{SECOND}")
    write(root, "train/segments.txt", "84_121_000001\thttp://example.org/a.mp3\t1.0\t2.0")


def jsut(root: Path) -> None:
    wav(root, "basic5000/wav/BASIC5000_0001.wav", "loanword128/wav/LOANWORD128_001.wav")
    write(root, "basic5000/transcript_utf8.txt", f"BASIC5000_0001:{FIRST}")
    write(root, "loanword128/transcript_utf8.txt", f"LOANWORD128_001:{SECOND}")
    write(root, "ChangeLog.txt", "1.1")


def jvs(root: Path) -> None:
    """The names are the same for every speaker."""
    for speaker, text in (("jvs001", FIRST), ("jvs002", SECOND)):
        wav(root, f"{speaker}/parallel100/wav24kHz16bit/VOICEACTRESS100_001.wav")
        write(root, f"{speaker}/parallel100/transcripts_utf8.txt", f"VOICEACTRESS100_001:{text}")
    write(root, "gender_f0range.txt", "speaker Male_or_Female minf0[Hz] maxf0[Hz]", "jvs001 M 69 400")


def thorsten(root: Path) -> None:
    wav(root, "wavs/a1b2.wav", "wavs/c3d4.wav")
    write(root, "metadata_train.csv", f"a1b2|{FIRST}")
    write(root, "metadata_dev.csv", f"c3d4|{SECOND}")


def mailabs(root: Path) -> None:
    home = "tw_GH/by_book/female/ama_k/kwasea"
    wav(root, f"{home}/wavs/kwasea_01_f000001.wav", f"{home}/wavs/kwasea_01_f000002.wav")
    lines = (f"kwasea_01_f000001|1905|{FIRST}", f"kwasea_01_f000002|1906|{SECOND}")
    write(root, f"{home}/metadata.csv", *lines)
    write(root, f"{home}/metadata_mls.json", "{}")


def fleurs(root: Path) -> None:
    wav(root, "audio/train/111.wav", "audio/dev/222.wav")
    for split, name, text in (("train", "111", FIRST), ("dev", "222", SECOND)):
        write(root, f"{split}.tsv", f"7\t{name}.wav\t{text}\t{text.lower()}\tx | y\t99840\tFEMALE")


def openslr(root: Path) -> None:
    wav(root, "twf_0184_001.wav", "twf_0184_002.wav")
    write(root, "line_index.tsv", f"twf_0184_001\t{FIRST}", f"twf_0184_002\t{SECOND}")


def openslr_csv(root: Path) -> None:
    wav(root, "twf_0184_001.wav", "twf_0184_002.wav")
    write(root, "line_index.csv", f"L1, twf_0184_001, {FIRST}", f"L2, twf_0184_002, {SECOND}")


def kaldi(root: Path) -> None:
    wav(root, "audio/one.wav", "audio/two.wav")
    for split, name, text in (("train", "one", FIRST), ("dev", "two", SECOND)):
        write(root, f"data/{split}/wav.scp", f"{name} audio/{name}.wav")
        write(root, f"data/{split}/text", f"{name} {text}")
        write(root, f"data/{split}/utt2spk", f"{name} ama")


def espnet(root: Path) -> None:
    wav(root, "recording.wav")
    write(root, "dump/raw/tr/wav.scp", "long recording.wav")
    write(root, "dump/raw/tr/segments", "ama-one long 0.5 2.25", "ama-two long 3 4.5")
    write(root, "dump/raw/tr/text", f"ama-one {FIRST}", f"ama-two {SECOND}")
    write(root, "dump/raw/tr/utt2spk", "ama-one ama", "ama-two ama")


def arctic(root: Path) -> None:
    wav(root, "cmu_us_slt_arctic/wav/arctic_a0001.wav", "cmu_us_slt_arctic/wav/arctic_a0002.wav")
    lines = (f'( arctic_a0001 "{FIRST}" )', f'( arctic_a0002 "{SECOND}" )')
    write(root, "cmu_us_slt_arctic/etc/txt.done.data", *lines)


def arctic_voices(root: Path) -> None:
    """Several voices in one folder have the same names, and recordings as they were before they were levelled."""
    for speaker, text in (("slt", FIRST), ("bdl", SECOND)):
        home = f"cmu_us_{speaker}_arctic"
        wav(root, f"{home}/wav/arctic_a0001.wav", f"{home}/orig/arctic_a0001.wav")
        write(root, f"{home}/etc/txt.done.data", f'( arctic_a0001 "{text}" )')


def vits(root: Path) -> None:
    wav(root, "DUMMY/one.wav", "DUMMY/two.wav")
    write(root, "filelists/ljs_audio_text_train_filelist.txt", f"DUMMY/one.wav|{FIRST}")
    write(root, "filelists/ljs_audio_text_val_filelist.txt", f"DUMMY/two.wav|{SECOND}")
    write(root, "filelists/ljs_audio_text_val_filelist.txt.cleaned", "DUMMY/two.wav|mɪkɔ")


def vits_speakers(root: Path) -> None:
    wav(root, "DUMMY/one.wav", "DUMMY/two.wav")
    write(root, "train_filelist.txt", f"DUMMY/one.wav|11|{FIRST}", f"DUMMY/two.wav|11|{SECOND}")


def vits_validation(root: Path) -> None:
    """Each speaker once, as in VITS's list for validation."""
    wav(root, "DUMMY2/p364/p364_240.wav", "DUMMY2/p280/p280_148.wav")
    lines = (f"DUMMY2/p364/p364_240.wav|88|{FIRST}", f"DUMMY2/p280/p280_148.wav|52|{SECOND}")
    write(root, "filelists/vctk_audio_sid_text_val_filelist.txt", *lines)


def nemo(root: Path) -> None:
    wav(root, "wavs/one.wav", "wavs/two.wav")
    rows = [
        {"audio_filepath": f"wavs/{name}.wav", "text": text, "duration": 2.0, "speaker": 3}
        for name, text in (("one", FIRST), ("two", SECOND))
    ]
    write(root, "train_manifest.json", *map(json.dumps, rows))
    write(root, "config.json", "{", '"rate": 1', "}")


def piper(root: Path) -> None:
    wav(root, "wav/one.wav", "wav/two.wav")
    rows = [
        {
            "text": text,
            "audio_path": str(root / "wav" / f"{name}.wav"),
            "speaker": "ama",
            "phoneme_ids": [1, 2],
            "audio_norm_path": "cache/x.pt",
        }
        for name, text in (("one", FIRST), ("two", SECOND))
    ]
    write(root, "dataset.jsonl", *map(json.dumps, rows))


def hugging_face(root: Path) -> None:
    for split, text in (("train", FIRST), ("test", SECOND)):
        wav(root, f"{split}/0001.wav")
        row = {"file_name": "0001.wav", "transcription": text, "speaker_id": 12}
        write(root, f"{split}/metadata.jsonl", json.dumps(row))


def audiofolder(root: Path) -> None:
    for split, text in (("train", FIRST), ("test", SECOND)):
        wav(root, f"data/{split}/0001.wav")
        write(root, f"data/{split}/metadata.csv", "file_name,transcription", f'0001.wav,"{text}"')


def webdataset_spk(root: Path) -> None:
    for name, text in (("000001", FIRST), ("000002", SECOND)):
        wav(root, f"{name}.wav")
        write(root, f"{name}.json", json.dumps({"transcript": text, "spk": "kofi", "duration": 1.5}))


def webdataset(root: Path) -> None:
    for name, text in (("000001", FIRST), ("000002", SECOND)):
        wav(root, f"{name}.flac")
        write(root, f"{name}.json", json.dumps({"text": text, "speaker": "ama"}))


CORPORA: dict[Callable[[Path], None], tuple[str, str]] = {
    vctk: ("vctk", "p225 s5"),
    libritts: ("libritts", "84"),
    librispeech: ("librispeech", "84"),
    mls: ("librispeech", "84"),
    jsut: ("jsut", "speaker"),
    jvs: ("jsut", "jvs001 jvs002"),
    thorsten: ("ljspeech", "speaker"),
    mailabs: ("mailabs", "ama_k"),
    fleurs: ("fleurs", "female"),
    openslr: ("lineindex", "twf_0184"),
    openslr_csv: ("lineindex", "twf_0184"),
    kaldi: ("kaldi", "ama"),
    espnet: ("kaldi", "ama"),
    arctic: ("arctic", "slt"),
    arctic_voices: ("arctic", "bdl slt"),
    vits: ("filelist", "speaker"),
    vits_validation: ("filelist", "52 88"),
    vits_speakers: ("filelist", "11"),
    nemo: ("jsonl", "3"),
    piper: ("jsonl", "ama"),
    hugging_face: ("jsonl", "12"),
    audiofolder: ("audiofolder", "speaker"),
    webdataset: ("webdataset", "ama"),
    webdataset_spk: ("webdataset", "kofi"),
}


@pytest.mark.parametrize("make", CORPORA, ids=lambda make: make.__name__)
def test_a_corpus_is_read_as_it_comes(make: Callable[[Path], None], tmp_path: Path) -> None:
    layout, speakers = CORPORA[make]
    make(tmp_path)
    source = read_layout(tmp_path)
    assert source.layout == layout
    assert sorted(text_of(source)) == sorted([FIRST, SECOND])
    assert sorted({item.speaker for item in source.recordings}) == speakers.split()
    assert all(item.audio.is_file() and item.fault is None for item in source.recordings)
    assert len({item.audio for item in source.recordings}) == (1 if make is espnet else 2)
    assert len({item.id for item in source.recordings}) == 2
    assert read_layout(tmp_path, layout) == source


def text_of(source: Source) -> list[str]:
    return [
        item.text_file.read_text(encoding="utf-8").strip() if item.text_file else str(item.text)
        for item in source.recordings
    ]


def test_each_split_has_its_own_audio(tmp_path: Path) -> None:
    hugging_face(tmp_path)
    found = {item.text: item.audio.parent.name for item in read_layout(tmp_path).recordings}
    assert found == {FIRST: "train", SECOND: "test"}


def test_the_first_microphone_is_read(tmp_path: Path) -> None:
    vctk(tmp_path)
    (tmp_path / "wav48_silence_trimmed/s5/s5_002_mic1.flac").unlink()
    source = read_layout(tmp_path)
    assert [item.audio.name for item in source.recordings] == ["p225_001_mic1.flac", "s5_002_mic2.flac"]
    assert source.without_text == ("wav48_silence_trimmed/p225/p225_001_mic2.flac",)


def test_segments_and_offsets_are_stretches(tmp_path: Path) -> None:
    espnet(tmp_path / "espnet")
    found = {item.id: item.stretch for item in read_layout(tmp_path / "espnet").recordings}
    assert found == {"ama-one": (0.5, 2.25), "ama-two": (3.0, 4.5)}
    wav(tmp_path / "nemo", "long.wav")
    row = {"audio_filepath": "long.wav", "text": FIRST, "offset": 1.5, "duration": 2}
    write(tmp_path / "nemo", "manifest.json", json.dumps(row))
    assert [item.stretch for item in read_layout(tmp_path / "nemo").recordings] == [(1.5, 3.5)]


@pytest.mark.parametrize(
    ("scp", "segments", "fault"),
    [
        ("one sph2pipe -f wav one.sph |", None, "wav.scp has a command for one, which is not run here"),
        ("one raw.ark:42", None, "the audio of one is in a Kaldi archive"),
        ("two two.wav", None, "wav.scp names no audio for one"),
        ("one one.wav", "one one 3 2", "segments has no recording, start and end in seconds for one"),
        ("one one.wav", "two one 1 2", "segments has no recording, start and end in seconds for one"),
    ],
)
def test_kaldi_lines_that_cannot_be_read(scp: str, segments: str | None, fault: str, tmp_path: Path) -> None:
    write(tmp_path, "wav.scp", scp)
    write(tmp_path, "text", f"one {FIRST}")
    if segments:
        write(tmp_path, "segments", segments)
    (item,) = read_layout(tmp_path).recordings
    assert fault in str(item.fault)


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are of a Unix shell")
def test_commands_of_wav_scp_become_files_by_the_command_given(tmp_path: Path) -> None:
    write(tmp_path, "wav.scp", "one printf %s RIFF |")
    write(tmp_path, "text", f"one {FIRST}")
    (item,) = read_layout(tmp_path).recordings
    way = str(item.fault).partition("write files: ")[2]
    subprocess.run(["bash", "-c", way], cwd=tmp_path, check=True)
    assert (tmp_path / "one.wav").read_bytes() == b"RIFF"


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are of a Unix shell")
@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "zip"])
def test_archives_are_refused_with_the_command_that_unpacks_them(suffix: str, tmp_path: Path) -> None:
    webdataset(tmp_path / "inside")
    shards = tmp_path / "shards of me"
    shards.mkdir()
    if suffix == "zip":
        import zipfile

        with zipfile.ZipFile(shards / "a.zip", "w") as pack:
            for path in (tmp_path / "inside").iterdir():
                pack.write(path, path.name)
    else:
        with tarfile.open(shards / f"a.{suffix}", "w:gz" if suffix == "tar.gz" else "w") as pack:
            for path in (tmp_path / "inside").iterdir():
                pack.add(path, path.name)
    with pytest.raises(DataError, match="which is not read; unpack it: ") as caught:
        read_layout(shards)
    way = str(caught.value).partition("unpack it: ")[2]
    if suffix == "zip":  # not everywhere is unzip
        assert way == f"unzip {shlex.quote(str(shards / 'a.zip'))} -d UNPACKED"
        return
    subprocess.run(["bash", "-c", way], cwd=tmp_path, check=True)
    assert sorted(text_of(read_layout(tmp_path / "UNPACKED"))) == sorted([FIRST, SECOND])


@pytest.mark.skipif(sys.platform == "win32", reason="the command is of a Unix shell")
@pytest.mark.parametrize("suffix", ["tar.gz", "zip"])
def test_a_table_whose_recordings_are_packed_says_how_to_unpack_them(suffix: str, tmp_path: Path) -> None:
    """FLEURS comes as train.tsv and audio/train.tar.gz."""
    root = tmp_path / "tw gh"
    fleurs(root)
    pack = root / "audio" / f"all.{suffix}"
    if suffix == "zip":
        pack.write_bytes(b"PK")
    else:
        with tarfile.open(pack, "w:gz") as file:
            for split in ("train", "dev"):
                file.add(root / "audio" / split, split)
    for split in ("train", "dev"):
        shutil.rmtree(root / "audio" / split)
    with pytest.raises(DataError, match="none of the 2 recordings that it names is there; all") as caught:
        read_layout(root)
    way = str(caught.value).partition("unpack it: ")[2]
    if suffix == "zip":  # not everywhere is unzip
        assert way == f"unzip {shlex.quote(str(pack))} -d {shlex.quote(str(root / 'audio'))}"
        return
    subprocess.run(["bash", "-c", way], cwd=tmp_path, check=True)
    assert all(item.audio.is_file() for item in read_layout(root).recordings)


_PYARROW = """
class Table:
    def to_pylist(self):
        audio = {"bytes": b"RIFF", "path": "x.flac"}
        return [{"audio": audio, "sentence": text, "speaker_id": 7, "when": object} for text in TEXTS]
def read_table(path):
    return Table()
class ipc:
    class open_stream:
        def __init__(self, path):
            pass
        def read_all(self):
            return Table()
def write_csv(table, path):
    path.write_text("file_name,text\\n" + "".join(f'{i}.wav,"{text}"\\n' for i, text in enumerate(TEXTS)))
"""


def converted(way: str, tmp_path: Path) -> None:
    """Runs the command of a refusal with a stand-in of pyarrow that has what is called: the real one is large."""
    for name in ("__init__", "parquet", "csv"):
        write(tmp_path, f"packages/pyarrow/{name}.py", f"TEXTS = {[FIRST, SECOND]!r}", _PYARROW)
    way = way.replace("python -c", f"{shlex.quote(sys.executable)} -c", 1)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "packages")}
    subprocess.run(["bash", "-c", way], cwd=tmp_path, check=True, env=environment)


@pytest.mark.skipif(sys.platform == "win32", reason="the command is of a Unix shell")
@pytest.mark.parametrize(
    "name", ["data/train-00000-of-00001.parquet", "train/data-00000-of-00001.arrow"], ids=["parquet", "arrow"]
)
def test_packed_tables_are_refused_with_the_command_that_converts_them(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "set of me"
    write(folder, name, "PAR1")
    with pytest.raises(DataError, match=f"{Path(name).name} is an? .* table.*, which is not read") as caught:
        read_layout(folder)
    converted(str(caught.value).partition("(pip install pyarrow): ")[2], tmp_path)
    source = read_layout(tmp_path / "UNPACKED")
    assert text_of(source) == [FIRST, SECOND]
    assert {item.audio.suffix for item in source.recordings} == {".flac"}
    assert {item.speaker for item in source.recordings} == {"7"}


@pytest.mark.skipif(sys.platform == "win32", reason="the command is of a Unix shell")
def test_metadata_in_parquet_becomes_a_table_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "set of me"
    wav(folder, "train/0.wav", "train/1.wav")
    write(folder, "train/metadata.parquet", "PAR1")
    with pytest.raises(DataError, match=r"metadata\.parquet is a Parquet table") as caught:
        read_layout(folder)
    converted(str(caught.value).partition("(pip install pyarrow): ")[2], tmp_path)
    assert text_of(read_layout(folder)) == [FIRST, SECOND]


@pytest.mark.parametrize(
    ("name", "line"), [("list.jsonl", "[1]"), ("list.jsonl", "no json"), ("list.json", '"text"')]
)
def test_a_damaged_line_of_a_manifest_is_named(name: str, line: str, tmp_path: Path) -> None:
    wav(tmp_path, "a.wav")
    write(tmp_path, name, json.dumps({"path": "a.wav", "text": FIRST}), line)
    with pytest.raises(DataError, match=rf"{name}:2: holds .*; it must be a JSON object"):
        read_layout(tmp_path)


def test_other_json_is_no_manifest(tmp_path: Path) -> None:
    sources.plain(tmp_path)
    for name, text in (
        ("a.json", "{}"),
        ("b.json", "[]"),
        ("c.jsonl", "1"),
        ("d.json", '{"text": "x"}'),
        ("e.json", ""),
    ):
        write(tmp_path, name, text)
    assert read_layout(tmp_path).layout == "folder"


def test_the_command_offers_every_layout_and_the_docs_say_how_it_looks() -> None:
    (option,) = (option for option in command.params if option.name == "layout")
    assert tuple(option.type.choices) == ("auto", *LAYOUTS)  # type: ignore[attr-defined]
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    for name, layout in LAYOUTS.items():
        assert f"| `{name}` | {layout.looks.replace('|', chr(92) + '|')} |" in rows


def test_real_files_come_through(tmp_path: Path) -> None:
    vctk(tmp_path)
    path = tmp_path / "wav48_silence_trimmed/p225/p225_001_mic1.flac"
    soundfile.write(path, sources.tone(), 16_000)
    (item, _) = read_layout(tmp_path).recordings
    assert soundfile.info(item.audio).samplerate == 16_000
