"""python triton_interpreted.py OP TYPE: worst distance of a Triton kernel from float64, by Triton's interpreter."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["TRITON_INTERPRET"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1]))

import torch

from kalakan.ops.griffin_lim import reference
from kalakan.ops.griffin_lim import triton as griffin_lim
from kalakan.ops.upsample import triton as upsample
from ops.upsample_cases import STAGES, case, distance, exact

BLOCKS = {"BLOCK_Q": 32, "BLOCK_N": 16, "BLOCK_K": 16}
# Few programs each: the interpreter takes some 20 ms for one.
CASES = [
    (STAGES[1], 1, 1),
    (STAGES[2], 2, 33),
    (STAGES[3], 1, 2),
    (STAGES[5], 1, 63),
    ((18, 17, 4, 2, 1, 0), 1, 9),
]


def worst_upsample(dtype: torch.dtype) -> float:
    found = []
    for stage, batch, frames in CASES:
        given = case(stage, batch, frames, dtype)
        arguments = (given["x"], given["weight"], given["bias"])
        for residual in (given["residual"], None):
            got = upsample.run(*arguments, *stage[3:], 0.2, residual, BLOCKS)
            assert got.dtype == dtype
            found.append(distance(got, exact(*arguments, stage, 0.2, residual)))
    return max(found)


def worst_griffin_lim() -> float:
    found = []
    for sizes in ((60, 48, 20), (64, 49, 32), (15, 12, 5)):
        for frames, items in ((1, 1), (2, 3), (29, 1)):
            magnitude = torch.rand(items, sizes[0] // 2 + 1, frames)
            got = griffin_lim.run(magnitude, *sizes, 3, 0.99, 7)
            wanted = reference.griffin_lim(magnitude.double(), *sizes, 3, 0.99, 7)
            found.append(float((got - wanted).abs().nan_to_num(torch.inf).max() / wanted.abs().max()))
    return max(found)


if __name__ == "__main__":
    op, name = sys.argv[1:]
    torch.manual_seed(0)
    worst = worst_upsample(getattr(torch, name)) if op == "upsample" else worst_griffin_lim()
    sys.stdout.write(f"{worst}\n")
