from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
from torch.utils.data import DataLoader, Subset

import recordings as sources
from kalakan.data.dataset import TwiDataset
from kalakan.data.manifest import read_manifest
from kalakan.data.preparation import items as items_module
from kalakan.data.preparation.corpus import split_of
from kalakan.data.preparation.items import Item
from kalakan.data.preparation.layouts import find_layout
from kalakan.data.preparation.names import safe_id
from kalakan.data.preparation.options import PrepareOptions
from kalakan.data.preparation.prepare import Prepared, prepare
from kalakan.data.preparation.sound import Sound, prepare_sound, speech_bounds
from kalakan.data.preparation.source_files import SourceFiles
from kalakan.data.preparation.transcripts import read_transcript
from kalakan.errors import ConfigError, DataError
from kalakan.synthesis.reading.phrases import TextStage
from kalakan.text.phonemes import symbol_to_id
from kalakan.text.twi_g2p import TwiG2P


def kinds(made: Prepared) -> dict[str, set[str]]:
    return {item.id: {problem.kind for problem in item.problems} for item in (*made.kept, *made.left_out)}


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", sources.SOURCES)
def test_every_layout_is_found_and_becomes_the_same_corpus(name: str, tmp_path: Path) -> None:
    sources.SOURCES[name](tmp_path / "source")
    before = tree(tmp_path / "source")
    assert find_layout(SourceFiles(tmp_path / "source")) == name
    made = prepare(tmp_path / "source", tmp_path / "corpus")
    utterances = read_manifest(tmp_path / "corpus")
    assert sorted(item.text for item in utterances) == sorted(sources.TEXTS.values())
    assert not made.left_out
    speakers = {"commonvoice": "abababababababab", "table": "akosua", "bibletts": "asante-twi"}
    assert {item.speaker for item in utterances} == {speakers.get(name, "speaker")}
    for item in utterances:
        info = soundfile.info(item.audio)
        assert (info.samplerate, info.channels, info.frames) == (24_000, 1, item.samples)
        assert 1.6 <= item.samples / 24_000 <= 1.6 + 2 * 0.15 + 0.1
    assert tree(tmp_path / "source") == before
    assert (tmp_path / "corpus" / "histograms.png").read_bytes().startswith(b"\x89PNG")


def test_units_are_those_of_synthesis() -> None:
    reader = TwiG2P()
    for text in (*sources.TEXTS.values(), "Me din de Kofi", "Ɔ́kɔ́ fie, na mebae"):
        (phrase,) = TextStage(reader, 300).phrases(text)
        assert [symbol_to_id(unit) for unit in read_transcript(text, reader).units] == phrase.ids[1:]


def test_sound_is_trimmed_and_levelled() -> None:
    options = PrepareOptions(margin_ms=100, loudness_lufs=-26)
    sound = prepare_sound(sources.tone(silence=1.0), 16_000, options)
    assert abs(sound.trimmed[0] - 0.9) < 0.03
    assert abs(sound.trimmed[1] - 0.9) < 0.03
    assert abs(pyloudnorm.Meter(24_000).integrated_loudness(sound.samples) + 26) < 0.1
    loud = prepare_sound(sources.tone(), 16_000, PrepareOptions(loudness_lufs=-10))
    assert np.abs(loud.samples).max() <= 0.9901
    assert speech_bounds(np.zeros(8000, np.float32), 16_000) is None


