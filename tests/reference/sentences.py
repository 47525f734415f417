"""Slow, readable twin of the sentence splitter: regular expressions over whole lines instead of one walk.

It covers text without tags and addresses.
"""

from __future__ import annotations

import re

from reference.english import DATA
from reference.normalizer import SHORT_DAYS, SHORT_MONTHS

ROWS = [
    line.split("\t") for line in (DATA / "abbreviations.tsv").read_text(encoding="utf-8").splitlines()[1:]
]
KINDS = {row[0]: row[2] for row in ROWS}
LINE = re.compile("[^\n\r\v\f\x85\u2028\u2029]*(?:\r\n|[\n\r\v\f\x85\u2028\u2029]|$)")
ENDS = ".!?…。।॥۔።！？؟"
CLOSERS = "\"'”’»›)]}"
STOP = re.compile(rf"(?P<marks>[{re.escape(ENDS)}]+)(?P<closers>[{re.escape(CLOSERS)}]*)")
ERAS = {"AD", "BC", "CE", "YB"}


def split(text: str) -> list[str]:
    """Returns the sentences of `text` without the space around them."""
    sentences: list[str] = []
    for block in blocks(text):
        found: list[str] = []
        for sentence in split_block(block):
            if found and not re.search(r"[^\W_]", sentence):
                found[-1] += sentence  # a stray mark belongs to the sentence before it
            else:
                found.append(sentence)
        sentences += found
    return [sentence.strip() for sentence in sentences if sentence.strip()]


def blocks(text: str) -> list[str]:
    """Returns the lines of `text`, wrapped ones joined."""
    lines = [match[0] for match in LINE.finditer(text) if match[0]]
    joined: list[str] = []
    last = ""
    for line in lines:
        if joined and is_wrapped(last, line):
            joined[-1] += line
        else:
            joined.append(line)
        last = line
    return joined


def is_wrapped(line: str, after: str) -> bool:
    """Whether a line goes on in the next: no mark at its end, a small letter next, lengths of running text."""
    ends = line.endswith("\n")
    line, after = line.strip(), after.strip()
    if not ends or not after or not after[0].islower():
        return False
    if re.search(r"[^\W\d_][-\u00ad]\Z", line):
        return True
    item = re.match(r"[^\W\d_]{0,3}[).]", after)
    alike = len(line) * 3 <= len(after) * 5 and len(after) * 3 <= len(line) * 5
    last = len(after) < len(line) and after[-1] in ENDS + CLOSERS
    return bool(re.search(r"[\w,']\Z", line)) and not item and len(line) >= 30 and (alike or last)


def split_block(block: str) -> list[str]:
    """Returns the sentences, with the space between them."""
    found, start = [], 0
    for match in STOP.finditer(block):
        if ends_sentence(block[start : match.start()], match, block[match.end() :]):
            found.append(block[start : match.end()])
            start = match.end()
    return [*found, block[start:]]


def ends_sentence(before: str, match: re.Match[str], after: str) -> bool:
    marks, closed = match["marks"], bool(match["closers"])
    if after and not after[0].isspace():
        word, follows = re.search(r"\S*\Z", before), re.match(r"\S*", after)
        assert word and follows
        apart = not re.search(r"[./@:_]", word[0]) and not re.search(r"[./@:_]", follows[0].rstrip(".:"))
        begins = word[0][-1:].islower() and after[0].isupper() and not after[1:2].isupper()
        degree = word[0] == "Ph" and after.startswith("D.")
        return begins and apart and not degree and not belongs(before, closed, after, after[0])
    opening = re.match(r"[\s\"'“‘«(\[]*(.?)", after)
    letter = opening[1] if opening else ""
    if not after:
        return True
    if marks == "." and belongs(before, closed, after, letter):
        return False
    if marks != "." and not marks.strip(".…"):
        return not letter.islower()
    return not (closed and letter.islower())


def belongs(before: str, closed: bool, after: str, letter: str) -> bool:
    """Whether the dot belongs to the word before it and ends no sentence."""
    token = re.split(r"\s", before)[-1]
    word = re.sub(r"\A[\W_]+", "", token)
    first = not closed and not before.removesuffix(token).strip()
    if re.fullmatch(r"[0-9]+", word):
        return first
    if first and word == token and re.fullmatch(r"[a-z]|[IVXivx]{1,5}", word):
        return True
    kind = KINDS.get(word) or KINDS.get(word.lower(), "")
    capital = word[:1].isupper()
    short = capital and word.lower() in {*SHORT_MONTHS, *SHORT_DAYS}
    dotted = "." in word
    may_end = short or kind == "phrase" or word.lower() in {"no", "etc"} or dotted
    if may_end and (letter.islower() or (dotted and letter and not letter.isupper())):
        return True
    if re.fullmatch(r"[A-Z](?:\.[A-Z])?", word) and word.replace(".", "") not in ERAS:
        return True
    if kind == "title" or (capital and kind in {"saint", "place"}) or (kind == "phrase" and dotted):
        return True
    figures = re.match(r" *[0-9]+", after)
    month = capital and word.lower() in SHORT_MONTHS
    return bool(figures) and (month or kind == "figure" or (capital and kind == "number"))
