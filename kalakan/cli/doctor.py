"""`kalakan doctor`: shows what this installation uses, what is missing, and whether the default voice works."""

from __future__ import annotations

import time
from importlib.util import find_spec

import click

from kalakan.cli.streams import write_line
from kalakan.errors import KalakanError, KernelError, how_to_install

TEXT = "Akwaaba! Wo ho te sɛn?"


@click.command("doctor")
@click.option(
    "--build", "wants_build", is_flag=True, help="Build the CUDA kernels for the GPUs of this machine."
)
@click.option(
    "--arch",
    "architectures",
    type=click.IntRange(10, 999),
    multiple=True,
    metavar="NUMBER",
    help="Build for this compute capability, such as 90; may be repeated.",
)
@click.option(
    "--tune",
    "wants_tuning",
    is_flag=True,
    help="Measure on this GPU which kernels are fastest for HiFi-GAN and MelGAN, and save the result.",
)
@click.option(
    "--performance",
    "wants_performance",
    is_flag=True,
    help="Check what slows synthesis down: cores, threads, kernels, GPU, disks, each component.",
)
def command(
    wants_build: bool, architectures: tuple[int, ...], wants_tuning: bool, wants_performance: bool
) -> int:
    """Show what is in use, what is missing and how to get it. Exits with code 1 if the default voice does not work."""
    from kalakan.native import status

    if architectures and not wants_build:
        raise click.UsageError("--arch says what to build for; it needs --build")
    if wants_build:
        _build(architectures)
    if wants_tuning:
        _tune()
    if wants_performance:
        return _performance()
    found = status()
    write_line(str(found))
    for line in advice(dict(found.packages), found.devices):
        write_line(line)
    return _speak()


def _performance() -> int:
    from kalakan.benchmark.profiling.checklist import checklist
    from kalakan.synthesis.synthesizer import Synthesizer

    for finding in checklist(Synthesizer()):
        write_line(str(finding))
    return 0


def _build(architectures: tuple[int, ...]) -> None:
    from kalakan.ops import extension

    start = time.perf_counter()
    place, build = extension.build(architectures)
    names = ", ".join(f"sm_{architecture}" for architecture in build.architectures)
    took = time.perf_counter() - start
    write_line(f"built for {names} with {build.compiler} {build.cuda} in {took:.1f} s: {place}")


def _tune() -> None:
    if find_spec("torch") is None:
        raise KernelError(f"--tune measures with torch; {how_to_install('torch')}")
    from kalakan.models.device_tuning import tune_devices

    for line in tune_devices():
        write_line(line)


def advice(packages: dict[str, str | None], devices: tuple[str, ...]) -> list[str]:
    """What is missing on this machine and how to get it, one line each."""
    if packages["torch"] is None:
        return [f"torch: not installed; needed for GPUs, training and export: {how_to_install('torch')}"]
    from kalakan.ops import extension, nvcc

    lines = [extension.describe()]
    if devices and packages["triton"] is None:
        lines.append("triton: not installed; pip install triton")
    reason = nvcc.missing()
    if devices and reason is not None:
        lines.append(f"nvcc: {reason}")
    return lines


def _speak() -> int:
    """Prints whether the default voice works; returns the exit code."""
    from kalakan import Synthesizer

    start = time.perf_counter()
    try:
        synthesizer = Synthesizer()
        ready = time.perf_counter()
        seconds = len(synthesizer.synthesize(TEXT)) / synthesizer.sample_rate
    except KalakanError as error:
        write_line(f"default voice: does not speak: {error}")
        return 1
    spoken = time.perf_counter()
    write_line(
        f"default voice: speaks ({seconds:.1f} s of audio; loading took {ready - start:.2f} s, "
        f"speaking {spoken - ready:.2f} s)"
    )
    return 0