def test_damaged_items_are_named_and_left_out(tmp_path: Path) -> None:
    root = tmp_path / "source"
    sources.plain(root)
    long_text = "Saa bere no mu na me ne me nua kumaa no te dan mu a yemma obiara mma mu da yi ara nso"
    cases = {
        "silent": (np.zeros(16_000, np.float32), "Mekɔ fie."),
        "too_short": (sources.tone(0.3), "Mekɔ."),
        "too_long": (sources.tone(21.0), "Mekɔ fie. " * 12),
        "empty_text": (sources.tone(seed=5), "!!! ..."),
        "mojibake": (sources.tone(seed=6), "Mek\ufffd fie anɔpa."),
        "lost_letters": (sources.tone(4.0, seed=7), long_text),
        "foreign_letters": (sources.tone(seed=8), "Mekɔ fie 漢字 nnɛ."),
        "impossible_rate": (sources.tone(8.0, seed=9), "Mekɔ."),
    }
    for name, (audio, text) in cases.items():
        sources.write(root / f"{name}.wav", audio)
        (root / f"{name}.txt").write_text(text, encoding="utf-8")
    (root / "unreadable_audio.wav").write_bytes(b"RIFF and nothing more")
    (root / "unreadable_audio.txt").write_text("Mekɔ fie.", encoding="utf-8")
    sources.write(root / "unreadable_text.wav", sources.tone(seed=10))
    (root / "unreadable_text.txt").write_bytes(b"Mek\xff fie")
    sources.write(root / "zz_same_audio.wav", sources.tone(seed=0))
    (root / "zz_same_audio.txt").write_text("Mekɔ fie anɔpa yi.", encoding="utf-8")
    made = prepare(root, tmp_path / "corpus")
    found = kinds(made)
    for name in (*cases, "unreadable_audio", "unreadable_text"):
        assert name in found[name], (name, found[name])
    assert "same_audio" in found["zz_same_audio"]
    assert sorted(item.id for item in made.kept) == sorted(sources.TEXTS)
    report = (tmp_path / "corpus" / "report.md").read_text(encoding="utf-8")
    assert "15 recordings: 4 kept, 11 left out." in report
    for item in made.left_out:
        assert f"`{item.id}`" in report
    keeping = prepare(root, tmp_path / "corpus", options=PrepareOptions(keep=("lost_letters",)))
    assert keeping.reused == 15
    assert "lost_letters" in {item.id for item in keeping.kept}


def test_mojibake_and_look_alikes_are_repaired(tmp_path: Path) -> None:
    reader = TwiG2P()
    for broken, repair in (
        ("Wo ho te sÉ›n?", "mojibake"),
        ("Wo ho te sεn?", "letters"),
        ("• Wo ho te sɛn?", "dropped"),
    ):
        transcript = read_transcript(broken, reader)
        assert transcript.text == "Wo ho te sɛn?"
        assert transcript.repairs == (repair,)
        assert not transcript.problems
    assert read_transcript("Wo ho te sɛn?", reader).repairs == ()


def test_corpus_that_lost_its_letters_is_named(tmp_path: Path) -> None:
    root = tmp_path / "source"
    for number in range(12):
        sources.write(root / f"{number}.wav", sources.tone(seconds=4.0, seed=number))
        (root / f"{number}.txt").write_text(f"nd kyer w saa dawub ns m {'no a' * number}", encoding="utf-8")
    with pytest.raises(DataError, match=r"none of its 12 recordings can be kept \(12 lost_letters\)"):
        prepare(root, tmp_path / "corpus")
    prepare(root, tmp_path / "corpus", options=PrepareOptions(keep=("lost_letters",)))
    assert "lost ɛ and ɔ" in (tmp_path / "corpus" / "report.md").read_text(encoding="utf-8")


def test_stopped_run_goes_on_and_changes_are_seen(tmp_path: Path) -> None:
    root, corpus = tmp_path / "source", tmp_path / "corpus"
    sources.plain(root)

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(root, corpus, progress=stop)
    assert not (corpus / "meta.jsonl").exists()
    (corpus / "items" / "four.json").write_text('{"key": "cut sho')
    assert prepare(root, corpus).reused == 1  # the other item was cut short
    manifest = (corpus / "meta.jsonl").read_bytes()
    assert prepare(root, corpus).reused == 4
    assert (corpus / "meta.jsonl").read_bytes() == manifest
    (root / "one.txt").write_text("Akwaaba!", encoding="utf-8")
    (root / "two.wav").unlink()
    again = prepare(root, corpus)
    assert again.reused == 2
    assert [item.text for item in read_manifest(corpus) if item.id == "one"] == ["Akwaaba!"]
    assert not (corpus / "audio" / "two.flac").exists()


