"""Transcripts in the list files of well-known corpora: a name and its text on each line, speakers elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kalakan.data.preparation.source_files import SOUND_SUFFIXES, SourceFiles
from kalakan.data.preparation.tables import Line
from kalakan.data.text_files import read_text, split_lines
from kalakan.errors import DataError
from kalakan.storage import real_path

_KALDI = ("wav.scp", "text")
_ARCTIC = re.compile(r'\(\s*(\S+)\s+"(.*)"\s*\)\s*')
_ARCTIC_FOLDER = re.compile(r"cmu_\w\w_(\w+)_arctic", re.IGNORECASE)
_JVS_SPEAKER = re.compile(r"jvs\d+", re.IGNORECASE)
_ARCHIVED = re.compile(r"\.ark:\d+(\[.*\])?$")
_FLEURS_COLUMNS = 7
_SEXES = ("MALE", "FEMALE", "OTHER")


@dataclass(frozen=True)
class Listed:
    """The lines of one list file, like a `Table`."""

    path: Path
    """The file."""
    entries: tuple[Line, ...]
    """Its lines."""
    said: str
    """How it was interpreted, after the file's name."""
    home: Path | None = None
    """The folder that its names are looked for in first, where that is not the file's own."""

    def lines(self) -> Iterator[Line]:
        """The parsed lines; one that cannot be used has a `fault`."""
        yield from self.entries

    def reading(self) -> str:
        """How the file is interpreted: "line_index.tsv: name, text; speakers from the names"."""
        return f"{self.path.name}: {self.said}"


def _named(path: Path, separator: str, speaker: Callable[[str], str], said: str) -> Listed:
    """A list of names and texts; `speaker` gives the speaker for a name."""
    entries = []
    for number, line in _numbered(path):
        name, found, text = line.partition(separator) if separator else _at_space(line)
        name = name.strip()
        place = f"{path.name}:{number}"
        fault = (
            None if found and name else f"{place}: {line[:40]!r} must be a name, {separator!r} and the text"
        )
        entries.append(Line(place, name, text.strip(), speaker(name), None, fault))
    return Listed(path, tuple(entries), said)


def _at_space(line: str) -> tuple[str, str, str]:
    name, *rest = line.split(maxsplit=1)
    return name, " ", rest[0] if rest else ""


