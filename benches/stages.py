"""python benches/stages.py [VOICE] --beside OTHER: CPU time of each stage of two voices, taking turns, on one thread.

For each of three sentences: text, encoder with its predictors, decoder, the vocoder's network, its signal processing,
and `synthesize` as a whole; the CPU time of the first piece of the stream of an unbroken sentence; and how many
onnxruntime sessions a synthesizer opens, with the CPU time of its start. Medians over the rounds. CPU time is that of
this process, so that other work on the machine costs little more than cache misses, which the turns share.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from kalakan import Synthesizer
from kalakan.audio.harmonic_noise import filters_to_audio
from kalakan.benchmark.machine import facts
from kalakan.onnx_runtime import onnxruntime

TEXTS = (
    "Me din de Akosua, na mete Kumase wɔ Asante mantam mu.",
    "Ɔkɔɔ sukuu anɔpa yi, na ɔbaa fie anwummerɛ no na wadi aduane dɛdɛ.",
    "Yɛrehwehwɛ adwuma a ɛyɛ ma yɛn mma no nyinaa, efisɛ ɛno na ɛbɛma wɔn daakye yɛ yiye.",
)
UNBROKEN = (
    "Ɔpanyin a ɔtena kurow no ano no kaa asɛm a ɛho hia paa kyerɛɛ mmofra a wɔabehyia wɔ dua kɛse no ase sɛ wɔmmɔ wɔn "
    "ho mmɔden nsua ade yiye na ama wɔatumi aboa wɔn awofo ne wɔn kurow mma a wɔwɔ ahohia mu nyinaa daa"
)
"""A sentence of about 14 s without a pause."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("voice", nargs="?")
    parser.add_argument("--beside", required=True)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    voices = {"voice": arguments.voice, "beside": arguments.beside}
    costs: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in voices}
    lengths: dict[str, dict[str, float]] = {name: {} for name in voices}
    sessions = {name: started(folder, costs[name]) for name, folder in voices.items()}
    synthesizers = {name: Synthesizer(folder) for name, folder in voices.items()}
    for synthesizer in synthesizers.values():
        one_round(synthesizer, defaultdict(list))
    for _ in range(arguments.rounds):
        for name, synthesizer in synthesizers.items():
            lengths[name] = one_round(synthesizer, costs[name])
    found = {
        "what": "CPU time in ms: stages over three sentences, first piece of an unbroken sentence, start",
        "command": " ".join(["python", "benches/stages.py", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": facts(),
        "voices": {
            name: {
                "voice": f"{synthesizer.voice.name} {synthesizer.voice.version}"
                if synthesizer.voice
                else None,
                "ms": {
                    stage: round(1000 * statistics.median(values), 2) for stage, values in costs[name].items()
                },
                "rtf": round(statistics.median(costs[name]["whole"]) / lengths[name]["audio_s"], 5),
                "sessions": sessions[name],
                **lengths[name],
            }
            for name, synthesizer in synthesizers.items()
        },
    }
    found["rtf_ratio"] = round(found["voices"]["voice"]["rtf"] / found["voices"]["beside"]["rtf"], 3)
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    if arguments.output is not None:
        arguments.output.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def started(voice: str | None, costs: dict[str, list[float]]) -> int:
    """Starts a synthesizer three times; the number of sessions that one opens."""
    opened: list[Any] = []
    before = onnxruntime.InferenceSession

    def counted(*arguments: Any, **more: Any) -> Any:
        opened.append(before(*arguments, **more))
        return opened[-1]

    onnxruntime.InferenceSession = counted
    try:
        for _ in range(3):
            begun = time.process_time()
            Synthesizer(voice)
            costs["start"].append(time.process_time() - begun)
    finally:
        onnxruntime.InferenceSession = before
    return len(opened) // 3


def one_round(synthesizer: Synthesizer, costs: dict[str, list[float]]) -> dict[str, float]:
    """Adds the cost of every stage; returns the seconds of audio."""
    stages, total, seconds = synthesizer.stages, defaultdict[str, float](float), 0.0
    vocoder = stages.vocoder.model
    for text in TEXTS:
        marks = [time.process_time()]
        phrases = list(stages.text.phrases(text))
        marks.append(time.process_time())
        total["text"] += marks[1] - marks[0]
        for phrase in phrases:
            marks = [time.process_time()]
            (acoustics,) = stages.acoustic.predict(stages.batch([phrase]))
            marks.append(time.process_time())
            mel = stages.acoustic.mel(acoustics)
            marks.append(time.process_time())
            filters, f0 = vocoder._filters(mel, acoustics.f0)
            marks.append(time.process_time())
            seconds += (
                len(filters_to_audio(filters[0], f0[0], vocoder.audio, vocoder.config)) / vocoder.sample_rate
            )
            marks.append(time.process_time())
            for place, name in enumerate(("encoder", "decoder", "vocoder_network", "vocoder_synthesis")):
                total[name] += marks[place + 1] - marks[place]
        begun = time.process_time()
        synthesizer.synthesize(text)
        total["whole"] += time.process_time() - begun
    begun = time.process_time()
    with synthesizer.stream(UNBROKEN) as stream:
        first = len(next(iter(stream)))
        total["first_piece"] = time.process_time() - begun
        unbroken = first + sum(map(len, stream))
    for name, value in total.items():
        costs[name].append(value)
    return {"audio_s": round(seconds, 2), "unbroken_s": round(unbroken / synthesizer.sample_rate, 2)}


if __name__ == "__main__":
    main()
