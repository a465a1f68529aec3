"""The first process of a warm jail: it has imported torch and the course, and serves kernels.

Run as `python -P -m vaecourse.classroom.warm_inside LIMITS MODULE…`. It speaks in lines: "start"
and how to speak to a kernel (JSON), "stop", "hello"; it answers "ready" once, "idle" to a hello,
and "ended STATUS" when a kernel is gone and the jail is as new. One kernel runs at a time, in a
child of this process, and only that child ever runs a stranger's code.

What a second kernel in the same jail shares with the first, and a fresh jail would not:
- The namespaces of processes, network and IPC. Between two kernels every process but this one is
  killed, so nothing listens, waits or holds memory; objects of IPC that outlive processes cannot be
  made (`warden.CALLS`).
- The private folders. They are emptied, and are looked at before the next kernel starts.
- This process. Being the first, it is killed by nobody inside; it cannot be traced, and its memory
  and files cannot be read. Its image holds modules and keys of kernels that are gone.
- The layout of memory, which all kernels of a jail have in common: it helps whoever has another
  hole already.
Where anything of this fails, or takes long, this process ends, and with it the jail.
"""

import gc
import importlib
import json
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from vaecourse.classroom import warden
from vaecourse.classroom.warden import PRIVATE, Limits

CLEAR_SECONDS = 5.0  # for everything of a kernel to go
PREPARED = "/course/data"  # data that setup cells load; the course looks for them below /tmp
CONNECTION = "/tmp/kernel.json"
NOT_CLEAR = 96  # exit statuses
THREADS = 97


def main(limits: Limits, modules: list[str]) -> NoReturn:
    """Import modules, then serve one kernel after the other until nobody asks any more."""
    warden.be_traceable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    answers = os.dup(1)
    os.dup2(2, 1)
    for name in modules:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # so that children share the memory of what is there
    _clear()
    lines = _Lines()
    _say(answers, "ready")
    while True:
        word, _, rest = lines.next().partition(" ")
        if word == "hello":
            _say(answers, "idle")
        elif word == "start":
            status = _serve(limits, rest, lines, answers)
            _clear()
            _say(answers, f"ended {status}")


def _serve(limits: Limits, connection: str, lines: "_Lines", answers: int) -> int:
    """Run a kernel until it ends, breaks a limit, or is to stop; gives its exit status."""
    if len(os.listdir("/proc/self/task")) != 1:  # noqa: PTH208
        os._exit(THREADS)  # a fork takes one thread along, and what the others hold for ever
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
        from ipykernel.kernelapp import launch_new_instance

        arguments = ["--log-level=CRITICAL", "--HistoryManager.enabled=False"]
        sys.argv = ["kernel", "-f", CONNECTION, *arguments]
        launch_new_instance(argv=sys.argv[1:])
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 0)
    finally:
        os._exit(1)


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


# -- as new ------------------------------------------------------------------------------------


def _clear() -> None:
    """Kill every other process, and empty the private folders; or end the jail."""
    end = time.monotonic() + CLEAR_SECONDS
    while others := [n for n in os.listdir("/proc") if n.isdigit() and n != "1"]:  # noqa: PTH208
        if time.monotonic() > end:
            os._exit(NOT_CLEAR)
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        while warden.reap() is not None:
            pass
        if others:
            time.sleep(0.001)
    try:
        for folder in PRIVATE:
            _empty(folder, end)
            if os.listdir(folder):  # noqa: PTH208
                os._exit(NOT_CLEAR)
    except OSError:
        os._exit(NOT_CLEAR)


def _empty(folder: str, end: float) -> None:
    """Delete all that is in a folder, however deep: what lies in a folder is moved up first."""
    count = 0
    while names := os.listdir(folder.encode()):  # noqa: PTH208
        for name in names:
            path = folder.encode() + b"/" + name
            if not _is_folder(path):
                os.unlink(path)  # noqa: PTH108
                continue
            os.chmod(path, 0o700)  # noqa: PTH101
            for inner in os.listdir(path):  # noqa: PTH208
                if time.monotonic() > end:
                    os._exit(NOT_CLEAR)
                deeper = path + b"/" + inner
                if _is_folder(deeper):
                    count += 1
                    os.chmod(deeper, 0o700)  # noqa: PTH101
                    os.rename(deeper, f"{folder}/ {count}".encode())  # noqa: PTH104
                else:
                    os.unlink(deeper)  # noqa: PTH108
            os.rmdir(path)  # noqa: PTH106


def _is_folder(path: bytes) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)  # noqa: PTH112, PTH114


if __name__ == "__main__":
    main(Limits(*map(int, sys.argv[1].split(","))), sys.argv[2:])
