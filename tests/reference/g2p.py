"""Slow, readable G2P of docs/frontend.md sections 3 and 4: the oracle of the Rust one and its baseline in benchmarks.

Built differently on purpose: here a word is a string that regular expressions rewrite, with one private-use letter for
each unit, and harmony is decided on the skeleton of its vowel letters.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from reference import english
from reference.normalizer import LETTERS

TONES = {"\u0301": "˥", "\u0300": "˩", "\u0304": "˧"}
PAUSES = ",.?!;:…"
GRAPHEMES = {
    "ky": "tɕ", "gy": "dʑ", "hy": "ɕ", "ny": "ɲ", "tw": "tɕɥ", "dw": "dʑɥ", "kw": "kʷ", "gw": "ɡʷ", "hw": "hʷ",
    "nw": "ŋʷ", "ch": "tɕ", "sh": "ɕ", "gh": "ɡ", "ph": "f", "th": "t", "qu": "kʷ", "cc": "k", "ck": "k", "y": "j",
    "r": "ɾ", "g": "ɡ", "q": "k", "j": "dʑ", "x": "ks", "c": "k", english.PLAIN_A: english.PLAIN_A,
    english.PLAIN_W: "w",
} | {letter: letter for letter in "bdfhklmnpstvwz"}  # fmt: skip
BEFORE_FRONT = {"hw": "ɕɥ", "nw": "ɲɥ", "w": "ɥ", "c": "s"}
PLACE = {
    "ɲ̩": "tɕ dʑ ɕ ɲ tɕɥ dʑɥ ɕɥ ɲɥ j ɲ̩",
    "ŋ̩": "k ɡ kʷ ɡʷ h hʷ ŋʷ w ŋ̩",
    "m̩": "p b f v m m̩",
}
NASALIZED = {("m̩", "b"): "m", ("n̩", "d"): "n", ("ŋ̩", "ɡ"): "ŋ"}
ATR = {"e": "ɪe", "o": "ʊo", "ɛ": "ɛɛ", "ɔ": "ɔɔ", "i": "ii", "u": "uu", "a": "aa"}
RAISED = {"ɛ": "e", "ɔ": "o", "e": "i", "o": "u"}
NASAL_VOWELS = {"i": "ĩ", "u": "ũ", "a": "ã", "e": "ɪ̃", "o": "ʊ̃"}
NUCLEI = {"m̩", "n̩", "ɲ̩", "ŋ̩", *"iɪeɛæaɔoʊu", *NASAL_VOWELS.values()}

CONTESTED = {"gyee": "dʑ e e", "oo": "o o"}
"""Names of letters that are words too: letters beside another letter."""

Unit = list[str]  # [symbol, tone or "", downstep or ""]; a vowel holds its letter until harmony


def read_lexicon(path: Path) -> dict[str, str]:
    """Word to units, from the columns of data/lexicon.tsv."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    return {row[0]: row[1] for row in rows if row[1]}


