"""Public reports of other programs' faults in preparing corpora, as trials of `kalakan prepare`'s library."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kalakan.audio.files import write_audio
from kalakan.data.preparation.layouts import read_layout

ROWS = [f"k{number}|Asɛm a ɛtɔ so {number}: Kofi kɔɔ fie anɔpa" for number in range(1, 4)]


def _corpus(folder: Path, table: bytes, audio: str = "wavs/k{}.wav", name: str = "metadata.csv") -> Path:
    for number in range(1, 4):
        path = folder / audio.format(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_audio(path, np.zeros(800, np.float32), 8000)
    (folder / name).write_bytes(table)
    return folder


@pytest.mark.parametrize(
    "table",
    [
        pytest.param("\n".join(ROWS), id="coqui-TTS-3050"),
        pytest.param("\ufeff" + "\r\n".join(ROWS) + "\r\n\r\n\r\n", id="piper-418"),
        pytest.param("\n\n" + "\n\n".join(ROWS), id="piper-246"),
    ],
)
def test_no_row_of_a_table_is_lost(table: str, tmp_path: Path) -> None:
    source = read_layout(_corpus(tmp_path, table.encode()))
    assert [f"{item.id}|{item.text}" for item in source.recordings] == ROWS
    assert all(item.fault is None and item.audio.is_file() for item in source.recordings)


def test_a_path_in_another_case_is_found(tmp_path: Path) -> None:
    """rhasspy/piper#368"""
    table = "path\ttext\n" + "\n".join(f"wavs/k{number}.wav\tKofi kɔɔ fie" for number in range(1, 4))
    source = read_layout(_corpus(tmp_path, table.encode(), audio="Wavs/K{}.WAV", name="table.tsv"))
    assert [item.text for item in source.recordings] == ["Kofi kɔɔ fie"] * 3
    assert all(item.fault is None and item.audio.is_file() for item in source.recordings)
