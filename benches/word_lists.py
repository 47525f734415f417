"""Makes the word lists of the text core: English words with readings, and which words are Twi.

python benches/word_lists.py --twi WORDS.txt TEXT.txt [TEXT.txt ...]

The texts are Twi: the English words of `ghana-english-g2p` (installed with kalakan[english]) that they hold are taken,
and every word of data/english_words.txt; data/english_hand.tsv has readings that the lexicon lacks or has wrong, words
to leave out (class `no`) and the class of words whose letters could be Twi. WORDS.txt has a Twi word a line. Writes
rust/kalakan-text/data/english.tsv and twi_words.bin and prints what they cost.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.resources
import re
import sys
import unicodedata
import zlib
from pathlib import Path

from kalakan.text.twi_g2p import is_foreign

HERE = Path(__file__).parent
DATA = HERE.parent / "rust/kalakan-text/data"
FANTE = re.compile("dz|ts[aeio]")
"""Spellings of Fante, of which the lexicon has words."""
LONG = 6
"""Letters from which a word that could be Twi, and that the Twi list does not have, is English anywhere."""
BITS_PER_WORD = 12
HASHES = 8
LETTER_NAMES = """
    a:eɪ b:biː c:siː d:diː e:iː f:ɛf g:dʒiː h:eɪtʃ i:aɪ j:dʒeɪ k:keɪ l:ɛl m:ɛm n:ɛn o:oʊ p:piː q:kjuː r:ɑː s:ɛs t:tiː
    u:juː v:viː w:dʌbəljuː x:ɛks y:waɪ z:zɛd
"""
NAMES = dict(name.split(":") for name in LETTER_NAMES.split())


def main() -> None:
    """Writes both lists."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--twi", type=Path, required=True, help="a Twi word a line")
    parser.add_argument("texts", type=Path, nargs="+", help="Twi texts")
    arguments = parser.parse_args()
    twi = twi_words(arguments.twi)
    rows = english_rows(twi, words_of(arguments.texts))
    table = "".join("\t".join(row).rstrip("\t") + "\n" for row in rows)
    (DATA / "english.tsv").write_text(table, encoding="utf-8")
    bits = bloom(twi)
    (DATA / "twi_words.bin").write_bytes(bits)
    size = len(table.encode()), len(zlib.compress(table.encode(), 9))
    others = {word for word in lexicon() if word not in twi}
    wrong = sum(is_in(word, bits) for word in others) / len(others)
    sys.stdout.write(f"english.tsv: {len(rows)} words, {size[0]} bytes, {size[1]} compressed\n")
    sys.stdout.write(
        f"twi_words.bin: {len(twi)} words, {len(bits)} bytes, {wrong:.2%} of others taken for Twi\n"
    )


def lexicon() -> dict[str, str]:
    """Word to phones, from ghana-english-g2p; the first reading counts."""
    data = importlib.resources.files("ghana_english_g2p") / "data" / "lexicon.tsv.gz"
    found: dict[str, str] = {}
    for line in gzip.decompress(data.read_bytes()).decode().splitlines():
        word, phones = line.split("\t")[:2]
        found.setdefault(word, phones)
    return found


def words_of(texts: list[Path]) -> set[str]:
    """The words of the texts."""
    found: set[str] = set()
    for path in texts:
        text = unicodedata.normalize("NFC", path.read_text(encoding="utf-8")).lower()
        found.update(re.findall(r"[^\W\d_]+", text))
    return found


def twi_words(path: Path) -> set[str]:
    """The words of a list whose spelling can be Twi."""
    words = {line.strip().replace("\u2019", "'") for line in path.read_text(encoding="utf-8").splitlines()}
    return {word for word in words if word and not re.search(r"\d", word) and not is_foreign(word)}


def english_rows(twi: set[str], seen: set[str]) -> list[tuple[str, str, str]]:
    """Word, phones and class, sorted by the bytes of the word."""
    phones = lexicon()
    hand = {
        word: (kind, reading)
        for word, kind, reading in (
            line.split("\t")
            for line in (HERE / "data/english_hand.tsv").read_text(encoding="utf-8").splitlines()[1:]
        )
    }
    names = {line.split("\t")[0] for line in (DATA / "names.tsv").read_text(encoding="utf-8").splitlines()}
    met = {word for word in seen if word.isascii() and is_foreign(word) and not FANTE.search(word)}
    words = met | set((HERE / "data/english_words.txt").read_text(encoding="utf-8").split()) | set(hand)
    rows = []
    for word in sorted(words):
        kind, reading = hand.get(word, ("", ""))
        reading = reading or phones.get(word, "")
        if kind == "no" or not reading or word in names or is_spelled(word, reading):
            continue
        if not kind and not is_foreign(word):
            if word in twi:
                continue
            kind = "english" if len(word) >= LONG else "beside"
        rows.append((word, reading, kind))
    return rows


def is_spelled(word: str, phones: str) -> bool:
    """Whether a reading is the names of the letters: the lexicon has us as [juː ɛs]."""

    def skeleton(reading: str) -> str:
        reading = re.sub("[ ː]", "", reading).replace("ɑ", "a")
        return re.sub("ei|eɪ", "e", reading).replace("oʊ", "o")

    names = "".join(NAMES.get(letter, "") for letter in word)
    return len(word) > 1 and skeleton(phones) == skeleton(names)


def bloom(words: set[str]) -> bytes:
    """A Bloom filter of the words."""
    bits = bytearray((BITS_PER_WORD * len(words) + 7) // 8)
    for word in words:
        for place in places(word, 8 * len(bits)):
            bits[place // 8] |= 1 << place % 8
    return bytes(bits)


def is_in(word: str, bits: bytes) -> bool:
    """Whether the filter has a word, or takes another one for it."""
    return all(bits[place // 8] >> place % 8 & 1 for place in places(word, 8 * len(bits)))


def places(word: str, size: int) -> list[int]:
    """The bits of a word: FNV-1a over its UTF-8 bytes, its upper half as the step."""
    value = 0xCBF29CE484222325
    for byte in word.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    first, step = value % 2**32, value >> 32 | 1
    return [(first + step * row) % 2**32 % size for row in range(HASHES)]


if __name__ == "__main__":
    main()
