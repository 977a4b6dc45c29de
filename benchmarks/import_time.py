"""How long a start takes: ``import fgmm, knowledge, fewshot`` and ``fgmm --help``.

    python benchmarks/import_time.py

Each in a fresh interpreter, ten times, beside an interpreter that imports nothing.
Goals: 0.25 s and 0.5 s.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 10
COMMANDS = {
    "python alone": ["-c", "pass"],
    "import fgmm, knowledge, fewshot": ["-c", "import fgmm, knowledge, fewshot"],
    "fgmm --help": ["-m", "fgmm", "--help"],
}


def seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    for name, arguments in COMMANDS.items():
        seconds(arguments)
        runs = [seconds(arguments) for _ in range(RUNS)]
        print(f"{name:34s} median {statistics.median(runs):.3f} s   slowest {max(runs):.3f} s")


if __name__ == "__main__":
    main()