class ReferenceG2P:
    """Reads normalized text as a list of symbols."""

    def __init__(self, lexicon: dict[str, str], tone: str = "full") -> None:
        self.lexicon = lexicon
        self.economic = tone == "economic"

    def text(self, text: str) -> list[str]:
        found: list[str] = []
        for run, pause in re.findall(rf"([^{re.escape(PAUSES)}]*)([{re.escape(PAUSES)}]?)", text):
            words = [unicodedata.normalize("NFD", word.lower()) for word in run.split()]
            places = english.english_places("".join(map(english.classify, words)))
            for at, word in enumerate(words):
                beside = {*words[max(at - 1, 0) : at], *words[at + 1 : at + 2]}
                is_letter = word in CONTESTED and beside & set(LETTERS)
                units = CONTESTED[word].split() if is_letter else self.word(word, at in places)
                following = next((other for other in words[at:] if other != word), "")
                if re.fullmatch("[b-df-hj-np-tv-z]", word) and re.match(rf"{word}[^\W\d_]", following):
                    units = self.tones(self.rules(word))  # a stammer
                if units and found and found[-1] not in PAUSES:
                    found.append("_")
                found += units
            if pause and found and found[-1] not in PAUSES:
                found.append(pause)
        return found

    def word(self, word: str, is_english: bool | None = None) -> list[str]:
        """The units of a word; alone it is English by its own spelling."""
        word = unicodedata.normalize("NFD", word.lower())
        if is_english is None:
            is_english = english.classify(word) == "E"
        clitic = re.match(r"([mnw])(?:['-]+(?=[!ꜜ]?[aeɛioɔu])|(?=[!ꜜ][aeɛioɔu]))", word)
        host = word[clitic.end() :] if clitic else word
        bare = re.sub("[\u0300\u0301\u0304!ꜜ]", "", host)
        sounds = self.rules(english.respell(host) if is_english else host)
        reading = self.lexicon[bare].split() if bare in self.lexicon else None
        if reading is None and is_english and (reading := english.read(word)):
            clitic = None
        if reading is None and is_spelled(word):
            names = [LETTERS[ord(letter) - ord("a")] for letter in word if letter.isalpha()]
            return [
                unit
                for name in names
                for unit in (CONTESTED["gyee"].split() if name == "gyee" else self.word(name, False))
            ]
        if reading:
            marks = [sound[1:] for sound in sounds if sound[0] in NUCLEI]
            if len(marks) != sum(unit in NUCLEI for unit in reading):
                marks = [["", ""]] * len(reading)
            sounds = [[unit, *(marks.pop(0) if unit in NUCLEI else ("", ""))] for unit in reading]
        if clitic:
            onset = "ɥ" if clitic[1] == "w" and re.match("[!ꜜ]?[ieɛ]", host) else clitic[1]
            sounds.insert(0, [onset, "", ""])
        return self.tones(sounds)

    def rules(self, word: str) -> list[Unit]:
        sounds = harmony(nasals(graphemes(word)))
        return [["a" if symbol == english.PLAIN_A else symbol, *marks] for symbol, *marks in sounds]

    def tones(self, sounds: list[Unit]) -> list[str]:
        spreading = "˩" if self.economic and any(tone or step for _, tone, step in sounds) else ""
        found: list[str] = []
        pending = ""
        for symbol, tone, step in sounds:
            found.append(symbol)
            pending = step or pending
            if symbol in NUCLEI:
                if spreading:
                    tone = tone or ("˥" if pending else spreading)
                    spreading = tone
                found += [unit for unit in (pending, tone) if unit]
                pending = ""
        return found


def is_spelled(word: str) -> bool:
    """Whether a word without a vowel is read letter by letter: not what is hummed, drawn or begins a Twi syllable."""
    letters = word.replace("'", "").replace("-", "")
    return (
        re.fullmatch("y?[b-df-hj-np-tv-xz]{0,5}", letters) is not None
        and 1 <= len(letters) <= 5
        and letters not in ("m", "n")
        and not re.fullmatch("[hmn]{2,}|[kgh]y|[tdkgh]w|.r", letters)
        and not re.search(r"(.)\1", letters)
    )


def graphemes(word: str) -> list[Unit]:
    """Letters with their marks to consonant units, the letters m and n, and vowel letters (a tilde stays on them)."""
    word = re.sub("[!ꜜ](?=.*[a-zɛɔ])", "ꜜ", word)
    marks = "[\u0300-\u036f]*"
    pattern = (
        rf"(ꜜ?)[-']*(?:(?P<vowel>[aeɛioɔu])|(?P<pair>[a-z][a-z])|(?P<single>[a-z\ue000\ue001]))({marks})"
    )
    found: list[Unit] = []
    at = 0
    step = ""
    while at < len(word):
        match = re.compile(pattern).match(word, at)
        if match is None:
            at += 1
            continue
        step = match[1] or step
        tone = next((TONES[mark] for mark in match[5] if mark in TONES), "")
        pair = match["pair"]
        if pair and pair[0] == pair[1] and pair[0] not in "mnc":
            at = match.start("pair") + 1
            continue
        if match["single"] == english.PLAIN_W == word[match.end("single") : match.end("single") + 1]:
            at = match.end("single")
            continue
        if pair and pair not in GRAPHEMES:
            # Not a digraph: only the first letter, which has no mark of its own.
            letters, tone, at = pair[0], "", match.start("pair") + 1
        else:
            letters = pair or match["vowel"] or match["single"]
            at = match.end()
        if pair in GRAPHEMES:
            tone = ""
        front = re.match(r"[ꜜ'-]*[ieɛ]", word[at:]) is not None
        if match["vowel"]:
            symbols = [letters + ("\u0303" if "\u0303" in match[5] else "")]
        elif front and letters in BEFORE_FRONT:
            symbols = [BEFORE_FRONT[letters]]
        else:
            symbols = ["k", "s"] if letters == "x" else [GRAPHEMES[letters]]
        for symbol in symbols:
            found.append([symbol, tone, step])
            step = ""
    return found


def is_vowel(sound: Unit) -> bool:
    return sound[0][0] in "aeɛioɔu"


