"""Arrays in files: their values, their damage, and what they cost between two readings."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader

from kalakan.data.arrays import ArrayFiles
from kalakan.data.dataset import TwiDataset
from kalakan.errors import DataError
from tiny_corpus import make_corpus


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """What the arrays are made of."""
    path = tmp_path / "source.wav"
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize("shape", [(0,), (1,), (7,), (80, 0), (80, 1), (3, 5, 2)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_was_written_is_read_at_every_reading(
    tmp_path: Path, source: Path, shape: tuple[int, ...], order: str
) -> None:
    values = np.asarray(np.random.default_rng(0).random(shape, np.float32), order=order)  # type: ignore[call-overload]
    path, files = tmp_path / "x.npy", ArrayFiles(np.float32)
    files.write(path, values, source)
    for reader in (files, ArrayFiles(np.float32)):
        for _ in range(3):
            found = reader.read(path, shape, source)
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found, values)
            found += 1  # it is the caller's own
    np.testing.assert_array_equal(np.load(path), values)


@pytest.mark.parametrize("other", [np.float64, np.asfortranarray], ids=["float64", "columns first"])
def test_arrays_of_another_making_are_read(tmp_path: Path, other: object) -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.save(tmp_path / "x.npy", other(values))  # type: ignore[operator]
    files = ArrayFiles(np.float32)
    for _ in range(3):
        np.testing.assert_array_equal(files.read(tmp_path / "x.npy", (3, 4)), values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((4, 3), np.float32), r"float32 of shape \(4, 3\); it must be float32, \(3, 4\)"),
        (np.full((3, 4), np.inf, np.float32), "and finite"),
        (np.zeros((3, 4), np.int64), "holds int64"),
        (np.full((3, 4), "x"), "holds <U1"),
        (np.full((3, 4), None), "cannot be read"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, values: np.ndarray, message: str) -> None:
    np.save(tmp_path / "x.npy", values, allow_pickle=True)
    with pytest.raises(DataError, match=rf"x\.npy: .*{message}"):
        ArrayFiles(np.float32).read(tmp_path / "x.npy", (3, 4))


def test_whole_numbers_of_16_bits(tmp_path: Path, source: Path) -> None:
    values, path, files = np.arange(-5, 6, dtype=np.int16), tmp_path / "x.npy", ArrayFiles(np.int16)
    files.write(path, values, source)
    for reader in (files, ArrayFiles(np.int16)):
        for _ in range(2):
            found = reader.read(path, (11,), source)
            assert found.dtype == np.int16
            np.testing.assert_array_equal(found, values)
    with pytest.raises(DataError, match="holds int16 of shape"):
        ArrayFiles(np.float32).read(path, (11,))


def test_a_file_that_shrinks_or_goes_is_noticed(tmp_path: Path, source: Path) -> None:
    path, files = tmp_path / "x.npy", ArrayFiles(np.float32)
    files.write(path, np.zeros(2000, np.float32), source)
    whole = path.read_bytes()
    for damage in (b"", whole[:50], whole[:3000]):
        files.read(path, (2000,), source)
        path.write_bytes(damage)
        for _ in range(2):
            with pytest.raises(DataError, match=r"x\.npy: cannot be read"):
                files.read(path, (2000,), source)
        path.write_bytes(whole)
    path.unlink()
    with pytest.raises(DataError, match=r"x\.npy: is older than source\.wav, or is not there"):
        files.read(path, (2000,), source)


def test_thousands_of_arrays_hold_no_file_descriptors(tmp_path: Path) -> None:
    """With at most 30 of them, 200 arrays that are all held are read twice."""
    script = """
import resource, sys
from pathlib import Path
import numpy as np
from kalakan.data.arrays import ArrayFiles
folder, files = Path(sys.argv[1]), ArrayFiles(np.float32)
for number in range(200):
    np.save(folder / f"{number}.npy", np.full(9, number, np.float32))
resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))
held = [files.read(folder / f"{number}.npy", (9,)) for _ in range(2) for number in range(200)]
print(sum(int(array[0]) for array in held))
"""
    if sys.platform == "win32":
        pytest.skip("Windows has no limit to lower")
    command = [sys.executable, "-I", "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, str(199 * 200)), done.stderr


def test_a_dataset_keeps_no_mel(tmp_path: Path) -> None:
    """What a spawned worker is sent does not grow by what was read."""
    dataset = TwiDataset(make_corpus(tmp_path / "corpus"), features=tmp_path / "features", prosody=False)
    before = len(pickle.dumps(dataset))
    dataset.prepare()
    mels = [dataset.mel(index) for index in range(len(dataset))]
    assert len(pickle.dumps(dataset)) - before < 200 * len(dataset) < min(mel.nbytes for mel in mels)


@pytest.mark.parametrize("method", sorted({"fork", "spawn"} & set(multiprocessing.get_all_start_methods())))
def test_workers_read_what_this_process_reads(tmp_path: Path, method: str) -> None:
    dataset = TwiDataset(make_corpus(tmp_path / "corpus", clips=4), features=tmp_path / "features")
    dataset.prepare()
    (batch,) = DataLoader(dataset, batch_size=len(dataset), num_workers=1, multiprocessing_context=method)
    for row in range(len(dataset)):
        item = dataset[row]
        np.testing.assert_array_equal(batch["mel"][row, :, : item["frames"]], item["mel"])
