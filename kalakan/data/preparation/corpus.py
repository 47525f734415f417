"""Corpus-level checks: duplicates, outliers in speech rate, lost letters; and the splits."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from kalakan.data.preparation.hearing import find_misheard
from kalakan.data.preparation.items import Item
from kalakan.data.preparation.options import PrepareOptions
from kalakan.data.preparation.problems import Problem

ODD_RATE = 4.0
"""A log rate this many median absolute deviations from the speaker's median is an outlier."""
LEAST_DEVIATION = 0.05
"""Lower bound of that deviation: a few utterances may be similar by chance."""
LETTERS_OF_A_CORPUS = 200
"""Minimum number of letters for detecting lost letters by their shares in a corpus."""
LOST_SHARE = 0.03
"""Share of ɛ and ɔ among a corpus's letters below which letters were lost; Twi has 9 to 13 %."""


def check_corpus(
    items: Sequence[Item],
    keep: tuple[str, ...] = (),
    leave_out: tuple[str, ...] = (),
    rates: Mapping[str, float] | None = None,
) -> list[Item]:
    """The items, in order, with the problems that only show in comparison with other items.

    `rates` are the phone error rates of items by id, where a recognizer was asked."""
    found: dict[str, list[Problem]] = defaultdict(list)
    for name, problem in find_misheard(items, rates or {}).items():
        found[name].append(problem)
    _find_lost_letters(items, found)
    _find_same(items, found, keep, leave_out)
    _find_odd_rates(items, found)
    return [replace(item, problems=(*item.problems, *found[item.id])) for item in items]


def has_lost_letters(items: Sequence[Item]) -> bool:
    """True if the transcripts as a whole have too few ɛ and ɔ for Twi."""
    letters = sum(item.letters for item in items)
    return letters >= LETTERS_OF_A_CORPUS and sum(item.open_vowels for item in items) < LOST_SHARE * letters


def by_speaker(items: Sequence[Item]) -> dict[str, list[Item]]:
    """The items of each speaker, in their order."""
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[item.speaker].append(item)
    return groups


def split_of(items: Sequence[Item], options: PrepareOptions) -> dict[str, str]:
    """ "train", "validation" or "test" for each id, by the id's SHA-256: adding utterances does not move others.

    Every speaker occurs in the training split. If a split with a share would be empty, it gets the utterance with the
    lowest hash.
    """
    shares = {"test": options.test_share, "validation": options.validation_share}
    fractions = {
        item.id: int(hashlib.sha256(item.id.encode()).hexdigest()[:13], 16) / 16**13 for item in items
    }
    splits: dict[str, str] = {}
    for item in items:
        place = fractions[item.id]
        is_held = place < shares["test"] + shares["validation"]
        splits[item.id] = ("test" if place < shares["test"] else "validation") if is_held else "train"
    ids_of = [[item.id for item in group] for group in by_speaker(items).values()]
    for ids in ids_of:
        if all(splits[name] != "train" for name in ids):
            splits.update(dict.fromkeys(ids, "train"))
    for split, share in shares.items():
        spare = [name for ids in ids_of if _in_train(ids, splits) > 1 for name in ids]
        spare = [name for name in spare if splits[name] == "train"]
        if share > 0 and split not in splits.values() and spare:
            splits[min(spare, key=lambda name: fractions[name])] = split
    return splits


def _in_train(ids: Sequence[str], splits: dict[str, str]) -> int:
    return sum(splits[name] == "train" for name in ids)


def _find_lost_letters(items: Sequence[Item], found: dict[str, list[Problem]]) -> None:
    """If all texts, or a speaker's, lost ɛ and ɔ as a whole, flags the short ones with neither too."""
    groups = {"all speakers": list(items)} if has_lost_letters(items) else by_speaker(items)
    for speaker, group in groups.items():
        if not has_lost_letters(group):
            continue
        share = 100 * sum(item.open_vowels for item in group) / sum(item.letters for item in group)
        for item in group:
            if item.letters and not item.open_vowels and "lost_letters" not in _kinds(item):
                detail = f"no ɛ or ɔ, which are {share:.1f} % of the letters of all texts of {speaker}"
                found[item.id].append(Problem("lost_letters", detail))


def _kinds(item: Item) -> set[str]:
    return {problem.kind for problem in item.problems}


def _find_same(
    items: Sequence[Item],
    found: dict[str, list[Problem]],
    keep: tuple[str, ...],
    leave_out: tuple[str, ...],
) -> None:
    """Flags duplicate audio, which is kept once: preferably a copy that no other problem excludes, otherwise the
    first."""
    by_audio: dict[str, Item] = {}
    by_text: dict[str, str] = {}
    kept_first = sorted(items, key=lambda item: not item.is_kept(keep, leave_out))
    for item in kept_first:
        if item.audio_hash:
            first = by_audio.setdefault(item.audio_hash, item)
            if first is not item:
                other = "" if first.text == item.text else ", whose text is another: one of them is wrong"
                found[item.id].append(Problem("same_audio", f"as {first.id}{other}"))
    for item in kept_first:
        text = item.text.lower().strip()
        if text and not any(problem.kind == "same_audio" for problem in found[item.id]):
            earlier = by_text.setdefault(text, item.id)
            if earlier != item.id:
                found[item.id].append(Problem("same_text", f"as {earlier}"))


def _find_odd_rates(items: Sequence[Item], found: dict[str, list[Problem]]) -> None:
    everyone = [item for item in items if item.rate > 0]
    for group in by_speaker(everyone).values():
        # Speakers with few utterances are compared with all speakers.
        peers = group if len(group) >= 20 else everyone
        rates = np.log([item.rate for item in peers])
        median = float(np.median(rates))
        spread = max(float(np.median(np.abs(rates - median))), LEAST_DEVIATION)
        for item in group:
            if abs(np.log(item.rate) - median) > ODD_RATE * spread:
                detail = f"{item.rate:.1f} sounds a second; the median is {np.exp(median):.1f}"
                found[item.id].append(Problem("odd_rate", detail))
