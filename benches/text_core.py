"""The text core against an earlier one: instructions a sentence, and bytes of its library as a wheel stores them.

python benches/text_core.py --before CHECKOUT [--target FOLDER]

Builds one small library and one small program around `rust/kalakan-text` of each checkout, in a temporary folder or in
FOLDER, with the profile of its workspace. The instructions are callgrind's (valgrind), without those of the start;
other load on the machine does not change them. The microseconds are processor time of the same programs taking turns,
and "more" is the median difference of neighboring turns; "tones" is the reading with predicted tones beside the one
without. What each part of the library costs is the bytes of its symbols, deflated by themselves. Writes
benches/results/text-core-DATE.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import zlib
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
SENTENCES = HERE / "data/sentences.txt"
ROUNDS = 10
TURNS = 15
TIMED_ROUNDS = 400
PARTS = {
    "tones: code": r"kalakan_text::tone::",
    "english: code": r"kalakan_text::(normalize::english|g2p::english|words::english)",
    "clean: code": r"kalakan_text::clean",
    "normalize: code": r"kalakan_text::normalize",
    "other rules: code": r"kalakan_text::",
}
"""What a symbol belongs to: the first pattern that its name has."""

MANIFEST = """[package]
name = "{name}"
version = "0.1.0"
edition = "2021"
[lib]
crate-type = ["cdylib"]
[dependencies]
kalakan-text = {{ path = "{core}" }}
{profile}
[workspace]
"""
LIBRARY = """use kalakan_text::{{clean::clean, normalize::{{normalize, NormalizeOptions}}, sentence::split_sentences}};
use kalakan_text::{{G2pOptions, Language, TwiG2p}};
/// # Safety
/// `text` is `length` bytes of UTF-8.
#[no_mangle]
pub unsafe extern "C" fn read(text: *const u8, length: usize, english: bool) -> usize {{
    let text = std::str::from_utf8(std::slice::from_raw_parts(text, length)).unwrap_or_default();
    let (options, g2p) = (NormalizeOptions::default(), TwiG2p::new(G2pOptions::default()));
    let language = english.then_some(Language::English);
    normalize(text, &options).len() + clean(text, &options).len() + split_sentences(text).len()
        + g2p.read(text, Some(&options), language{tones}).words.len()
        + g2p.read_ids(text, Some(&options), language{tones}).len()
}}
"""
PROGRAM = """use kalakan_text::{{normalize::NormalizeOptions, G2pOptions, TwiG2p}};
{import_}fn main() {{
    let arguments: Vec<String> = std::env::args().collect();
    let text = std::fs::read_to_string(&arguments[1]).expect("no text");
    let (rounds, cold) = (arguments[2].parse::<usize>().expect("no number"), arguments[3] == "cold");
    let options = NormalizeOptions::default();
    let mut g2p = TwiG2p::new(G2pOptions {{ {predicted}..G2pOptions::default() }});
    for _ in 0..rounds {{
        if cold {{
            g2p = TwiG2p::new(G2pOptions::default());
        }}
        for line in text.lines() {{
            std::hint::black_box(g2p.read_ids(line, Some(&options), None{tones}));
        }}
    }}
}}
"""


def main() -> None:
    """Builds, counts, prints and writes the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", type=Path, required=True, help="a checkout of the earlier tree")
    parser.add_argument("--target", type=Path, help="folder for what is built; kept")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.target or Path(temporary)
        cores = {"before": arguments.before, "now": ROOT}
        built = {name: build(name, checkout.resolve(), folder / name) for name, checkout in cores.items()}
        sentences = SENTENCES.read_text(encoding="utf-8").splitlines()
        figures = [sentence for sentence in sentences if re.search(r"\d", sentence)]
        texts = {
            "plain": [s for s in sentences if s not in figures],
            "with figures": figures,
            "all": sentences,
        }
        counted = {
            kind: {
                way: {name: count(program, lines, way, folder) for name, (_, program) in built.items()}
                for way in ("warm", "cold")
            }
            for kind, lines in texts.items()
        }
        timed = {
            "warm": differences(built["before"][1], built["now"][1], ("warm", "warm"), sentences, folder),
            "tones": differences(built["now"][1], built["now"][1], ("warm", "tones"), sentences, folder),
        }
        parts = by_part(folder / "now")
    more = built["now"][0]["deflated"] - built["before"][0]["deflated"]
    record = {
        "what": "the text core alone, before and now: instructions a sentence, bytes of its stripped library",
        "date": datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat(),
        "command": "python benches/text_core.py --before CHECKOUT",
        "before": commit(arguments.before),
        "machine": platform.machine(),
        "sentences": {kind: len(lines) for kind, lines in texts.items()},
        "mean_characters": round(sum(map(len, sentences)) / len(sentences), 1),
        "instructions_a_sentence": counted,
        "load": round(os.getloadavg()[0], 1),
        "turns": TURNS,
        "microseconds_a_sentence": timed,
        "library": {name: sizes for name, (sizes, _) in built.items()},
        "deflated_more": more,
        "deflated_by_part": parts,
        "deflated_more_without_tones": more - sum(size for part, size in parts.items() if "tone" in part),
    }
    text = json.dumps(record, indent=1) + "\n"
    (HERE / "results" / f"text-core-{record['date']}.json").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def build(name: str, checkout: Path, folder: Path) -> tuple[dict[str, int], Path]:
    """The sizes of the library around a core, and the program around it."""
    core = checkout / "rust/kalakan-text"
    predicts = (core / "src/tone").is_dir()
    (folder / "src").mkdir(parents=True, exist_ok=True)
    workspace = (checkout / "Cargo.toml").read_text(encoding="utf-8")
    profile = workspace[workspace.index("[profile.release]") :]
    manifest = MANIFEST.format(name=f"core-{name}", core=core, profile=profile)
    (folder / "Cargo.toml").write_text(manifest, encoding="utf-8")
    shutil.copy(checkout / "Cargo.lock", folder)
    for file, source in (("lib.rs", LIBRARY), ("main.rs", PROGRAM)):
        predicted = 'tones: if arguments[3] == "tones" { Tones::Predicted } else { Tones::Written }, '
        filled = source.format(
            tones=", None" * predicts,
            predicted=predicted * predicts,
            import_="use kalakan_text::Tones;\n" * predicts,
        )
        (folder / "src" / file).write_text(filled, encoding="utf-8")
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=folder, check=True)
    library, stripped = folder / f"target/release/libcore_{name}.so", folder / "stripped.so"
    subprocess.run(["strip", "-o", stripped, library], check=True)
    content = stripped.read_bytes()
    sizes = {"bytes": len(content), "deflated": len(zlib.compress(content, 9))}
    return sizes, folder / f"target/release/core-{name}"


