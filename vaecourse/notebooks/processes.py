"""A command that runs, with all that it starts, no longer than we wait for it."""

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

PATIENCE = 15  # seconds that a command has to put away what it has begun, on a busy machine too


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    capture: bool = False,
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end; with `capture` the result holds what it printed.

    Whatever stops the waiting, a Ctrl-C say, stops the command and every process below it.
    """
    pipe = subprocess.PIPE if capture else None
    with subprocess.Popen(
        command,
        env=dict(env),
        cwd=cwd,
        stdout=pipe,
        stderr=pipe,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            out, err = process.communicate()
        except BaseException:
            _stop(process)
            raise
    return subprocess.CompletedProcess(list(command), process.returncode, out, err)


def _stop(process: "subprocess.Popen[str]") -> None:
    """Interrupt a command, and end by force what is left of it and of all that it started."""
    with suppress(psutil.NoSuchProcess):
        whole = psutil.Process(process.pid)
        family = [*whole.children(recursive=True), whole]
        if sys.platform != "win32":
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, PATIENCE)