def test_workers_make_the_same_corpus(tmp_path: Path) -> None:
    sources.plain(tmp_path / "source")
    prepare(tmp_path / "source", tmp_path / "one")
    prepare(tmp_path / "source", tmp_path / "two", workers=2)
    for name in ("meta.jsonl", "audio/one.flac"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_splits_stay_when_utterances_come_and_keep_speakers() -> None:
    item = _item("x", "s")
    items = [replace(item, id=f"{number:05d}", speaker=f"s{number % 3}") for number in range(900)]
    options = PrepareOptions(test_share=0.1, validation_share=0.1)
    few, many = split_of(items[:600], options), split_of(items, options)
    assert few.items() <= many.items()
    shares = {split: list(many.values()).count(split) / 900 for split in ("test", "validation")}
    assert all(0.07 < share < 0.13 for share in shares.values())
    for size in (3, 4, 7):
        small = split_of([replace(item, id=f"{number}", speaker="one") for number in range(size)], options)
        assert set(small.values()) == {"train", "validation", "test"}
    alone = split_of([replace(item, id=str(number), speaker=str(number)) for number in range(40)], options)
    assert set(alone.values()) == {"train"}


def _item(name: str, speaker: str) -> Item:
    return Item(name, speaker, "", "", "", (), 1, 1.0, (0.0, 0.0), -20.0, 0.0, 0.0, "", 5.0, 0, 0, (), ())


def test_prepared_corpus_feeds_the_seeds_loader(tmp_path: Path) -> None:
    sources.plain(tmp_path / "source")
    prepare(tmp_path / "source", tmp_path / "corpus")
    dataset = TwiDataset(tmp_path / "corpus", split="all", features=tmp_path / "features")
    assert not dataset.is_aligned
    dataset.prepare()
    loader = DataLoader(Subset(dataset, [0, 2, 3]), batch_size=2, num_workers=1, prefetch_factor=2)
    batches = list(loader)
    assert sum(len(batch["phonemes"]) for batch in batches) == 3
    for batch in batches:
        assert "durations" not in batch
        assert batch["mel"].shape[2] == batch["frames"].max()
        assert batch["pitch"].shape == batch["energy"].shape == (len(batch["mel"]), batch["mel"].shape[2])
    voiced = dataset[0]["pitch"][dataset[0]["pitch"] > 0]
    assert abs(float(voiced.median()) - 160) < 25


def test_safe_ids_differ_where_names_do() -> None:
    assert safe_id("clips/a.wav") == "clips_a"
    names = ["a b", "a_b", "a  b", "ɛbɔ", "ɔbɛ", "../x", "x" * 300]
    made = [safe_id(name) for name in names]
    assert len(set(made)) == len(names)
    assert all(len(name) < 130 and "/" not in name and not name.startswith(".") for name in made)


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({}, "no known layout"),
        ({"list.tsv": "path\tspeaker\na.wav\tx\n"}, "lacks a text column"),
        ({"list.csv": "text\nhello\n"}, "lacks a path column"),
        ({"list.tsv": "path\ttext\na.wav\n"}, r"none of its 1 recordings can be kept \(1 bad_line\)"),
        ({"metadata.csv": "a|b|c|d\n"}, "metadata.csv: has 4 columns and no header"),
        ({"list.csv": 'path,text\na.wav,"Mekɔ\x00 fie\n'}, "holds zero bytes"),
        ({"sheet.xlsx": "PK"}, "sheet.xlsx is not read: save the sheet as CSV"),
        ({"a.wav": "", "b.WAV": ""}, "it holds 2 audio files and 0 .txt files"),
        (
            {"list.tsv": b"path\ttext\na\t\xff\n"},
            r"is not UTF-8 \(byte 0xff at offset 12\); save it as UTF-8",
        ),
        ({"list.tsv": ""}, "is empty"),
        ({"meta.jsonl": "{}"}, "prepared already"),
        ({"list.tsv": "path\ttext\na.wav\tMekɔ\n"}, "none of its 1 recordings can be kept"),
    ],
)
def test_sources_that_cannot_be_read_are_named(
    files: dict[str, str | bytes], text: str, tmp_path: Path
) -> None:
    root = tmp_path / "source"
    root.mkdir()
    for name, content in files.items():
        (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError, match=text):
        prepare(root, tmp_path / "corpus")