def count(program: Path, lines: list[str], way: str, folder: Path) -> int:
    """Instructions a sentence: those of many rounds less those of one."""
    text = folder / "sentences.txt"
    text.write_text("\n".join(lines) + "\n", encoding="utf-8")
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(program), str(text)]
    found = []
    for rounds in (1, 1 + ROUNDS):
        ran = subprocess.run([*tool, str(rounds), way], capture_output=True, text=True, check=True)
        collected = re.search(r"Collected : (\d+)", ran.stderr)
        if collected is None:
            raise SystemExit(f"valgrind counted nothing: {ran.stderr[-200:]}")
        found.append(int(collected[1]))
    return round((found[1] - found[0]) / ROUNDS / len(lines))


def differences(
    one: Path, other: Path, ways: tuple[str, str], lines: list[str], folder: Path
) -> dict[str, object]:
    """Processor time a sentence of two programs taking turns, and the median difference and its quartiles, in µs."""
    text = folder / "sentences.txt"
    text.write_text("\n".join(lines) + "\n", encoding="utf-8")
    taken: dict[int, list[float]] = {0: [], 1: []}
    for turn in range(2 * TURNS):
        which = (turn + turn // 2) % 2  # one, other, other, one
        program = (one, other)[which]
        start = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        subprocess.run([str(program), str(text), str(TIMED_ROUNDS), ways[which]], check=True)
        spent = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - start
        taken[which].append(1e6 * spent / TIMED_ROUNDS / len(lines))
    pairs = [b - a for a, b in zip(taken[0], taken[1], strict=True)]
    low, middle, high = statistics.quantiles(pairs, n=4)
    return {
        "first": round(statistics.median(taken[0]), 3),
        "second": round(statistics.median(taken[1]), 3),
        "more": round(middle, 3),
        "quartiles": [round(low, 3), round(high, 3)],
    }


def by_part(folder: Path) -> dict[str, int]:
    """Bytes of the code of each part and of each list, deflated by themselves."""
    library = folder / "target/release/libcore_now.so"
    content = library.read_bytes()
    names = subprocess.run(["nm", "-S", "-C", library], capture_output=True, text=True, check=True).stdout
    sections = subprocess.run(["readelf", "-SW", library], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\.text\s+PROGBITS\s+([0-9a-f]+) ([0-9a-f]+) ", sections)
    if found is None:
        raise SystemExit("the library has no code")
    offset = int(found[2], 16) - int(found[1], 16)
    code: dict[str, list[bytes]] = defaultdict(list)
    for line in names.splitlines():
        fields = line.split(None, 3)
        if len(fields) == 4 and fields[2] in "tT":
            part = next((part for part, name in PARTS.items() if re.search(name, fields[3])), "")
            start = int(fields[0], 16) + offset
            code[part].append(content[start : start + int(fields[1], 16)])
    data = sorted((ROOT / "rust/kalakan-text/data").glob("*.*"))
    lists = {path.name: path.read_bytes() for path in data if path.suffix != ".md"}
    contents = {part: b"".join(code[part]) for part in PARTS} | lists
    return {part: len(zlib.compress(content, 9)) for part, content in contents.items()}


def commit(checkout: Path) -> str:
    """The commit of a checkout."""
    ran = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


if __name__ == "__main__":
    main()
