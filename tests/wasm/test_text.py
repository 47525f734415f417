"""The text core as WebAssembly, run by Node, reads as Python's does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from built import ROOT, WASM, cargo_build
from kalakan.text.normalizer import normalize_text
from kalakan.text.sentences import split_sentences
from kalakan.text.twi_g2p import TwiG2P

GOLDEN = Path(__file__).parents[1] / "golden"
SCRIPT = """
import { readFile } from "node:fs/promises";
const { load } = await import(process.argv[2]);
const text = await load(await readFile(process.argv[3]));
const texts = JSON.parse(await readFile(process.argv[4], "utf8"));
const found = texts.map((item) => ({
  normalized: text.normalize(item),
  predicted: text.phonemes(item),
  written: text.phonemes(item, "written"),
  ids: text.phonemeIds(item),
  sentences: text.sentences(item),
}));
const refused = [() => text.normalize(1), () => text.phonemes("a", "sung")].map((work) => {
  try { work(); return ""; } catch (error) { return `${error.name}: ${error.message}`; }
});
console.log(JSON.stringify({ found, refused }));
"""


@pytest.fixture(scope="module")
def module() -> Path:
    return cargo_build("kalakan-wasm", WASM) / "kalakan_text_wasm.wasm"


def test_it_reads_as_python_does(module: Path, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    texts = ["", "Ɔkɔ.\0Ɔba.", "Kofi " * 500, "日本", "Ɔkɔ fie! [en]time[/en]"]
    for name in ("norm.tsv", "g2p.tsv", "real_text.tsv"):
        lines = (GOLDEN / name).read_text(encoding="utf-8").splitlines()
        texts += [line.split("\t")[0] for line in lines if line and not line.startswith("#")]
    given = tmp_path / "texts.json"
    given.write_text(json.dumps(texts), encoding="utf-8")
    script = tmp_path / "read.mjs"
    script.write_text(SCRIPT, encoding="utf-8")
    wrapper = ROOT / "rust" / "kalakan-wasm" / "kalakan-text.mjs"
    done = subprocess.run(
        [node, script, wrapper, module, given], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    told: Any = json.loads(done.stdout)
    readers = {tones: TwiG2P(english=False, tones=tones) for tones in ("predicted", "written")}
    assert len(told["found"]) == len(texts) > 300
    for text, found in zip(texts, told["found"], strict=True):
        assert found["normalized"] == normalize_text(text), text
        for tones, reader in readers.items():
            assert found[tones] == reader.text_to_phonemes(text), text
        assert found["ids"] == readers["predicted"].text_to_phoneme_sequence(text), text
        assert found["sentences"] == [item.text for item in split_sentences(text)], text
    assert told["refused"] == [
        "TypeError: the text is a number; it must be a string",
        'RangeError: tones is "sung"; it must be "predicted" or "written"',
    ]


def test_it_needs_nothing_from_outside(module: Path) -> None:
    """Section 2 of a module lists what it imports (https://webassembly.github.io/spec/core/binary/modules.html)."""
    content = module.read_bytes()
    assert content.startswith(b"\0asm")
    place, sections = 8, set()
    while place < len(content):
        sections.add(content[place])
        size = shift = 0
        place += 1
        while True:
            byte = content[place]
            size |= (byte & 127) << shift
            shift += 7
            place += 1
            if byte < 128:
                break
        place += size
    assert 2 not in sections
    assert 7 in sections  # it exports


def test_the_module_of_the_documentation_exists() -> None:
    page = (ROOT / "docs" / "c-api.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```js\n(.*?)```", page, re.DOTALL)
    wrapper = (ROOT / "rust" / "kalakan-wasm" / "kalakan-text.mjs").read_text(encoding="utf-8")
    for name in re.findall(r"text\.(\w+)\(", code):
        assert re.search(rf"^  {name}\(", wrapper, re.MULTILINE), name