def test_the_source_is_never_the_output(tmp_path: Path) -> None:
    sources.plain(tmp_path / "source")
    for output in ("source", "source/corpus", "."):
        with pytest.raises(DataError, match="never changed"):
            prepare(tmp_path / "source", tmp_path / output)
    with pytest.raises(DataError, match="layout 'x'"):
        prepare(tmp_path / "source", tmp_path / "corpus", layout="x")


@pytest.mark.parametrize(
    "change", [{"margin_ms": -1}, {"max_seconds": 0.1}, {"keep": ("clipping",)}, {"keep": ("silent",)}]
)
def test_options_out_of_range_are_named(change: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(change))):
        PrepareOptions(**change)  # type: ignore[arg-type]


def test_unknown_symbol_in_a_manifest_is_named(tmp_path: Path) -> None:
    sources.plain(tmp_path / "source")
    prepare(tmp_path / "source", tmp_path / "corpus")
    path = tmp_path / "corpus" / "meta.jsonl"
    record = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    path.write_text(json.dumps(record | {"units": ["a", "qq"]}), encoding="utf-8")
    with pytest.raises(DataError, match="'qq' is not a symbol"):
        read_manifest(tmp_path / "corpus")


@pytest.mark.parametrize("samples", [8003, 4801, 5555, 9599, 9600, 9601])
def test_a_clip_of_any_length_has_a_loudness(samples: int) -> None:
    """A loudness meter's block must not be longer than the clip, whatever a division rounds to."""
    audio = 0.3 * np.sin(2 * np.pi * 200 * np.arange(samples) / 24_000).astype(np.float32)
    sound = prepare_sound(audio, 24_000, PrepareOptions(min_seconds=0.2))
    assert np.isfinite(sound.loudness)
    assert np.isfinite(sound.samples).all()


