"""Recordings by length: exact at every length, bounded, and ordered."""

from __future__ import annotations

import pytest
import torch

from kalakan.errors import ImplementationUnavailable
from kalakan.models.vocoders.gpu import graph_cache as module
from kalakan.models.vocoders.gpu.graph_cache import Recordings, bucket
from kalakan.models.vocoders.gpu.ragged_batch import FRAMES_A_PASS, _passes
from kalakan.ops import use
from models.vocoders.generators import TYPES, CountingRecorder, tiny

torch.set_num_threads(1)


def test_buckets_waste_little() -> None:
    widths = [bucket(frames) for frames in range(1, 2049)]
    assert all(frames <= width <= frames * 9 / 8 for frames, width in enumerate(widths, 1))
    assert widths == sorted(widths)
    assert len(set(widths)) == 16 + 7 * 8
    assert all(bucket(width) == width for width in widths)


@pytest.mark.parametrize("name", TYPES)
def test_every_length_is_exact(name: str) -> None:
    """Also behind a longer, louder sentence whose samples still lie in the buffers."""
    model = tiny(name).double()
    recorder = CountingRecorder()
    recordings = Recordings(model.forward, model.context_frames, recorder)
    shortest = 2 * model.context_frames
    recordings.waveform(torch.full([1, 20, 96], 7.0, dtype=torch.float64))
    for frames in (1, 2, shortest - 1, shortest, shortest + 1, 63, 89, 90, 95, 96):
        mel = torch.randn(1, 20, frames, dtype=torch.float64)
        audio = recordings.waveform(mel)
        assert audio.shape == (1, frames * 60)
        torch.testing.assert_close(audio, model.forward(mel), atol=1e-12, rtol=0)
    assert recorder.running == 0


def test_a_result_stays_when_the_next_one_comes() -> None:
    model = tiny("melgan")
    recordings = Recordings(model.forward, model.context_frames, CountingRecorder())
    for frames in (3, 50):
        first = recordings.waveform(torch.randn(1, 20, frames))
        copied = first.clone()
        recordings.waveform(torch.randn(1, 20, frames))
        assert torch.equal(first, copied)


def test_the_recording_unused_for_longest_goes() -> None:
    model = tiny("melgan")
    recorder = CountingRecorder()
    recordings = Recordings(model.forward, model.context_frames, recorder, most=2)
    for frames in (20, 40, 20, 60, 20):
        recordings.waveform(torch.randn(1, 20, frames))
    assert (len(recordings), recorder.recorded) == (2, 3)
    recordings.waveform(torch.randn(1, 20, 40))
    assert recorder.recorded == 4


def test_a_request_for_an_implementation_has_recordings_of_its_own() -> None:
    model = tiny("hifigan")
    recorder = CountingRecorder()
    recordings = Recordings(model.forward, model.context_frames, recorder)
    mel = torch.randn(1, 20, 50)
    recordings.waveform(mel)
    for _ in range(2):
        with use(upsample="torch"):
            recordings.waveform(mel)
    assert recorder.recorded == 2
    with use(upsample="rust"), pytest.raises(ImplementationUnavailable, match="upsample=rust was asked for"):
        recordings.waveform(mel)
    recordings.waveform(mel)
    assert len(recordings) == 2


def test_a_failed_recording_is_not_kept() -> None:
    class Refusing(CountingRecorder):
        def record(self, branches):  # type: ignore[no-untyped-def]
            raise RuntimeError("no")

    model = tiny("melgan")
    recordings = Recordings(model.forward, model.context_frames, Refusing())
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no"):
            recordings.waveform(torch.randn(1, 20, 20))
    assert len(recordings) == 0


def test_passes_are_bounded_and_complete() -> None:
    frames = [3000, 2999, 2000, 30, 29, 29, 2, 5000, 9000]
    passes = list(_passes(frames, 24))
    assert sorted(row for group in passes for row in group) == list(range(len(frames)))
    for group in passes:
        longest = frames[group[0]]
        assert len(group) == 1 or len(group) * longest <= FRAMES_A_PASS
        assert all(frames[row] >= min(24, longest) for row in group)


def test_long_mels_are_not_recorded() -> None:
    assert bucket(module.LONGEST) == module.LONGEST
