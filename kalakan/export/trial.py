"""Runs an exported file in a separate process, which has only what the file needs and nothing else from Kalakan.

The outputs are compared with torch's (`kalakan.export.parity`); time and memory are the cost of the file for its users.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalakan.errors import ExportError
from kalakan.storage import real_path

Arrays = Mapping[str, NDArray[Any]]
_COMMON = """
import json, sys, time
import numpy as np
path, cases, results, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
given = np.load(cases)
inputs = {}
for key in given.files:
    case, name = key.split("/")
    inputs.setdefault(int(case), {})[name] = given[key]
run, forbidden = prepare(path)
found = {}
for case in sorted(inputs):
    for name, value in run(inputs[case]).items():
        found[f"{case}/{name}"] = np.asarray(value)
seconds = []
for _ in range(rounds):
    started = time.process_time()
    run(inputs[max(inputs)])
    seconds.append(time.process_time() - started)
np.savez(results, **found)
loaded = [name for name in forbidden if name in sys.modules]
peak = 0.0
try:
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
except OSError:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
print(json.dumps({"seconds": seconds, "peak_memory_mb": peak, "loaded": loaded}))
"""
_ONNX = """
def prepare(path):
    import onnxruntime
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = {item.name for item in [*session.get_inputs(), *session.get_overridable_initializers()]}
    outputs = [item.name for item in session.get_outputs()]
    def run(feeds):
        feeds = {name: value for name, value in feeds.items() if name in names}
        return dict(zip(outputs, session.run(outputs, feeds)))
    return run, ("torch", "kalakan")
"""
_TORCH_RUN = """
def runner(module):
    import torch
    def run(feeds):
        tensors = {name: torch.from_numpy(value) for name, value in feeds.items()}
        with torch.no_grad():
            if "mel_input" in tensors:
                tensors["mel"] = tensors.pop("mel_input")
                return {"audio_output": module.inference(**tensors)}
            result, more = module.inference(**tensors)
        renamed = {"pitch": "pitch_output", "energy": "energy_output"}
        found = {renamed.get(name, name): value for name, value in more.items()}
        found["audio_output" if "audio_lengths" in found else "mel_output"] = result
        return found
    return run
"""
_TORCHSCRIPT = (
    _TORCH_RUN
    + """
def prepare(path):
    import torch
    torch.set_num_threads(1)
    module = torch.jit.load(path, map_location="cpu").eval()
    return runner(module.float()), ("kalakan",)
"""
)
_KALAKAN = (
    _TORCH_RUN
    + """
def prepare(path):
    sys.path.insert(0, sys.argv[5])
    import torch
    torch.set_num_threads(1)
    from pathlib import Path
    from kalakan.voices.single import is_single
    from kalakan.voices.weights import load_model
    if not is_single(Path(path)):
        return runner(load_model(path).module), ()
    from kalakan.export.formats import source_of_voice
    from kalakan.export.fused import Fused
    source = source_of_voice(Path(path), None)
    return runner(Fused(source.acoustic.module, source.vocoder.module)), ()
"""
)
_VOICE = """
def prepare(path):
    sys.path.insert(0, sys.argv[5])
    import warnings
    warnings.simplefilter("ignore")
    from kalakan import Synthesizer
    synthesizers = {}
    def run(feeds):
        text, speaker, engine = (str(feeds[name]) for name in ("text", "speaker", "engine"))
        if engine not in synthesizers:
            synthesizers[engine] = Synthesizer(path, engine=engine, config={"inference": {"threads": 1}})
        return {"audio_output": synthesizers[engine].synthesize(text, speaker=speaker)}
    return run, ()
