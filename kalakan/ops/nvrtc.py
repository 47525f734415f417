"""Builds csrc/ without nvcc: NVRTC, which comes with torch for CUDA, compiles each file to a cubin."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import tempfile
from collections.abc import Sequence
from pathlib import Path

from kalakan.errors import KernelError
from kalakan.ops import csrc_files


def missing() -> str | None:
    """Why this machine cannot build with NVRTC; None: it can."""
    return None if _library() is not None else "there is no NVRTC; install torch for CUDA"


def build(architecture: int) -> tuple[Path, csrc_files.Build]:
    """Builds cubins for a compute capability, or finds existing ones; their folder and facts. Raises `KernelError`."""
    library = _library()
    if library is None:
        raise KernelError(f"the kernels cannot be built: {missing()}")
    wanted = csrc_files.Build("nvrtc", _version(library), (architecture,))
    place = csrc_files.folder(wanted, "")
    if (place / "build.json").is_file():
        return place, wanted
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place) as work:
        for name in csrc_files.KERNELS:
            cubin = Path(work) / cubin_name(name)
            cubin.write_bytes(compile_cubin(library, csrc_files.csrc() / name, architecture))
            cubin.replace(place / cubin.name)
    csrc_files.finish(place, wanted)
    return place, wanted


def cubin_name(source: str) -> str:
    """File name of the cubin of a source."""
    return f"{Path(source).stem}.cubin"


def compile_cubin(library: ctypes.CDLL, source: Path, architecture: int) -> bytes:
    """Machine code of a `.cu` file for one compute capability; raises `KernelError` with the compiler's messages."""
    headers = sorted(path for path in source.parent.iterdir() if path.suffix in (".cuh", ".h"))
    texts, names = (
        (ctypes.c_char_p * len(headers))(*values)
        for values in ([path.read_bytes() for path in headers], [path.name.encode() for path in headers])
    )
    program = ctypes.c_void_p()
    text = source.read_bytes()
    _check(
        library,
        library.nvrtcCreateProgram(
            ctypes.byref(program), text, source.name.encode(), len(headers), texts, names
        ),
    )
    try:
        options = [b"--std=c++17", f"--gpu-architecture=sm_{architecture}".encode()]
        status = library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * 2)(*options))
        if status != 0:
            log = _read(library, program, "ProgramLog").decode(errors="replace").strip("\0").splitlines()
            raise KernelError(f"NVRTC refuses {source.name}: {' / '.join(log[:3])}")
        return _read(library, program, "CUBIN")
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def _read(library: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    _check(library, getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    content = ctypes.create_string_buffer(size.value)
    _check(library, getattr(library, f"nvrtcGet{what}")(program, content))
    return content.raw


def _check(library: ctypes.CDLL, status: int) -> None:
    if status != 0:
        library.nvrtcGetErrorString.restype = ctypes.c_char_p
        raise KernelError(f"NVRTC: {library.nvrtcGetErrorString(status).decode()}")


def _version(library: ctypes.CDLL) -> str:
    major, minor = ctypes.c_int(), ctypes.c_int()
    _check(library, library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)))
    return f"{major.value}.{minor.value}"


def _library() -> ctypes.CDLL | None:
    for name in _names():
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def _names() -> Sequence[str]:
    spec = importlib.util.find_spec("nvidia")
    roots = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
    found = [str(path) for root in roots for path in sorted(root.glob("*/lib/libnvrtc.so.1?"), reverse=True)]
    system = ctypes.util.find_library("nvrtc")
    return [*found, *([system] if system else [])]