@pytest.mark.parametrize("name", ["audio/five.raw", "five.raw", "FIVE.RAW"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_without_a_header_is_its_own_problem(workers: int, name: str, tmp_path: Path) -> None:
    sources.table(tmp_path / "source")
    (tmp_path / "source" / "audio" / "five.raw").write_bytes(bytes(40_000))
    with (tmp_path / "source" / "list.csv").open("a", encoding="utf-8") as file:
        file.write(f'{name},akosua,"Yɛfrɛ me Kofi."\n')
    made = prepare(tmp_path / "source", tmp_path / "corpus", workers=workers)
    assert len(made.kept) == 4
    (found,) = made.left_out
    assert {problem.kind for problem in found.problems} == {"unreadable_audio"}


def test_what_nobody_foresaw_is_named_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources.table(tmp_path / "source")
    calls: list[int] = []

    def failing(audio: np.ndarray, rate: int, options: PrepareOptions) -> Sound:
        calls.append(len(audio))
        if len(calls) == 2:
            raise ZeroDivisionError("float division by zero")
        return prepare_sound(audio, rate, options)

    monkeypatch.setattr(items_module, "prepare_sound", failing)
    made = prepare(tmp_path / "source", tmp_path / "corpus")
    assert (len(made.kept), len(made.left_out)) == (3, 1)
    (problem,) = made.left_out[0].problems
    assert (problem.kind, problem.detail) == ("unexpected", "ZeroDivisionError: float division by zero")
    assert "unexpected (1)" in (tmp_path / "corpus" / "report.md").read_text(encoding="utf-8")
    again = prepare(tmp_path / "source", tmp_path / "corpus")
    assert (len(again.kept), again.reused) == (4, 3)


def test_stretches_are_cut_out_of_their_file(tmp_path: Path) -> None:
    source = tmp_path / "source"
    pieces = [sources.tone(seed=number) for number in range(3)]
    sources.write(source / "long.flac", np.concatenate(pieces))
    seconds = len(pieces[0]) / 16_000
    lines = ["path,text,start,end"]
    for number, text in enumerate(list(sources.TEXTS.values())[:3]):
        lines.append(f'long.flac,"{text}",{number * seconds:.3f},{(number + 1) * seconds:.3f}')
    lines.append(f'long.flac,"Yɛfrɛ me Kofi.",{seconds:.3f},900')
    (source / "list.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    made = prepare(source, tmp_path / "corpus")
    assert [item.text for item in made.kept] == list(sources.TEXTS.values())[:3]
    (whole,) = (item for item in made.left_out if item.text.startswith("Yɛfrɛ"))
    assert "its stretch ends at 900 s and the file at" in whole.problems[0].detail
    for number, item in enumerate(made.kept):
        cut = prepare_sound(pieces[number], 16_000, PrepareOptions())
        assert abs(item.samples - len(cut.samples)) <= 480
        assert len({other.audio_hash for other in made.kept}) == 3


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("W?n amum?y?de nti na", "mojibake"),
        ("Me k?m de me", "mojibake"),
        ("Me n?a ne me b?a", "mojibake"),
        ("W\ue0a1n ba ha", "mojibake"),
        ("Mekɔ \U000f1234fie", "mojibake"),
        ("<unk> mekɔ fie", "gaps"),
        ("mekɔ [inaudible] fie", "gaps"),
        ("mekɔ (??) fie", "gaps"),
        ("[laughter] mekɔ fie", "marks"),
        ("mekɔ (background noise) fie", "marks"),
        ("mekɔ <breath> fie", "marks"),
        ("*laughs* mekɔ fie", "marks"),
        ("[Laughter: loud] mekɔ fie", "marks"),
        ("mekɔ <soft music> fie", "marks"),
        ("mekɔ [unclear: 2 words] fie", "gaps"),
        ("Me h¿ y¡", "mojibake"),
        ("Wo ho y¦", "mojibake"),
        ("¿Wo ho te sɛn?", None),
        ("(music no yɛ dɛ) mekɔ fie", None),
        ("[music no yɛ dɛ paa] mekɔ fie", None),
        ("Hwan?Wo ba", None),
        ("Wo ho te sɛn?yɛ", None),
        ("Kofi (ne Ama) kɔ fie", None),
        ("[en]silence[/en] kɔ fie", None),
        ("Ebia? Daabi? Aane.", None),
        ("Kɔ www.asa.com?b=c so", None),
    ],
)
def test_damage_and_marks_in_transcripts_are_told_apart(written: str, kind: str | None) -> None:
    found = read_transcript(written, TwiG2P())
    kinds = {problem.kind for problem in found.problems} & {"mojibake", "gaps", "marks"}
    assert kinds == ({kind} if kind else set())
    if kind == "marks":
        assert found.text == "mekɔ fie"


def test_html_entities_are_the_signs_they_stand_for() -> None:
    reader = TwiG2P()
    found = read_transcript("Mek&#596; fie, &quot;yoo&quot; k&amp;#x254;", reader)
    wanted = read_transcript('Mekɔ fie, "yoo" kɔ', reader)
    assert (found.text, found.units) == (wanted.text, wanted.units)
    assert "entities" in found.repairs
    assert "entities" not in wanted.repairs