"""
_TENSORRT = """
def prepare(path):
    import tensorrt, torch
    from pathlib import Path
    runtime = tensorrt.Runtime(tensorrt.Logger(tensorrt.Logger.ERROR))
    plan = Path(path).read_bytes()
    if plan.endswith(b"KALAKAN1"):  # behind the engine stands what Kalakan has to know of it
        plan = plan[: -16 - int.from_bytes(plan[-16:-8], "little")]
    engine = runtime.deserialize_cuda_engine(plan)
    context = engine.create_execution_context()
    names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
    modes = {name: engine.get_tensor_mode(name) for name in names}
    inputs = [name for name in names if modes[name] == tensorrt.TensorIOMode.INPUT]
    defaults = {
        "speaker": np.zeros(1, np.int64),
        "speed": np.ones((1, 1), np.float32),
        "pitch": np.zeros((1, 1), np.float32),
        "energy": np.ones((1, 1), np.float32),
        "pitch_range": np.ones((1, 1), np.float32),
    }
    if "speaker_mix" in inputs:
        defaults["speaker_mix"] = np.zeros((1, engine.get_tensor_shape("speaker_mix")[-1]), np.float32)
    class Output(tensorrt.IOutputAllocator):
        def __init__(self):
            tensorrt.IOutputAllocator.__init__(self)
            self.memory, self.shape = None, ()
        def reallocate_output(self, name, memory, size, alignment):
            self.memory = torch.empty(max(size, 1), dtype=torch.uint8, device="cuda")
            return self.memory.data_ptr()
        def notify_shape(self, name, shape):
            self.shape = tuple(shape)
    def run(feeds):
        held = {name: torch.from_numpy(np.ascontiguousarray({**defaults, **feeds}[name])).cuda() for name in inputs}
        for name, value in held.items():
            context.set_input_shape(name, tuple(value.shape))
            context.set_tensor_address(name, value.data_ptr())
        outputs = {name: Output() for name in names if name not in held}
        for name, allocator in outputs.items():
            context.set_output_allocator(name, allocator)
        context.execute_async_v3(torch.cuda.current_stream().cuda_stream)
        torch.cuda.synchronize()
        found = {}
        for name, item in outputs.items():
            kind = np.dtype(tensorrt.nptype(engine.get_tensor_dtype(name)))
            count = int(np.prod(item.shape)) * kind.itemsize
            found[name] = np.frombuffer(item.memory[:count].cpu().numpy().tobytes(), kind).reshape(item.shape)
        return found
    return run, ("kalakan",)
"""
PROGRAMS = {
    "onnx": _ONNX,
    "torchscript": _TORCHSCRIPT,
    "kalakan": _KALAKAN,
    "voice": _VOICE,
    "tensorrt": _TENSORRT,
}
"""Programs that run a file, by requirements: onnxruntime, torch, torch and Kalakan, or TensorRT and torch; "voice" runs
`Synthesizer` with a voice folder."""


@dataclass(frozen=True)
class Trial:
    """Results of a file in its own process."""

    outputs: list[dict[str, NDArray[Any]]]
    """The outputs of each case, by name."""
    seconds: float
    """CPU seconds of the last case, the minimum of several rounds."""
    peak_memory_mb: float
    """Peak memory of the whole process in MiB."""


def run_apart(runner: str, path: Path, cases: Sequence[Arrays], rounds: int = 3) -> Trial:
    """Runs every case, then the last one `rounds` times; raises `ExportError` if the process fails."""
    with tempfile.TemporaryDirectory(prefix="kalakan-") as folder:
        given, results = Path(folder, "cases.npz"), Path(folder, "results.npz")
        held: dict[str, Any] = {
            f"{i}/{name}": value for i, case in enumerate(cases) for name, value in case.items()
        }
        np.savez(given, **held)
        root = str(Path(__file__).parents[2])
        arguments = [str(real_path(path)), str(given), str(results), str(rounds), root]
        # Threads as on a single core, and no telemetry: see `kalakan.onnx_runtime`.
        surroundings = os.environ | {"OMP_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1"}
        program = "import sys\n" + PROGRAMS[runner] + _COMMON
        done = subprocess.run(
            [sys.executable, "-I", "-c", program, *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=surroundings,
            check=False,
        )
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise ExportError(f"{path.name}: does not run in a process of its own ({reason[:200]})")
        told = json.loads(done.stdout.splitlines()[-1])
        if told["loaded"]:
            raise ExportError(
                f"{path.name}: needs {', '.join(told['loaded'])} to run, which its users may not have"
            )
        with np.load(results) as archive:
            found: list[dict[str, NDArray[Any]]] = [{} for _ in cases]
            for key in archive.files:
                case, _, name = key.partition("/")
                found[int(case)][name] = archive[key]
    return Trial(found, min(told["seconds"], default=0.0), float(told["peak_memory_mb"]))
