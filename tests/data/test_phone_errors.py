from __future__ import annotations

import math

import numpy as np
import pytest

from kalakan.data.phone_errors import PhoneErrors, aligned, sounds_of


def test_sounds_are_compared_without_tones_pauses_and_doubles() -> None:
    assert sounds_of(["n̩", "˩", "n", "a", "˥", "_", "a", ".", "ã", "ɪ̃", "k"]) == ["n", "a", "ɪ", "k"]


@pytest.mark.parametrize(
    ("said", "heard", "pairs"),
    [
        ("abc", "abc", ["aa", "bb", "cc"]),
        ("abc", "axc", ["aa", "bx", "cc"]),
        ("abc", "ac", ["aa", "b-", "cc"]),
        ("ac", "abc", ["aa", "-b", "cc"]),
        ("", "ab", ["-a", "-b"]),
        ("ab", "", ["a-", "b-"]),
        ("", "", []),
    ],
)
def test_alignment(said: str, heard: str, pairs: list[str]) -> None:
    expected = [tuple(None if sign == "-" else sign for sign in pair) for pair in pairs]
    assert aligned(list(said), list(heard)) == expected


def test_alignment_has_the_fewest_errors() -> None:
    """Against the plain recursion, on random words of few letters."""
    random = np.random.default_rng(3)

    def fewest(one: str, other: str) -> int:
        if not one or not other:
            return len(one) + len(other)
        return min(
            fewest(one[1:], other) + 1,
            fewest(one, other[1:]) + 1,
            fewest(one[1:], other[1:]) + (one[0] != other[0]),
        )

    for _ in range(60):
        one, other = ("".join(random.choice(list("abc"), random.integers(0, 6))) for _ in range(2))
        pairs = aligned(list(one), list(other))
        assert sum(left != right for left, right in pairs) == fewest(one, other)
        assert "".join(left for left, _ in pairs if left) == one
        assert "".join(right for _, right in pairs if right) == other


def test_counts() -> None:
    errors = PhoneErrors()
    errors.add(aligned(list("abca"), list("axa")))
    errors.add(aligned(list("a"), list("ax")))
    assert (errors.phones, errors.substituted, errors.deleted, errors.inserted) == (5, 1, 1, 1)
    assert errors.rate == pytest.approx(3 / 5)
    assert errors.count_of("a") == 3
    assert [count for _, count in errors.confusions(2)] == [1, 1]
    assert math.isnan(PhoneErrors().rate)
