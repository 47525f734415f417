"""The table in docs/seed.md names every block of the guide, and a test of each."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
ROW = re.compile(r"\| ([^|`]+) \| (\d+) \| `(\w+\.py)::(test_\w+)` \| (.+) \|")
BLOCKS = {
    "Model Selection": 1,
    "Batch Processing": 1,
    "GPU Acceleration": 2,
    "Mixed Precision Inference": 2,
    "Caching": 2,
    "Text Preprocessing Optimization": 1,
    "Model Quantization": 2,
    "Dynamic Memory Management": 1,
    "Gradient Checkpointing": 1,
    "Memory Profiling (Memory Optimization)": 1,
    "Mixed Precision Training": 2,
    "Gradient Accumulation": 2,
    "Distributed Training": 2,
    "Efficient Data Loading": 1,
    "Model Pruning": 1,
    "Knowledge Distillation": 1,
    "Model Export": 2,
    "API Optimization": 1,
    "Load Balancing": 1,
    "Caching Proxy": 1,
    "Containerization": 1,
    "Inference Benchmarking": 1,
    "Memory Profiling (Benchmarking and Profiling)": 1,
    "PyTorch Profiler": 1,
    "CPU Optimization": 1,
    "Edge Device Optimization": 1,
    "Dynamic Quantization": 1,
    "Model Fusion": 1,
    "Custom CUDA Kernels": 1,
    "Parallel Inference Pipeline": 1,
    "Memory Leaks": 3,
    "GPU Underutilization": 3,
    "CPU Bottlenecks": 3,
}
"""Headings of the guide with their numbers of code blocks, in order."""


def rows() -> list[tuple[str, int, str, str]]:
    content = (ROOT / "docs" / "seed.md").read_text(encoding="utf-8")
    lines = [line for line in content.splitlines() if line.startswith("| ") and "::" in line]
    found = [ROW.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    return [(match[1], int(match[2]), match[3], match[4]) for match in found if match]


def test_every_block_has_a_row() -> None:
    wanted = [(heading, number + 1) for heading, count in BLOCKS.items() for number in range(count)]
    assert [(heading, number) for heading, number, _, _ in rows()] == wanted
    assert len(wanted) == 47


def test_every_row_has_a_test() -> None:
    defined = {
        (path.name, node.name)
        for path in HERE.glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    assert {(file, name) for _, _, file, name in rows()} <= defined


def test_tests_that_the_text_names_exist() -> None:
    content = (ROOT / "docs" / "seed.md").read_text(encoding="utf-8")
    code = "\n".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py"))
    for name in set(re.findall(r"`(test_\w+)`", content)):
        assert f"def {name}(" in code
