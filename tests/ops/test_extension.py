"""The CUDA kernels are asked for, found, built and refused with a reason; no GPU is needed."""

from __future__ import annotations

import ctypes
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from kalakan.errors import ImplementationUnavailable, KernelError
from kalakan.ops import csrc_files, extension, griffin_lim, nvcc, nvrtc, upsample, use
from kalakan.ops.griffin_lim import cuda as griffin_lim_cuda
from kalakan.ops.residual_blocks import cuda as residual_blocks_cuda
from kalakan.ops.upsample import cuda as upsample_cuda
from ops.upsample_cases import STAGES, case

REGISTERS = {
    "griffin_lim_start": 88,
    "griffin_lim_iterate": 88,
    "griffin_lim_persist": 128,
    "griffin_lim_finish": 40,
    **dict.fromkeys(("residual_blocks_float32_16", "residual_blocks_float32_32"), 128),
    "residual_blocks_float32_64": 160,
    **dict.fromkeys(("residual_blocks_float16_16", "residual_blocks_bfloat16_16"), 128),
    **dict.fromkeys(("residual_blocks_float16_32", "residual_blocks_bfloat16_32"), 128),
    **dict.fromkeys(("residual_blocks_float16_64", "residual_blocks_bfloat16_64"), 255),
    "upsample_float32": 96,
    "upsample_float16": 96,
    "upsample_bfloat16": 96,
}
"""What a thread of each kernel may use at most; more must be measured and written down here."""

STRUCTURES = {
    "griffin_lim": griffin_lim_cuda.Parameters,
    "residual_blocks": residual_blocks_cuda.Parameters,
    "upsample": upsample_cuda.Parameters,
}


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    extension.launcher.cache_clear()
    return tmp_path


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_device_a_request_raises_and_torch_serves() -> None:
    given = case(STAGES[0], 1, 5)
    with (
        use(upsample="cuda"),
        pytest.raises(ImplementationUnavailable, match="no CUDA device; able to serve"),
    ):
        upsample(given["x"], given["weight"], given["bias"], 8, 4)
    with use(griffin_lim="cuda"), pytest.raises(ImplementationUnavailable, match="no CUDA device"):
        griffin_lim(torch.ones(1, 9, 3), 16, 16, 4)
    assert upsample(given["x"], given["weight"], given["bias"], 8, 4).shape == (1, 4, 40)


