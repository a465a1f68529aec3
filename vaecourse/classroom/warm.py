"""A warm jail: one that has torch and the course imported, and gives kernel after kernel.

What runs inside, and why one kernel finds nothing of the other, says `warm_inside`.
"""

import json
import os
import secrets
import select
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient

from vaecourse.classroom import jail, sheets
from vaecourse.classroom.confined import START_SECONDS, held, prepared
from vaecourse.classroom.jail import SOCKETS, WARM, Limits
from vaecourse.classroom.warm_inside import PREPARED
from vaecourse.errors import CourseError
from vaecourse.notebooks.kernels import KERNEL_ENV
from vaecourse.notebooks.source import imports, syntax

WARM_SECONDS = 180  # to import everything, on a busy machine
STOP_SECONDS = 30  # for a kernel to be gone, and the jail to be as new
CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
# what a first step of an optimiser imports, and what a kernel needs
ALSO = ("ipykernel.kernelapp", "torch._dynamo", "vaecourse.classroom.emitting")


class WarmJail:
    """A jail that waits, warm, for kernels. It ends with the thread that made it.

    `preload` are the modules that it imports, those of `modules` unless given. Raises CourseError
    where there is no jail.
    """

    def __init__(
        self,
        limits: Limits = Limits(),  # noqa: B008
        preload: Sequence[str] | None = None,
    ) -> None:
        level, why = jail.isolation()
        if level == "none":
            raise CourseError(f"there is no jail for a kernel here: {why}")
        self.limits = limits
        command = jail.jailed(
            [WARM, *(modules() if preload is None else preload)],
            readable=prepared(inside=PREPARED),
            env=KERNEL_ENV,
            limits=limits,
        )
        self._process = subprocess.Popen(
            command,
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self._rest = b""
        self.pid = self._warden = self.folder = -1
        try:
            self.pid, self._warden, self.folder = held(self._process)
            if self.heard(WARM_SECONDS) != "ready":
                raise CourseError("a warm jail does not start; try: vaecourse doctor")
        except BaseException:
            self.end()
            raise

    def is_idle(self) -> bool:
        """Whether the jail waits for a kernel, as new."""
        with suppress(OSError):
            self.say("hello")
            return self.heard(START_SECONDS) == "idle"
        return False

    def say(self, line: str) -> None:
        """Send a line to the first process. Raises OSError where it is gone."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())

    def heard(self, seconds: float) -> str | None:
        """The next line of the first process; "" where it is gone, None where it says nothing."""
        assert self._process.stdout is not None
        number, end = self._process.stdout.fileno(), time.monotonic() + seconds
        while b"\n" not in self._rest:
            if not select.select([number], [], [], max(0.0, end - time.monotonic()))[0]:
                return None
            found = os.read(number, 4096)
            if not found:
                return ""
            self._rest += found
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def end(self) -> None:
        """End the jail and all that is in it."""
        self._process.kill()
        with self._process:
            self._process.wait()
        for number in (self._warden, self.folder):
            if number >= 0:
                os.close(number)
        self._warden = self.folder = -1


class WarmKernel:
    """A kernel in a warm jail, with those methods of a KernelManager that `kernel.Kernel` uses."""

    is_warm = True

    def __init__(self, warm: WarmJail) -> None:
        self._warm = warm
        self._about: dict[str, Any] = {
            "transport": "ipc",
            "ip": f"{SOCKETS}/kernel",
            "signature_scheme": "hmac-sha256",
            "key": secrets.token_hex(32),
            **{f"{name}_port": number for number, name in enumerate(CHANNELS, 1)},
        }
        self._ended: str | None = None

    @property
    def provisioner(self) -> WarmJail:
        """What has the number of the process below which the kernel computes."""
        return self._warm

    def start_kernel(self, **options: Any) -> None:
        """Start the kernel, whatever folder and streams are asked for. Raises CourseError."""
        try:
            self._warm.say(f"start {json.dumps(self._about)}")
        except OSError:
            raise CourseError("a warm jail has ended") from None

    def client(self) -> BlockingKernelClient:
        self._client = BlockingKernelClient()
        info: Any = {**self._about, "ip": f"/proc/self/fd/{self._warm.folder}/kernel"}
        self._client.load_connection_info(info)
        return self._client

    def is_alive(self) -> bool:
        if self._ended is None:
            self._ended = self._warm.heard(0)
        return self._ended is None

    def interrupt_kernel(self) -> None:
        message = self._client.session.msg("interrupt_request", content={})
        self._client.control_channel.send(message)

    def shutdown_kernel(self, now: bool = True) -> None:
        """Return when nothing of the kernel is left; where that takes long, the jail is not idle
        any more."""
        if self.is_alive():
            with suppress(OSError):
                self._warm.say("stop")
            self._ended = self._warm.heard(STOP_SECONDS)


def modules() -> list[str]:
    """What is imported before a kernel starts: all that the given cells of assignments import."""
    found = set(ALSO)
    for name in sheets.names():
        for cell in sheets.load(name).cells:
            if cell.role == "text" and cell.kind == "code":
                found |= imports(syntax(cell.source))
    return sorted(name for name in found if _is_module(name))


def _is_module(name: str) -> bool:
    """Whether a dotted name is that of a module, not of something in one."""
    from importlib.util import find_spec

    try:
        return find_spec(name) is not None
    except (ModuleNotFoundError, AttributeError, ValueError):
        return False
