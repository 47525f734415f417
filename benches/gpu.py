"""python benches/gpu.py [--rounds N] [--sanitize] [--output FOLDER]: the vocoder's GPU path, in one run.

Builds the kernels, compares every implementation with float64 on fresh numbers, and only then times them with CUDA
events against torch eager and torch.compile (max-autotune), rotating buffers that do not fit in the cache.
`--sanitize` runs compute-sanitizer (memcheck, racecheck) on small sizes first. Writes <gpu>-<date>.json to
benches/results/.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kalakan.errors import ImplementationUnavailable
from kalakan.ops import extension, griffin_lim, upsample, use
from kalakan.ops.griffin_lim import reference

RESULTS = Path(__file__).parent / "results"
SIZES = (1200, 1200, 300)
RATE = 24_000
STAGES = [(512, 256, 16, 8, 4), (256, 128, 16, 8, 4), (128, 64, 4, 2, 1), (64, 32, 4, 2, 1)]
"""C_in, C_out, K, stride, padding of HiFi-GAN V1's stages."""
NAMES = ("torch", "triton", "cuda")
SMALL = """
import torch
from kalakan.ops import griffin_lim, upsample, use
with use(griffin_lim="cuda", upsample="cuda"):
    griffin_lim(torch.rand(2, 601, 9, device="cuda"), 1200, 1200, 300, n_iter=2)
    griffin_lim(torch.rand(1, 31, 9, device="cuda"), 60, 48, 20, n_iter=2)
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        x, weight = torch.rand(2, 40, 9, device="cuda", dtype=dtype), torch.rand(40, 70, 8, device="cuda", dtype=dtype)
        upsample(x, weight, None, 4, 2)
torch.cuda.synchronize()
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--sanitize", action="store_true")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("benches/gpu.py: there is no CUDA device")
    torch.backends.cudnn.allow_tf32 = False  # single precision is compared, and timed, in full
    place, build = extension.build()
    sys.stderr.write(f"built {build} in {place}\n")
    sanitized = sanitize() if arguments.sanitize else "not run"
    cases = [*griffin_lim_cases(), *upsample_cases()]
    rows = [measure(case, arguments.rounds) for case in cases]
    report(arguments.output, rows, sanitized)


class Case:
    """One call with several inputs to rotate through, and its value in float64."""

    def __init__(
        self,
        title: str,
        inputs: Sequence[Any],
        call: Callable[[Any], Tensor],
        wanted: Tensor,
        tolerance: float,
    ) -> None:
        self.title, self.inputs, self.call = title, inputs, call
        self.wanted, self.tolerance = wanted, tolerance


def griffin_lim_cases() -> list[Case]:
    """Two iterations are compared with float64: later, rounding errors grow in every implementation; 32 are timed."""
    cases = []
    for items, seconds in ((1, 1), (1, 10), (32, 10)):
        frames = seconds * RATE // SIZES[2]
        inputs = [torch.rand(items, SIZES[0] // 2 + 1, frames, device="cuda") for _ in range(3)]
        wanted = reference.griffin_lim(inputs[0].double(), *SIZES, 2, 0.99, 0)
        cases.append(
            Case(
                f"griffin_lim {items} x {seconds} s, 32 iterations",
                inputs,
                lambda magnitude: griffin_lim(magnitude, *SIZES, n_iter=ITERATIONS[0]),
                wanted,
                1e-4,
            )
        )
    return cases


ITERATIONS = [32]
"""How many the cases run; `check` lowers it."""


def upsample_cases() -> list[Case]:
    """The four stages of HiFi-GAN V1, at batch 1 of 1 s and 32 of 10 s."""
    cases = []
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float16, 1e-3), (torch.bfloat16, 1e-2)):
        for items, seconds in ((1, 1), (32, 10)):
            frames = seconds * 86
            for c_in, c_out, kernel, stride, padding in STAGES:
                weight = torch.randn(c_in, c_out, kernel, device="cuda", dtype=dtype) / c_in**0.5
                bias = torch.randn(c_out, device="cuda", dtype=dtype)
                inputs = [torch.randn(items, c_in, frames, device="cuda", dtype=dtype) for _ in range(3)]
                call = _upsampling(weight, bias, stride, padding)
                wide = _upsampling(weight.double(), bias.double(), stride, padding)
                with use(upsample="torch"):
                    wanted = wide(inputs[0][:1].double())
                title = f"upsample {c_in}->{c_out} x{stride}, {items} x {seconds} s, {str(dtype)[6:]}"
                cases.append(Case(title, inputs, call, wanted, tolerance))
                frames *= stride
    return cases


def _upsampling(weight: Tensor, bias: Tensor, stride: int, padding: int) -> Callable[[Tensor], Tensor]:
    return lambda x: upsample(x, weight, bias, stride, padding)


def measure(case: Case, rounds: int) -> dict[str, Any]:
    """Error and milliseconds of each implementation; those that are wrong are not timed."""
    row: dict[str, Any] = {"case": case.title}
    for name in NAMES:
        with torch.no_grad(), use(griffin_lim=name, upsample=name):
            try:
                row[name] = checked_time(case, case.call, rounds)
            except ImplementationUnavailable as error:
                row[name] = {"unavailable": str(error)}
    if case.title.startswith("upsample"):
        torch._dynamo.reset()
        compiled = torch.compile(case.call, mode="max-autotune-no-cudagraphs")
        with torch.no_grad():
            row["torch.compile"] = checked_time(case, compiled, rounds)
    sys.stderr.write(f"{json.dumps(row)}\n")
    return row


def checked_time(case: Case, call: Callable[[Any], Tensor], rounds: int) -> dict[str, Any]:
    found = check(case, call)
    if not found < case.tolerance:  # NaN fails too
        return {"error": found, "wrong": f"the tolerance is {case.tolerance}"}
    return {"error": found, "ms": round(time_ms(case, call, rounds), 4)}


def check(case: Case, call: Callable[[Any], Tensor]) -> float:
    """|got - wanted| / |wanted|, memory poisoned before."""
    torch.full((64 << 20,), torch.nan, device="cuda")
    ITERATIONS[0] = 2
    got = call(case.inputs[0])[: len(case.wanted)].double()
    ITERATIONS[0] = 32
    return float((got - case.wanted).norm() / case.wanted.norm())


def time_ms(case: Case, call: Callable[[Any], Tensor], rounds: int) -> float:
    """Median of single calls between events, inputs in rotation and the cache swept before each."""
    sweep = torch.empty(256 << 20, dtype=torch.uint8, device="cuda")
    for value in case.inputs:
        call(value)
    times = []
    for number in range(rounds):
        sweep.zero_()
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call(case.inputs[number % len(case.inputs)])
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times)


def sanitize() -> str:
    """What compute-sanitizer says of the kernels at small sizes."""
    tool = shutil.which("compute-sanitizer")
    if tool is None:
        return "compute-sanitizer is not installed"
    for check_name in ("memcheck", "racecheck"):
        command = [tool, "--tool", check_name, "--error-exitcode", "9", sys.executable, "-c", SMALL]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        if result.returncode != 0:
            return f"{check_name} failed: {(result.stdout + result.stderr)[-2000:]}"
    return "memcheck and racecheck found nothing"


def report(folder: Path, rows: list[dict[str, Any]], sanitized: str) -> None:
    gpu = torch.cuda.get_device_name().replace(" ", "-")
    date = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    result = {"gpu": gpu, "date": date, "versions": versions, "compute-sanitizer": sanitized, "rows": rows}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{gpu}-{date}.json").write_text(json.dumps(result, indent=2) + "\n")
    columns = (*NAMES, "torch.compile")
    sys.stdout.write(
        f"compute-sanitizer: {sanitized}\n{'ms':<48}" + "".join(f"{c:>15}" for c in columns) + "\n"
    )
    for row in rows:
        cells = [row.get(column, {}) for column in columns]
        texts = [str(cell.get("ms", "wrong" if "wrong" in cell else "-")) for cell in cells]
        sys.stdout.write(f"{row['case']:<48}" + "".join(f"{text:>15}" for text in texts) + "\n")


if __name__ == "__main__":
    main()
