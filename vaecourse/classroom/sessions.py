"""Pieces of code run in order, in a kernel; what brings one down costs no other piece."""

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType

from vaecourse.classroom.kernel import Kernel, Run

MOST_STARTS = 12  # of kernels in one session: code that ends each of them comes to an end itself
GIVEN_SECONDS = 60  # for a cell of the course
ANSWER_SECONDS = 20  # for an answer cell, and for the check of one


class Session(AbstractContextManager["Session"]):
    """A kernel, and another in its place where a piece of code has brought it down.

    In that other kernel the kept pieces have run again, without the one that did it. After
    `seconds` (of the clock) nothing runs any more: each piece is "late".
    """

    def __init__(self, start: Callable[[], Kernel], seconds: float = math.inf) -> None:
        self._start = start
        self._seconds = seconds
        self._stack = ExitStack()
        self._kernel: Kernel | None = None
        self._kept: list[tuple[str, float, float]] = []
        self.num_starts = 0
        self.cpu_seconds = 0.0  # of the kernels that have ended

    def __enter__(self) -> "Session":
        self._end = time.monotonic() + self._seconds
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_kernel()

    def run(
        self, code: str, seconds: float, most_seconds: float = math.inf, *, is_kept: bool
    ) -> Run:
        """Run a piece of code in a kernel that lives: see `Kernel.run`."""
        if not self._revive():
            return Run("dead")
        run = self._run(code, seconds, most_seconds)
        if is_kept and run.status in ("ok", "error"):
            self._kept.append((code, seconds, most_seconds))
        return run

    def _revive(self) -> bool:
        """Whether a kernel is there in which the kept pieces have run."""
        while self._kernel is None or not self._kernel.is_alive:
            if self.num_starts == MOST_STARTS:
                return False
            self.num_starts += 1
            self._end_kernel()
            self._kernel = self._stack.enter_context(self._start())
            for piece in list(self._kept):
                if self._run(*piece).status not in ("ok", "error"):
                    self._kept.remove(piece)
        return True

    def _end_kernel(self) -> None:
        if self._kernel:
            self.cpu_seconds += self._kernel.computed()
        self._stack.close()

    def _run(self, code: str, seconds: float, most_seconds: float) -> Run:
        left = min(self._end - time.monotonic(), most_seconds)
        if self._kernel is None or left <= 0:
            return Run("late")
        return self._kernel.run(code, min(seconds, left), most_seconds=left)
