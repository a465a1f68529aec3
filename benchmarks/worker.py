"""A contestant in a process of its own, asked for one epoch after another."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import IO

import click

from benchmarks.contestants import CONTESTANTS


class Worker:
    """A contestant in its own process, so that no library's threads or settings reach another.

    `settings` are environment variables.
    """

    def __init__(
        self, name: str, workload: str, num_images: int, settings: Mapping[str, str] | None = None
    ):
        self.log: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115
        contestant = CONTESTANTS[name]
        environment = os.environ | {"TQDM_DISABLE": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
        environment |= settings or {}
        if contestant.backend:
            environment["KERAS_BACKEND"] = contestant.backend
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.contestants", name, workload, str(num_images)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=environment,
        )
        self._answer()

    def run(self) -> tuple[float, float]:
        """Seconds of an epoch, and what it gave."""
        assert self.process.stdin
        start = time.perf_counter()
        print(file=self.process.stdin, flush=True)
        answer = float(self._answer())
        return time.perf_counter() - start, answer

    def _answer(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            last = self.log.read().strip().rpartition("\n")[2]
            raise click.ClickException(f"a contestant ended: {last}")
        return line

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