def nasals(sounds: list[Unit]) -> list[Unit]:
    for at in reversed(range(len(sounds))):
        letter, tone, _ = sounds[at]
        if letter not in ("m", "n"):
            continue
        after = sounds[at + 1] if at + 1 < len(sounds) else ["", "", ""]
        before_vowel = after[0] == english.PLAIN_A or (after[0] and is_vowel(after))
        onset = not tone and (before_vowel or (after[0] == "ɾ" and at > 0))
        if not onset:
            places = [place for place, units in PLACE.items() if after[0] in units.split()]
            sounds[at][0] = "m̩" if letter == "m" else (places or ["n̩"])[0]
    initial = next((at for at, sound in enumerate(sounds) if sound[0] not in ("m̩", "n̩", "ŋ̩")), 0)
    if initial:
        pair = (sounds[initial - 1][0], sounds[initial][0])
        sounds[initial][0] = NASALIZED.get(pair, pair[1])
    return sounds


def harmony(sounds: list[Unit]) -> list[Unit]:
    """Decides each vowel on the word's shape: C for a consonant, the letter itself for a vowel, N for nasal e, o."""
    # Consonants that the prefix pattern names keep a letter; all others are C.
    named = {"j": "y", "w": "w", "m": "m", "ɾ": "r", "b": "b", "k": "k"}
    nasal = {"ĩ": "I", "ũ": "U", "ã": "A", "ẽ": "N", "õ": "N", "ɛ̃": "E", "ɔ̃": "O"}
    shape = ""
    for sound in sounds:
        letter = unicodedata.normalize("NFC", sound[0])
        shape += nasal[letter] if letter in nasal else letter if is_vowel(sound) else named.get(letter, "C")
    consonant, vowel = "[Cywmrbk]", "[aeɛioɔuIUAENO]"
    plus = {found.start() for found in re.finditer(r"(?<=[iuIU])[eo]", shape)}
    plus |= {0} if re.match(f"[eo]{consonant}", shape) else set()
    fixed = "".join("+" if at in plus else letter for at, letter in enumerate(shape))
    for run in re.finditer(rf"[eo](?:{consonant}*[eo])*", fixed):
        after = re.match(rf"{consonant}*({vowel}|\+)", fixed[run.end() :])
        before = re.search(rf"({vowel}|\+){consonant}*$", fixed[: run.start()])
        decisive = after or before
        if decisive and decisive[1] in "iuIU+":
            plus |= {at for at in range(*run.span()) if shape[at] in "eo"}
    prefix = re.match(rf"(?:ɔ|ɛ|yɛ|wɔ|mɛ|me|wo|mo)?(?:re)?(?:bɛ|kɔ)?(?={consonant}+[iuIU])", shape)
    raised = range(prefix.end()) if prefix else range(0)
    result = [list(sound) for sound in sounds]
    following = ""
    for at in reversed(range(len(sounds))):
        if not is_vowel(sounds[at]):
            continue
        letter, tilde = sounds[at][0][0], sounds[at][0][1:]
        if tilde:
            unit = NASAL_VOWELS.get(letter, letter)
        elif at in raised:
            unit = RAISED[letter]
        elif letter == "a":
            next_vowel = re.search(vowel, shape[at + 1 :])
            through = following == "æ" and next_vowel is not None and next_vowel.start() == 0
            unit = "æ" if through or following in {"i", "u", "e", "o", "ĩ", "ũ"} else "a"
        else:
            unit = ATR[letter][at in plus]
        result[at][0] = following = unicodedata.normalize("NFC", unit)
    return result


def syllables(units: list[str]) -> list[list[str]]:
    """Units by syllable: the tones stay with their nucleus, a stray consonant closes the syllable before it."""
    text = " ".join(units) + " "
    vowel = "|".join(re.escape(nucleus) for nucleus in NUCLEI if nucleus[-1] != "\u0329")
    nasal = "|".join(re.escape(nucleus) for nucleus in NUCLEI if nucleus[-1] == "\u0329")
    tone = "(?:[˥˩ꜜ˧] )*"
    other = rf"(?!(?:{vowel}|{nasal}|[˥˩ꜜ˧]) )\S+ "
    first = rf"^(?:{other})*(?:{vowel}|{nasal}) {tone}"
    pattern = rf"{first}|(?:{other}(?:ɾ )?)?(?:{vowel}) {tone}|(?:{nasal}) {tone}|{other}"
    found: list[list[str]] = []
    for match in re.finditer(pattern, text):
        part = match[0].split()
        if found and not NUCLEI & set(part):
            found[-1] += part
        else:
            found.append(part)
    return found
