"""`fit` with threads that wait in several ways, on a quiet machine and beside a busy process.

`fit` looks at the load of the machine when it is first called and chooses its number of threads;
the other columns have it chosen for them.
"""

import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
import torch

from benchmarks.worker import Worker
from vaecourse.provenance import commit, processor

WAYS = {
    "as fit chooses": {},
    "two threads that spin": {"OMP_NUM_THREADS": "2"},
    "two threads that sleep": {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
TRAININGS = {"S3, float32": ("fit32", "S3", 12_000), "S3, bfloat16": ("fit16", "S3", 12_000),
             "S1, float32": ("fit32", "S1", 1_500)}  # fmt: skip
CHOSEN = "as fit chooses"


@contextmanager
def busy() -> Iterator[None]:
    """One process that computes all the time."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    time.sleep(1)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def measure(name: str, rounds: int) -> dict[str, list[float]]:
    """Seconds of an epoch by way, round by round, after one that is not counted."""
    contestant, workload, num_images = TRAININGS[name]
    workers = {}
    try:
        for way, settings in WAYS.items():
            workers[way] = Worker(contestant, workload, num_images, settings)
            workers[way].run()
        return {
            way: [round(worker.run()[0], 3) for _ in range(rounds)]
            for way, worker in workers.items()
        }
    finally:
        for worker in workers.values():
            worker.stop()


def table(found: dict[str, dict[str, list[float]]]) -> str:
    """Medians in seconds, and what `fit` takes more than the best of the other ways."""
    lines = [f"{'':14}" + "".join(f"{way:>24}" for way in WAYS) + f"{'chosen / best':>15}"]
    for name, by_way in found.items():
        middle = {way: statistics.median(seconds) for way, seconds in by_way.items()}
        best = min(seconds for way, seconds in middle.items() if way != CHOSEN)
        cells = "".join(f"{middle[way]:24.3f}" for way in WAYS)
        lines.append(f"{name:14}{cells}{middle[CHOSEN] / best:15.2f}")
    return "\n".join(lines)


@click.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--out", type=click.Path(path_type=Path), help="A JSON file for all figures.")
def main(rounds: int, out: Path | None) -> None:
    """Seconds an epoch by way of waiting, alone and beside a busy process."""
    everything = {
        "commit": commit(),
        "device": processor(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    everything["alone"] = {name: measure(name, rounds) for name in TRAININGS}
    click.echo(f"alone, seconds an epoch\n{table(everything['alone'])}")
    with busy():
        everything["beside a busy process"] = {name: measure(name, rounds) for name in TRAININGS}
    click.echo(f"beside a busy process\n{table(everything['beside a busy process'])}")
    if out:
        out.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
