"""Judges: processes that examine submissions, each submission in a child of its own.

A judge has imported all that it needs before the first submission comes; so a submission costs a
fork, and what happens to its child happens to no other. Run as
`python -m vaecourse.classroom.judges`: a `Job` a line on standard input, a `Judged` a line out.
"""

import ctypes
import gc
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from vaecourse.classroom import judged
from vaecourse.classroom.judged import Job, Judged
from vaecourse.errors import CourseError

if TYPE_CHECKING:
    import nbformat

    from vaecourse.classroom.examining import examine
    from vaecourse.classroom.warm import WarmJail

HARD_SECONDS = 600  # for one submission, whatever happens
WARM_TRIES = 2  # of a jail that does not start
_mine = threading.local()
_all: "set[Judge]" = set()


def ask(job: str) -> str:
    """What this thread's judge says of a job, both as a line of JSON.

    A judge that dies or never answers is followed by another: the submission needs a person.
    """
    judge = getattr(_mine, "judge", None)
    if judge is None:
        judge = _mine.judge = Judge()
    return judge.ask(job)


def kill_all() -> None:
    """Kill every judge that this process has; whoever waits for one is told that it died."""
    for judge in list(_all):
        judge.kill()


def end_all() -> None:
    """End every judge that this process has, when nobody waits for one."""
    for judge in list(_all):
        judge.end()


class Judge:
    """A process that examines one submission after the other."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        _all.add(self)

    def ask(self, job: str, seconds: float = HARD_SECONDS) -> str:
        """What comes of a job, within so many seconds of the clock."""
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        try:
            process.stdin.write(job + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except OSError:
            answer = ""
        finally:
            timer.cancel()
        if answer.endswith("\n"):
            return answer
        self.end()
        return judged.encode(Judged(f"its judge died, or had no answer after {seconds:.0f} s"))

    def kill(self) -> None:
        """Kill the process, and with it what it examines."""
        if process := self._process:
            process.kill()

    def end(self) -> None:
        """Kill the process and put it away; for the thread that asks."""
        self.kill()
        process, self._process = self._process, None
        if process:
            with process, suppress(OSError):  # of a job that was not read to its end
                process.wait()

    def _started(self) -> "subprocess.Popen[str]":
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "vaecourse.classroom.judges"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
                start_new_session=True,  # a Ctrl-C is for who asks
            )
        return self._process


# -- in the process ----------------------------------------------------------------------------


def main() -> None:
    """Examine what is asked for, until nobody asks any more."""
    _end_with_parent()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever prints, it is no answer
    nbformat.writes(nbformat.v4.new_notebook())  # the first one compiles what checks it
    gc.freeze()  # children need not look through what is there
    warm: WarmJail | None = None
    tries = WARM_TRIES
    for line in sys.stdin:
        job = judged.job(line)
        if warm and warm.limits != job.limits:
            warm.end()
            warm = None
        if job.isolation != "none" and warm is None and tries:
            try:
                warm = WarmJail(job.limits)
            except (CourseError, OSError):  # then each kernel has a jail of its own
                tries -= 1
        status, answer = _examined(job, warm)
        if warm and (status or not warm.is_idle()):
            warm.end()
            warm = None
        if not answer:
            answer = judged.encode(Judged(f"examining it ended with status {status}")) + "\n"
        answers.write(answer)
        answers.flush()


def _examined(job: Job, warm: "WarmJail | None") -> tuple[int, str]:
    """What comes of a job, examined in a child where there can be one, and its exit status."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        if hasattr(os, "fork"):
            status = _in_child(job, warm, file)
        else:
            print(judged.encode(examine(job)), file=file)
            status = 0
        file.seek(0)
        return status, file.read() if status == 0 else ""


def _in_child(job: Job, warm: "WarmJail | None", file: "IO[str]") -> int:
    """Examine a job in a child, which writes to the file; gives its exit status."""
    parent = os.getpid()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        _end_with_parent(parent)
        print(judged.encode(examine(job, warm)), file=file, flush=True)
        status = 0
    finally:
        os._exit(status)


def _end_with_parent(parent: int | None = None) -> None:
    """On Linux, let this process be killed when the thread that started it ends."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if parent is not None and os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    import nbformat

    from vaecourse.classroom.examining import examine
    from vaecourse.classroom.warm import WarmJail

    main()