def _numbered(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(split_lines(read_text(path)), 1):
        if line.strip():
            yield number, line.strip()


def _first_name(path: Path, separator: str) -> str:
    """The first name of a list; "" for a file that is none."""
    try:
        line = next((line for _, line in _numbered(path)), "")
    except DataError:
        return ""
    return (line.partition(separator)[0] if separator else _at_space(line or " x")[0]).strip()


def librispeech_lists(files: SourceFiles) -> list[Path]:
    """LibriSpeech's `84-121123.trans.txt` (`ID TEXT`) and MLS's `transcripts.txt` (`ID<tab>TEXT`)."""
    paths = [
        path
        for path in files.texts
        if path.name.lower().endswith(".trans.txt") or path.name.lower() == "transcripts.txt"
    ]
    return [path for path in paths if files.sound(_first_name(path, ""), path.parent)]


def librispeech(files: SourceFiles) -> list[Listed]:
    """The lists of `librispeech_lists`; the speaker is the name's first number."""
    said = "name and text; speakers from the names"
    return [
        _named(path, "", lambda name: re.split("[-_]", name)[0], said) for path in librispeech_lists(files)
    ]


def jsut_lists(files: SourceFiles) -> list[Path]:
    """JSUT's and JVS's `transcript_utf8.txt` or `transcripts_utf8.txt`, `ID:TEXT`."""
    return [path for path in files.texts if path.name in ("transcript_utf8.txt", "transcripts_utf8.txt")]


def jsut(files: SourceFiles) -> list[Listed]:
    """The lists of `jsut_lists`. JSUT's name no speakers; JVS's stand in a folder of each, `jvs001/parallel100`."""
    made = []
    for path in jsut_lists(files):
        home = path.parent.parent.name if _JVS_SPEAKER.fullmatch(path.parent.parent.name) else ""
        said = "name and text; speakers from the folders" if home else "name and text"
        made.append(_named(path, ":", lambda _, home=home: home, said))  # type: ignore[misc]
    return made


def line_index_lists(files: SourceFiles) -> list[Path]:
    """OpenSLR's `line_index.tsv` or `.csv`, also one for each sex (`line_index_female.tsv`)."""
    return [
        path
        for path in files.others
        if path.name.startswith("line_index") and path.suffix.lower() in (".tsv", ".csv")
    ]


def line_index(files: SourceFiles) -> list[Listed]:
    """The lists of `line_index_lists`: `NAME<tab>TEXT`, or in a .csv `LINE, NAME, TEXT`.

    The speaker is the name without its last part: `twi_0184` of `twi_0184_0049123456`.
    """
    made = []
    for path in line_index_lists(files):
        entries = []
        for number, line in _numbered(path):
            place = f"{path.name}:{number}"
            fields = [field.strip() for field in line.split("\t" if path.suffix.lower() == ".tsv" else ",")]
            if path.suffix.lower() == ".csv" and len(fields) > 2:
                fields = [fields[1], ", ".join(fields[2:])]
            fault = None
            if len(fields) < 2:
                fault = f"{place}: has {len(fields)} columns and must have 2: name and text"
            entries.append(Line(place, fields[0], fields[-1], fields[0].rpartition("_")[0], None, fault))
        made.append(Listed(path, tuple(entries), "name and text; speakers from the names"))
    return made


def fleurs_lists(files: SourceFiles) -> list[Path]:
    """FLEURS's `train.tsv`, `dev.tsv` and `test.tsv`: 7 columns without a header, the last of them a sex."""
    found = []
    for path in files.others:
        if path.suffix.lower() == ".tsv" and path.parent == files.root:
            fields = next((line for _, line in _numbered(path)), "").split("\t")
            if len(fields) == _FLEURS_COLUMNS and fields[-1].strip().upper() in _SEXES:
                found.append(path)
    return found


def fleurs(files: SourceFiles) -> list[Listed]:
    """The lists of `fleurs_lists`: the third column is the text as written. They name no speakers, only sexes."""
    made = []
    for path in fleurs_lists(files):
        entries = []
        for number, line in _numbered(path):
            place, fields = f"{path.name}:{number}", [field.strip() for field in line.split("\t")]
            if len(fields) == _FLEURS_COLUMNS:
                entries.append(Line(place, fields[1], fields[2], fields[-1].lower()))
            else:
                fault = f"{place}: has {len(fields)} columns and must have {_FLEURS_COLUMNS}"
                entries.append(Line(place, fields[min(1, len(fields) - 1)], "", "", None, fault))
        said = (
            "audio from column 2, text from column 3; the sex, column 7, as the speaker, for nobody is named"
        )
        made.append(Listed(path, tuple(entries), said))
    return made


def arctic_lists(files: SourceFiles) -> list[Path]:
    """CMU Arctic's and Festvox's `etc/txt.done.data`."""
    return [path for path in files.others if path.name == "txt.done.data" and path.parent.name == "etc"]


def arctic(files: SourceFiles) -> list[Listed]:
    """The lists of `arctic_lists`: `( NAME "TEXT" )`. The speaker is `slt` of a folder `cmu_us_slt_arctic`."""
    made = []
    for path in arctic_lists(files):
        home = real_path(path.parent.parent).name
        known = _ARCTIC_FOLDER.fullmatch(home)
        is_inner = path.parent.parent != files.root
        speaker = known[1] if known else home if is_inner else ""
        entries = []
        for number, line in _numbered(path):
            place, match = f"{path.name}:{number}", _ARCTIC.fullmatch(line)
            if match is None:
                fault = f'{place}: {line[:40]!r} must be ( name "text" )'
                entries.append(Line(place, "", "", speaker, None, fault))
                continue
            text = match[2].replace('\\"', '"')
            name = match[1]
            entries.append(Line(place, name, text, speaker, id=f"{speaker}_{name}" if is_inner else name))
        made.append(Listed(path, tuple(entries), "name and text", path.parent.parent))
    return made


def vits_lists(files: SourceFiles) -> list[Path]:
    """VITS's and Tacotron's file lists (.txt): `AUDIO|TEXT`, or `AUDIO|SPEAKER|TEXT`.

    Lists of phonemes (`.cleaned`) are not among them.
    """
    found = []
    for path in files.texts:
        if path.suffix.lower() == ".txt" and ("list" in path.stem.lower() or path.parent.name == "filelists"):
            first = _first_name(path, "|")
            if first.lower().endswith(SOUND_SUFFIXES):
                found.append(path)
    return found


def kaldi_folders(files: SourceFiles) -> list[Path]:
    """Folders with Kaldi's and ESPnet's `wav.scp` and `text`."""
    names = {path.parent for path in files.others if path.name == _KALDI[0]}
    return sorted(folder for folder in names if (folder / _KALDI[1]).is_file())


def kaldi(files: SourceFiles) -> list[Listed]:
    """The folders of `kaldi_folders`, with `utt2spk` and `segments` where they are there.

    A command in `wav.scp` is never run, and archives (`.ark`) are not read: such lines have a fault.
    """
    return [_kaldi_folder(folder) for folder in kaldi_folders(files)]


def _kaldi_folder(folder: Path) -> Listed:
    sounds = _pairs(folder / _KALDI[0])
    speakers = _pairs(folder / "utt2spk") if (folder / "utt2spk").is_file() else {}
    segments = _pairs(folder / "segments") if (folder / "segments").is_file() else None
    entries = []
    for number, line in _numbered(folder / _KALDI[1]):
        name, _, text = _at_space(line)
        place = f"{folder.name}/text:{number}"
        recording, stretch, fault = _kaldi_stretch(name, segments, place)
        audio = sounds.get(recording, "")
        fault = fault or _kaldi_fault(recording, audio, place)
        entries.append(Line(place, audio, text, speakers.get(name, ""), stretch, fault, id=name))
    parts = ["audio from wav.scp"]
    parts += ["stretches from segments"] if segments is not None else []
    parts += ["speakers from utt2spk"] if speakers else []
    return Listed(folder / _KALDI[1], tuple(entries), ", ".join(parts))


def _kaldi_stretch(
    name: str, segments: Mapping[str, str] | None, place: str
) -> tuple[str, tuple[float, float] | None, str | None]:
    """Name of the recording of an utterance, its stretch, and what is wrong with that."""
    if segments is None:
        return name, None, None
    try:
        recording, first, last = segments.get(name, "").split()
        start, end = float(first), float(last)
        if not 0 <= start < end:
            raise ValueError
    except ValueError:
        return name, None, f"{place}: segments has no recording, start and end in seconds for {name}"
    return recording, (start, end), None


def _kaldi_fault(name: str, audio: str, place: str) -> str | None:
    if not audio:
        return f"{place}: wav.scp names no audio for {name}"
    loop = "while read -r name place; do"
    if audio.endswith("|"):
        way = f"""{loop} bash -c "${{place%|}}" > "$name.wav"; done < wav.scp"""
        return f"{place}: wav.scp has a command for {name}, which is not run here; write files: {way}"
    if _ARCHIVED.search(audio):
        way = f"""{loop} wav-copy "$place" "$name.wav"; done < wav.scp"""
        return f"{place}: the audio of {name} is in a Kaldi archive; write files: {way}"
    return None


def _pairs(path: Path) -> dict[str, str]:
    found = {}
    for _, line in _numbered(path):
        name, _, rest = _at_space(line)
        found[name] = rest
    return found
