"""The same generator by TensorRT in half precision: by its own package, or through onnxruntime, if either is there."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from gpu_bench.generator import Call, build_generator, exact_audio, loads, make_mels, measure
from gpu_bench.machine import version
from gpu_bench.settings import Row, Settings
from gpu_bench.timing import synchronize
from kalakan.export.onnx.vocoder import trace_vocoder

TOLERANCE = 2e-2
"""Relative error above which its time would be no baseline."""
PROVIDER = "TensorrtExecutionProvider"
Build = Callable[[bytes, Tensor, Tensor], Call]
"""ONNX file, a mel and room for its audio, both on the device, to what fills that room."""


def rows(settings: Settings, _: str) -> Iterator[Row]:
    """Each load: error, milliseconds, and how it was run; or one row that says why TensorRT is not there."""
    how, build = find_tensorrt(settings)
    if build is None:
        yield {"case": "TensorRT", "unavailable": how}
        return
    content = trace_vocoder(build_generator(settings).cpu(), fold=True).SerializeToString()
    model = build_generator(settings).double()
    for items, seconds, frames in loads(settings):
        mels = [mel.float() for mel in make_mels(items, frames, settings)]
        with torch.no_grad():
            wanted = exact_audio(model, mels[0])
        call = build(content, mels[0], torch.empty(items, wanted.shape[1], device=settings.device))
        found = measure(call, mels, wanted, settings)
        yield {"case": f"{items} x {seconds} s", "how": how, **found}
        if not found["error"] < TOLERANCE:
            raise AssertionError(f"TensorRT's audio has error {found['error']:.3g}; {TOLERANCE} may be")


def find_tensorrt(settings: Settings) -> tuple[str, Build | None]:
    """How TensorRT can be had, and what builds with it; or why not, and None. onnxruntime's CPU in a dry run."""
    if settings.is_dry:
        return "onnxruntime, CPU", lambda *given: session_call(*given, "CPUExecutionProvider", {})
    if importlib.util.find_spec("tensorrt") is not None:
        return "the package tensorrt", engine_call
    if version("onnxruntime") is None and version("onnxruntime-gpu") is None:
        return "neither tensorrt nor onnxruntime is installed", None
    import onnxruntime

    here = onnxruntime.get_available_providers()
    if PROVIDER not in here:
        return f"tensorrt is not installed, and onnxruntime {onnxruntime.__version__} has only {here}", None
    options = {"trt_fp16_enable": True}
    return f"onnxruntime {onnxruntime.__version__}", lambda *given: session_call(*given, PROVIDER, options)


def session_call(content: bytes, mel: Tensor, audio: Tensor, provider: str, options: dict[str, Any]) -> Call:
    """Runs the graph by onnxruntime on tensors where they are: nothing is copied to the host.

    Raises `RuntimeError` if onnxruntime gave the graph to another provider.
    """
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=[(provider, options)])
    if session.get_providers()[0] != provider:
        raise RuntimeError(f"onnxruntime chose {session.get_providers()}, not {provider}")
    binding, device = session.io_binding(), audio.device.type
    binding.bind_output("audio_output", device, 0, np.float32, tuple(audio.shape), audio.data_ptr())

    def call(given: Tensor) -> Tensor:
        synchronize(device)  # onnxruntime has a stream of its own, and waits for it itself
        binding.bind_input("mel_input", device, 0, np.float32, tuple(given.shape), given.data_ptr())
        session.run_with_iobinding(binding)
        return audio

    return call


def engine_call(content: bytes, mel: Tensor, audio: Tensor) -> Call:
    """Runs the graph as an engine that TensorRT built for this shape; raises `RuntimeError` where it cannot."""
    import tensorrt as trt  # type: ignore[import-not-found]

    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(content):
        raise RuntimeError(f"TensorRT cannot read the graph: {parser.get_error(0)}")
    config, profile = builder.create_builder_config(), builder.create_optimization_profile()
    config.set_flag(trt.BuilderFlag.FP16)
    profile.set_shape("mel_input", *[tuple(mel.shape)] * 3)
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise RuntimeError("TensorRT built no engine")
    runtime = trt.Runtime(logger)
    engine = runtime.deserialize_cuda_engine(plan)
    context = engine.create_execution_context()
    context.set_input_shape("mel_input", tuple(mel.shape))
    context.set_tensor_address("audio_output", audio.data_ptr())

    def call(given: Tensor) -> Tensor:
        context.set_tensor_address("mel_input", given.data_ptr())
        if not context.execute_async_v3(torch.cuda.current_stream().cuda_stream):
            raise RuntimeError(f"TensorRT did not run its engine of {engine.num_layers} layers")
        return audio

    call.runtime = runtime  # type: ignore[attr-defined]  # an engine must not outlive it
    return call