def test_with_a_device_what_is_not_built_says_how_to_build(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert extension.unavailable() == "not built; run `kalakan doctor --build`"
    with pytest.raises(KernelError, match="not built; run `kalakan doctor --build`"):
        extension.launcher(torch.device("cuda"))
    assert "not built" in extension.describe()


@pytest.mark.parametrize(
    ("build", "device", "usable"),
    [
        (csrc_files.Build("nvrtc", "13.0", (90,)), 90, True),
        (csrc_files.Build("nvrtc", "13.0", (90,)), 80, False),
        (csrc_files.Build("nvrtc", "13.0", (80,)), 90, False),
        (csrc_files.Build("nvcc", "13.0", (80, 90)), 80, True),
        (csrc_files.Build("nvcc", "13.0", (80, 90)), 100, True),  # by its PTX
        (csrc_files.Build("nvcc", "13.0", (80, 90)), 75, False),
    ],
)
def test_a_build_serves_the_devices_it_is_for(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, build: csrc_files.Build, device: int, usable: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(extension, "device_architectures", lambda: {device})
    place = csrc_files.folder(build, "")
    place.mkdir(parents=True)
    (place / f"_kernels{nvcc.SUFFIX}").touch()
    csrc_files.finish(place, build)
    assert (extension.unavailable() is None) == usable
    assert csrc_files.builds() == [(place, build)]


def test_builds_of_other_sources_are_not_taken(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = csrc_files.folder(csrc_files.Build("nvrtc", "13.0", (90,)), "")
    place.mkdir(parents=True)
    csrc_files.finish(place, csrc_files.Build("nvrtc", "13.0", (90,)))
    monkeypatch.setattr(csrc_files, "digest", lambda: "0" * 16)
    assert csrc_files.builds() == []


def test_kernels_refuse_with_a_reason() -> None:
    x = torch.ones(1, 9, 3)
    assert (
        extension.refuses(x, (torch.float32,)) == "the tensor is on cpu, and the kernel works on CUDA devices"
    )
    on_gpu = torch.empty(1, 9, 3, device="meta", dtype=torch.float64)
    assert "on meta" in str(extension.refuses(on_gpu, (torch.float32,)))


def test_what_is_built_is_looked_for_once_until_something_is_built(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = empty_cache / "first", empty_cache / "second"
    found = [first]
    monkeypatch.setattr(extension, "_usable", lambda: (found.pop(), "nvcc"))
    monkeypatch.setattr(extension, "_load", lambda place, compiler: place)
    assert [extension.launcher(torch.device("cuda")) for _ in range(2)] == [first, first]
    found.append(second)
    monkeypatch.setattr(nvcc, "missing", lambda: None)
    monkeypatch.setattr(nvcc, "build", lambda architectures: (second, tuple(architectures)))
    assert extension.build([90])[0] == second
    assert extension.launcher(torch.device("cuda")) == second
    extension.launcher.cache_clear()


@pytest.mark.parametrize(
    ("n_fft", "radices"),
    [(1200, [4, 4, 3, 5, 5]), (1024, [4] * 5), (18, [2, 3, 3]), (22, []), (15, [3, 5])],
)
def test_transform_lengths(n_fft: int, radices: list[int]) -> None:
    assert griffin_lim_cuda.radices(n_fft) == radices


def test_nothing_to_build_with_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvcc, "missing", lambda: "there is no nvcc")
    monkeypatch.setattr(nvrtc, "missing", lambda: "there is no NVRTC")
    with pytest.raises(KernelError, match="cannot be built: there is no nvcc; there is no NVRTC"):
        extension.build([90])
    monkeypatch.setattr(nvrtc, "missing", lambda: None)
    with pytest.raises(KernelError, match="NVRTC builds for one architecture, not 2"):
        extension.build([80, 90])


@pytest.mark.slow
@pytest.mark.timeout(1200)  # many kernels, six architectures
@pytest.mark.parametrize("name", csrc_files.KERNELS)
def test_nvcc_compiles_for_every_architecture_without_spills(tmp_path: Path, name: str) -> None:
    toolkit = nvcc.toolkit()
    if isinstance(toolkit, str):
        pytest.skip(toolkit)
    _, report = nvcc.compile_kernels(toolkit, name, csrc_files.ARCHITECTURES, tmp_path, "-Xptxas=-v")
    found = _resources(report)
    assert len(found) % len(csrc_files.ARCHITECTURES) == 0
    assert {kernel for kernel, *_ in found} >= {
        row for row in REGISTERS if row.startswith(Path(name).stem) and "float" in row
    }
    for kernel, stack, spills, registers in found:
        limit = next(limit for prefix, limit in REGISTERS.items() if kernel.startswith(prefix))
        assert (stack, spills) == (0, 0), f"{kernel} keeps {stack} bytes of registers in memory"
        assert registers <= limit, f"{kernel} uses {registers} registers, of {limit}"


def _resources(report: str) -> list[tuple[str, int, int, int]]:
    """Kernel, bytes of stack, bytes of spills and registers of each entry of `ptxas -v`."""
    pattern = (
        r"Compiling entry function '(\w+)' for 'sm_\d+'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, "
        r"(\d+) bytes spill loads.*?Used (\d+) registers"
    )
    rows = re.findall(pattern, report, flags=re.DOTALL)
    return [(name, int(stack), int(out) + int(back), int(used)) for name, stack, out, back, used in rows]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_iteration_of_griffin_lim_takes_few_instructions(tmp_path: Path) -> None:
    toolkit = nvcc.toolkit()
    if isinstance(toolkit, str):
        pytest.skip(toolkit)
    target, _ = nvcc.compile_kernels(toolkit, "griffin_lim.cu", [90], tmp_path)
    functions = disassembled(target)
    for kernel, most in INSTRUCTIONS.items():
        found = warp_instructions(functions[f"griffin_lim_{kernel}"], kernel)
        assert found <= most, f"{kernel} takes {found} warp instructions a block and iteration, of {most}"


INSTRUCTIONS = {
    "persist_1200_300": 12_700,
    "iterate_1200_300": 13_900,
    "persist_1024_256": 11_900,
    "iterate_1024_256": 15_000,
}
"""Warp instructions of a block of four frames and one iteration, at most."""


def warp_instructions(code: list[tuple[int, str]], kernel: str) -> int:
    """Those of the main loop, or of a whole kernel that has none: each as often as the innermost loop around it runs,
    at most, by as many warps as have any work there."""
    _, n_fft, hop = kernel.split("_")
    warps = griffin_lim_cuda.PLANNED[int(n_fft), int(hop)] // 32
    loops = []
    for address, text in code:
        branch = re.search(r"\bBRA\b.*?0x([0-9a-f]+)", text)
        if branch is not None and int(branch[1], 16) < address:
            loops.append((int(branch[1], 16), address))
    main = (
        max(loops, key=lambda loop: loop[1] - loop[0]) if kernel.startswith("persist") else (0, code[-1][0])
    )
    inner = [loop for loop in loops if loop != main and main[0] <= loop[0] and loop[1] <= main[1]]
    count = 0
    for address, _ in code:
        if main[0] <= address <= main[1]:
            around = [loop for loop in inner if loop[0] <= address <= loop[1]]
            closest = min(around, key=lambda loop: loop[1] - loop[0], default=None)
            texts = [text for place, text in code if closest and closest[0] <= place <= closest[1]]
            count += warps if closest is None else warp_times(texts, kernel, warps)
    return count


def warp_times(loop: list[str], kernel: str, warps: int) -> int:
    """How often a block's warps go around a loop, at most, all together."""
    text = " ".join(loop)
    if "NANOSLEEP" in text or len(loop) < 8:
        return warps  # waiting is not counted
    if "MUFU" in text:
        return 2 * warps  # two bins at a time, of four for each thread
    if "LDG" in text:
        return 4 * warps  # tables
    if "1200" in kernel:
        return 8  # 240 of 320 threads have a butterfly of radix 10, fewer one of radix 12
    return (2 if len(loop) < 100 else 1) * warps  # radix 4, radix 8


def disassembled(target: Path) -> dict[str, list[tuple[int, str]]]:
    """Address and text of every instruction of each kernel in an object file."""
    tool = cuobjdump()
    if tool is None:
        pytest.skip("there is no cuobjdump")
    text = subprocess.run(
        [tool, "--dump-sass", str(target)], capture_output=True, text=True, check=True
    ).stdout
    functions: dict[str, list[tuple[int, str]]] = {}
    for part in text.split("Function : ")[1:]:
        name = part.split("\n", 1)[0].strip()
        rows = re.findall(r"/\*([0-9a-f]{4,5})\*/\s+(.*?);", part)
        functions[name] = [(int(address, 16), instruction) for address, instruction in rows]
    return functions


def cuobjdump() -> str | None:
    """The program that disassembles: triton brings it, as does a whole CUDA toolkit."""
    spec = importlib.util.find_spec("triton")
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    bundled = [str(folder / "backends" / "nvidia" / "bin" / "cuobjdump") for folder in folders]
    return next((tool for tool in bundled if Path(tool).is_file()), None) or shutil.which("cuobjdump")


@pytest.mark.slow
def test_the_built_module_knows_the_kernels_and_needs_a_driver_only_to_launch(empty_cache: Path) -> None:
    reason = nvcc.missing()
    if reason is not None:
        pytest.skip(reason)
    place, build = nvcc.build([90])
    assert nvcc.build([90]) == (place, build)
    module = extension.load_module(place)
    sizes = module.kernels()
    for kernel, size in sizes.items():
        structure = next(each for prefix, each in STRUCTURES.items() if kernel.startswith(prefix))
        assert size == ctypes.sizeof(structure)
    with pytest.raises(ValueError, match="the parameters have 3 bytes"):
        module.launch("upsample_float32", (1, 1, 1), 256, 0, False, 0, 0, b"abc")
    if not torch.cuda.is_available():
        arguments = ("upsample_float32", (1, 1, 1), 256, 0, False, 0, 0, bytes(sizes["upsample_float32"]))
        with pytest.raises(RuntimeError, match="CUDA error"):
            module.launch(*arguments)


@pytest.mark.slow
def test_nvrtc_builds_the_same_kernels(empty_cache: Path) -> None:
    reason = nvrtc.missing()
    if reason is not None:
        pytest.skip(reason)
    place, build = nvrtc.build(90)
    assert build.architectures == (90,)
    for name, kernel in (
        ("griffin_lim", b"griffin_lim_persist_1200_300"),
        ("residual_blocks", b"residual_blocks_float16_64"),
        ("upsample", b"upsample_bfloat16"),
    ):
        cubin = (place / f"{name}.cubin").read_bytes()
        assert cubin.startswith(b"\x7fELF")
        assert kernel in cubin


def test_nvrtc_repeats_the_compilers_words(tmp_path: Path) -> None:
    library = nvrtc._library()
    if library is None:
        pytest.skip(str(nvrtc.missing()))
    (tmp_path / "bad.cu").write_text("__global__ void k() { undeclared = 1; }")
    with pytest.raises(KernelError, match=r"NVRTC refuses bad\.cu: .*undeclared"):
        nvrtc.compile_cubin(library, tmp_path / "bad.cu", 90)


def test_the_package_carries_the_sources_of_this_checkout() -> None:
    checkout = Path(__file__).parents[2] / "csrc"
    for path in checkout.iterdir():
        assert (csrc_files.csrc() / path.name).read_bytes() == path.read_bytes()
