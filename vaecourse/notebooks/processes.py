"""Commands that run, with all that they start, no longer than we wait for them."""

import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryFile

import click
import psutil

PATIENCE = 15  # seconds that a command has to put away what it has begun, on a busy machine too
LOOK_SECONDS = 0.1  # how soon we see that a command has ended


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
            _stop([process])
            raise
    return subprocess.CompletedProcess(list(command), process.returncode, out, err)


def run_side_by_side(
    commands: Sequence[Sequence[str]], *, env: Mapping[str, str], at_once: int
) -> list[int]:
    """Run commands to their ends, `at_once` of them at a time; gives their exit statuses, in order.

    What a command prints is shown whole when it has ended. Whatever stops the waiting stops all.
    """
    statuses = [0] * len(commands)
    waiting = list(enumerate(commands))
    running: dict[int, subprocess.Popen[bytes]] = {}
    with ExitStack() as files:
        printed = [files.enter_context(TemporaryFile()) for _ in commands]
        try:
            while waiting or running:
                while waiting and len(running) < at_once:
                    i, command = waiting.pop(0)
                    running[i] = subprocess.Popen(
                        command, env=dict(env), stdout=printed[i], stderr=subprocess.STDOUT
                    )
                time.sleep(LOOK_SECONDS)
                for i in [i for i, process in running.items() if process.poll() is not None]:
                    statuses[i] = running.pop(i).returncode
                    printed[i].seek(0)
                    click.echo(printed[i].read(), nl=False)
        except BaseException:
            _stop([*running.values()])
            raise
    return statuses


def _stop(processes: "Sequence[subprocess.Popen[str] | subprocess.Popen[bytes]]") -> None:
    """Interrupt commands, and end by force what is left of them and of all that they started."""
    family = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            whole = psutil.Process(process.pid)
            family += [*whole.children(recursive=True), whole]
            if sys.platform != "win32":
                process.send_signal(signal.SIGINT)
    end = time.monotonic() + PATIENCE
    for process in processes if sys.platform != "win32" else []:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, end - time.monotonic()))
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    psutil.wait_procs(family, PATIENCE)
