"""The first process of a warm jail: it has imported torch and the course, and serves kernels.

Run as `python -P -m vaecourse.classroom.warm_inside LIMITS MODULE…`. It speaks in lines: "start"
and how to speak to a kernel (JSON), "stop", "hello"; it answers "ready" once, "idle" to a hello,
and "ended STATUS" when a kernel is gone and the jail is as new. One kernel runs at a time, in a
child of this process, and only that child ever runs a stranger's code.

What a second kernel in the same jail shares with the first, and a fresh jail would not:
- The namespaces of processes, network and IPC. Between two kernels every process but this one is
  killed, so nothing listens, waits or holds memory; objects of IPC that outlive processes cannot be
  made (`warden.CALLS`). A jail whose network has carried a single byte is not used again: a closed
  connection is seen there for a minute.
- The private folders. They are emptied; their rights, attributes and times are set anew; and no
  block and no file of them may be in use then, not even a nameless one.
- This process. Being the first, it is killed by nobody inside; it cannot be traced, and its memory
  and files cannot be read. Others of its user could give it limits, a priority and processors,
  which every later kernel would inherit: they are refused that, and whether it is so is looked at.
  It shares no memory that a child could write to. Its image holds modules, and keys of kernels
  that are gone.
- The layout of memory, which all kernels of a jail have in common: it helps whoever has another
  hole already.
- Two counts, of processes and of files ever made: the numbers that Linux gives go on from there. So
  a kernel can leave a few bits to a later one that waits for them; likewise through the load of the
  machine, which fresh jails show as well. Who hands in both could have copied one from the other,
  and a kernel knows nothing that the later one is not asked too.
Where anything of this fails, or takes long, this process ends, and with it the jail.
"""

import gc
import importlib
import json
import os
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from vaecourse.classroom import clearing, warden
from vaecourse.classroom.warden import Limits

PREPARED = "/course/data"  # data that setup cells load; the course looks for them below /tmp
CONNECTION = "/tmp/kernel.json"
NOT_CLEAR = 96  # exit statuses
NOT_ALONE = 97


def main(limits: Limits, modules: list[str]) -> NoReturn:
    """Import modules, then serve one kernel after the other until nobody asks any more."""
    warden.be_traceable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    answers = os.dup(1)
    os.dup2(2, 1)
    kept = clearing.given()
    for name in modules:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # so that children share the memory of what is there
    clearing.clear(kept)
    if not clearing.is_alone():
        os._exit(NOT_ALONE)  # a fork takes one thread along, and what the others hold for ever
    first = clearing.state_now(kept)
    lines = _Lines()
    _say(answers, "ready")
    while True:
        word, _, rest = lines.next().partition(" ")
        if word == "hello":
            _say(answers, "idle")
        elif word == "start":
            status = _serve(limits, rest, lines, answers)
            _renew(first, kept)
            _say(answers, f"ended {status}")


def _serve(limits: Limits, connection: str, lines: "_Lines", answers: int) -> int:
    """Run a kernel until it ends, breaks a limit, or is to stop; gives its exit status."""
    _furnish(connection)
    before = warden.ticks()
    child = os.fork()
    if child == 0:
        _kernel(limits, answers)
    while True:
        signal.sigtimedwait([signal.SIGCHLD], warden.LOOK_SECONDS)
        while (ended := warden.reap()) is not None:
            if ended[0] == child:
                return os.waitstatus_to_exitcode(ended[1])
        if status := warden.broken(limits, before):
            return status
        if lines.is_there():
            lines.next()
            return 0


def _renew(first: dict[str, object], kept: clearing.Given) -> None:
    """Make the jail as it was at first, or end it."""
    with suppress(OSError):
        clearing.clear(kept)
        if clearing.is_as(first, kept) and clearing.is_alone():
            return
    os._exit(NOT_CLEAR)


def _kernel(limits: Limits, answers: int) -> NoReturn:
    """Become a kernel, in this child."""
    try:
        os.close(answers)
        nothing = os.open("/dev/null", os.O_WRONLY)
        for number in (1, 2):
            os.dup2(nothing, number)
        warden.confine(limits)
        os.closerange(3, limits.open_files)
        warden.be_traceable(True)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir("/tmp")
        _draw_anew()
        from ipykernel.kernelapp import launch_new_instance

        arguments = ["--log-level=CRITICAL", "--HistoryManager.enabled=False"]
        sys.argv = ["kernel", "-f", CONNECTION, *arguments]
        launch_new_instance(argv=sys.argv[1:])
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 0)
    finally:
        os._exit(1)


def _draw_anew() -> None:
    """Begin draws without a seed by chance, as a fresh import does; `random` does so itself."""
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    if torch := sys.modules.get("torch"):
        torch.default_generator.seed()


def _furnish(connection: str) -> None:
    """Put into the empty folders what a kernel finds there."""
    json.loads(connection)  # or this process ends
    Path(CONNECTION).write_text(connection)
    data = Path("/tmp/data/prepared")
    data.mkdir(parents=True)
    if Path(PREPARED).is_dir():
        for file in Path(PREPARED).iterdir():
            (data / file.name).symlink_to(file)


class _Lines:
    """Lines from standard input; this process ends with them."""

    def __init__(self) -> None:
        self._rest = b""
        self._poll = select.poll()
        self._poll.register(0, select.POLLIN)

    def is_there(self) -> bool:
        return b"\n" in self._rest or bool(self._poll.poll(0))

    def next(self) -> str:
        while b"\n" not in self._rest:
            found = os.read(0, 65536)
            if not found:
                os._exit(128 + signal.SIGHUP)
            self._rest += found
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()


def _say(answers: int, line: str) -> None:
    os.write(answers, f"{line}\n".encode())


if __name__ == "__main__":
    main(Limits(*map(int, sys.argv[1].split(","))), sys.argv[2:])
