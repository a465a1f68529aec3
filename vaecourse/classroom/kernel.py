"""A kernel that runs pieces of code, each with limits on time and output, and survives them."""

import math
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from types import TracebackType
from typing import TYPE_CHECKING, Any

import psutil
import zmq

from vaecourse.errors import CourseError

if TYPE_CHECKING:
    from jupyter_client.manager import KernelManager

    from vaecourse.classroom.warm import WarmKernel

START_SECONDS = 60
LOOK_SECONDS = 0.5  # how long a dead kernel may go unnoticed
PATIENCE = 5
STOP_SECONDS = 3  # for a kernel to answer an interrupt
MOST_OUTPUT = 1_000_000  # bytes of one piece of code
LARGEST_MESSAGE = 64 << 20  # bytes: what sends a larger one is not heard for a moment
MOST_WAITING = 8  # messages
OUTPUTS = ("stream", "display_data", "execute_result", "error")


@dataclass(frozen=True)
class Run:
    """What came of a piece of code: "ok", "error", "late", "loud" (too much output) or "dead"."""

    status: str
    error: str = ""  # of an "error": the name of the exception
    text: str = ""  # and what it says
    outputs: tuple[dict[str, Any], ...] = ()  # as in a notebook


class Kernel(AbstractContextManager["Kernel"]):
    """A kernel of this environment, in a folder. After "dead" or a stuck interrupt it is gone.

    `manager` is one that starts it otherwise, in a jail say; it is used once.
    """

    def __init__(self, folder: Path, manager: "KernelManager | WarmKernel | None" = None) -> None:
        self._manager = manager or _manager()
        self._folder = folder
        self.is_alive = False

    def __enter__(self) -> "Kernel":
        self._manager.start_kernel(cwd=str(self._folder), stderr=subprocess.DEVNULL)
        self._pid = getattr(self._manager.provisioner, "pid", None)
        self._client = self._manager.client()
        # what a kernel has sent and nobody has read waits in this process's memory
        self._client.context.setsockopt(zmq.RCVHWM, MOST_WAITING)
        self._client.context.setsockopt(zmq.MAXMSGSIZE, LARGEST_MESSAGE)
        self._client.start_channels()
        try:
            self._client.wait_for_ready(timeout=START_SECONDS)
        except RuntimeError as problem:
            self.__exit__(None, None, None)
            raise CourseError(f"no kernel starts here ({problem}); try: vaecourse doctor") from None
        self.is_alive = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.is_alive = False
        with suppress(Exception):
            self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def run(self, code: str, seconds: float, most_seconds: float = math.inf) -> Run:
        """Run a piece of code. A kernel that is gone answers "dead".

        `seconds` are those in which the kernel computes: a busy machine costs an answer nothing. It
        may also wait, `PATIENCE` times as long, and no longer than `most_seconds` altogether.
        """
        if not self.is_alive:
            return Run("dead")
        try:
            found = self._run(code, seconds, min(PATIENCE * seconds, most_seconds))
        except Exception:  # what code has done to the kernel may make it send anything
            found = Run("dead")
        self.is_alive = self.is_alive and found.status != "dead"
        return found

    def _run(self, code: str, seconds: float, patience: float) -> Run:
        message = self._client.execute(code, store_history=False, allow_stdin=False)
        found = self._listen(message, time.monotonic() + patience, cpu=seconds)
        if found.status == "ok":  # unless the reply says that an error was not shown
            found = self._replied(message, found)
        if found.status in ("late", "loud"):
            self._manager.interrupt_kernel()
            after = self._listen(message, time.monotonic() + STOP_SECONDS, most=math.inf)
            self.is_alive = after.status in ("ok", "error")
        return found

    def _listen(
        self, message: str, end: float, most: float | None = None, cpu: float = math.inf
    ) -> Run:
        """What the kernel says of a piece of code, until it is idle again or a limit is met."""
        error, text, size = "", "", 0
        outputs: list[dict[str, Any]] = []
        last = self.computed() + cpu
        computed, looked = 0.0, 0.0
        while (left := end - time.monotonic()) > 0 and computed <= last:
            if time.monotonic() - looked > LOOK_SECONDS:
                computed, looked = self.computed(), time.monotonic()
            try:
                said = _heard(self._client.get_iopub_msg, min(LOOK_SECONDS, left), message)
            except Empty:
                if not self._manager.is_alive():
                    return Run("dead")
                continue
            if said is None:
                continue
            content = said["content"]
            if said["msg_type"] == "status" and content.get("execution_state") == "idle":
                return Run("error" if error else "ok", error, text, tuple(outputs))
            if said["msg_type"] in OUTPUTS:
                outputs.append({"output_type": said["msg_type"], **_kept(content)})
            if said["msg_type"] == "error":
                error, text = str(content.get("ename")), str(content.get("evalue"))
            size += sum(len(frame) for frame in said.get("buffers", [])) + len(str(content))
            if size > (MOST_OUTPUT if most is None else most):
                return Run("loud")
        return Run("late")

    def _replied(self, message: str, found: Run) -> Run:
        """What was found of a piece of code, or the error that its reply tells of."""
        end = time.monotonic() + STOP_SECONDS
        while (left := end - time.monotonic()) > 0:
            try:
                reply = _heard(self._client.get_shell_msg, left, message)
            except Empty:
                break
            if reply is not None:
                content = reply["content"]
                if content.get("status") == "ok":
                    return found
                error, text = str(content.get("ename")), str(content.get("evalue"))
                return Run("error", error, text, found.outputs)
        return Run("dead") if not self._manager.is_alive() else Run("error", "NoReply")

    def computed(self) -> float:
        """Seconds in which the kernel, and what it or a jail has started, has computed so far.

        In a warm jail the first process has computed for others, so it does not count.
        """
        total = 0.0
        with suppress(psutil.Error):  # it is gone
            first = psutil.Process(self._pid)
            own = [] if getattr(self._manager, "is_warm", False) else [first]
            for process in (*own, *first.children(recursive=True)):
                with suppress(psutil.Error):
                    user, system, *_ = process.cpu_times()
                    total += user + system
        return total


def _heard(get: Callable[..., Any], seconds: float, message: str) -> dict[str, Any] | None:
    """The next message, or None where it is no answer to ours: code may send whatever it likes.

    Raises Empty where none comes in time.
    """
    try:
        said = get(timeout=seconds)
        is_ours = said["parent_header"].get("msg_id") == message
        return said if is_ours and isinstance(said["content"], dict) else None
    except Empty:
        raise
    except Exception:  # not signed, no JSON, too deep, …
        return None


def _kept(content: dict[str, Any]) -> dict[str, Any]:
    """What a notebook keeps of an output."""
    names = ("name", "text", "data", "metadata", "execution_count", "ename", "evalue", "traceback")
    return {name: content[name] for name in names if name in content}


def _manager() -> "KernelManager":
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import KernelManager

    arguments = ["--log-level=CRITICAL", "--HistoryManager.enabled=False"]
    manager = KernelManager()
    manager._kernel_spec = KernelSpec(**get_kernel_dict(extra_arguments=arguments))
    return manager
