"""A kernel in a jail: a manager as jupyter_client's own, for whatever speaks to kernels.

Its sockets lie in a folder inside the jail that this process holds open: nothing that the kernel
writes, a socket included, lies on a disk, and whoever does not hold the folder does not reach them.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import platformdirs
import psutil
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from vaecourse.classroom import jail
from vaecourse.classroom.jail import ENDINGS, FOLDERS, SOCKETS, Limits
from vaecourse.errors import CourseError
from vaecourse.notebooks.kernels import KERNEL_ENV

START_SECONDS = 30  # until a jail stands, on a busy machine
STOP_SECONDS = 10  # until all of its processes are gone
FILE = "/course/kernel.json"  # inside: how to speak to the kernel
PREPARED = "/tmp/data/prepared"  # inside: data that setup cells load


def jailed_kernel(
    limits: Limits = Limits(),  # noqa: B008
    readable: Mapping[str, Path] | None = None,
) -> "JailedKernel":
    """A kernel of this environment that is to be started in a jail of its own.

    `readable` maps names inside to files here, those of `prepared` unless given. Raises CourseError
    where this machine has no jail. The kernel ends with the thread that starts it.
    """
    level, why = jail.isolation()
    if level == "none":
        raise CourseError(f"there is no jail for a kernel here: {why}")
    return JailedKernel(limits, prepared() if readable is None else readable)


def prepared(*names: str, inside: str = PREPARED) -> dict[str, Path]:
    """The data sets that were prepared here, by default digits, as files readable in a jail."""
    chosen = os.environ.get("VAECOURSE_DATA")
    root = Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("vaecourse"))
    return {
        f"{inside}/{path.name}": path
        for name in names or ("digits",)
        for path in sorted((root / "prepared").glob(f"{name}-*.safetensors"))
    }


def held(process: "subprocess.Popen[bytes]") -> tuple[int, int, int]:
    """The number of the first process of the jail that a process starts, and descriptors of it and
    of its sockets' folder. Raises CourseError where none stands in time; then it is ended."""
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                if found := _hold(child.pid):
                    return child.pid, *found
        time.sleep(0.005)
    process.kill()
    raise CourseError("the jail for a kernel does not start; try: vaecourse doctor")


def _hold(pid: int) -> tuple[int, int] | None:
    """A process and its sockets' folder if it is in the jail, as the first of them is."""
    with ExitStack() as undo:
        try:
            warden = os.pidfd_open(pid)
            undo.callback(os.close, warden)
            folder = os.open(f"/proc/{pid}/root{SOCKETS}", os.O_PATH | os.O_DIRECTORY)
        except OSError:
            return None
        undo.callback(os.close, folder)
        found = os.fstatvfs(folder)
        if found.f_blocks * found.f_frsize != FOLDERS[SOCKETS]:
            return None
        undo.pop_all()
        return warden, folder


class JailedKernel(KernelManager):
    """A manager of a kernel in a jail; `shutdown_kernel` returns when nothing of it is left."""

    def __init__(self, limits: Limits, readable: Mapping[str, Path]) -> None:
        self._private = Path(tempfile.mkdtemp(prefix="vaecourse-"))  # nobody else may look inside
        super().__init__(transport="ipc", connection_file=str(self._private / "kernel.json"))
        self._kernel_spec = KernelSpec(
            argv=[
                *(sys.executable, "-P", "-m", "ipykernel_launcher", "-f", FILE),
                *("--log-level=CRITICAL", "--HistoryManager.enabled=False"),
            ],
            interrupt_mode="message",
        )
        self._limits = limits
        self._readable = dict(readable)
        self._folder = -1  # the sockets' folder, held open
        self._warden = -1  # the jail's first process, held by its descriptor
        self._lifeline = -1

    @property
    def ended(self) -> str:
        """The limit that ended the kernel, in words; "" where none did."""
        process = getattr(self.provisioner, "process", None)
        return ENDINGS.get(process.poll(), "") if process else ""

    def write_connection_file(self, **options: Any) -> None:
        """Write for the kernel where its sockets lie inside."""
        self.ip = f"{SOCKETS}/kernel"
        super().write_connection_file(**options)
        Path(self.connection_file).chmod(0o444)  # for the ordinary user that root becomes

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        return jail.jailed(
            [*super().format_kernel_cmd(extra_arguments)],
            readable={**self._readable, FILE: Path(self.connection_file)},
            env=KERNEL_ENV,
            limits=self._limits,
        )

    async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
        """Start the jail, whatever folder and streams are asked for, and find its sockets."""
        nothing = subprocess.DEVNULL
        end, self._lifeline = os.pipe()  # the jail ends when this process does, whenever it does
        try:
            options = {**options, "cwd": "/", "stdin": end, "stdout": nothing, "stderr": nothing}
            await super()._async_launch_kernel(kernel_cmd, **options)
        finally:
            os.close(end)
        assert self.provisioner is not None
        self._enter(self.provisioner.process)  # type: ignore[attr-defined]
        self.ip = f"/proc/self/fd/{self._folder}/kernel"  # short: a socket's name has 107 bytes

    def _enter(self, process: "subprocess.Popen[bytes]") -> None:
        """Hold the jail that a process has started: its first process, and its sockets' folder."""
        try:
            _, warden, folder = held(process)
        except CourseError:
            self._forget()
            raise
        if self._folder >= 0:  # after a restart: clients know the folder by its old number
            os.dup2(folder, self._folder, inheritable=False)
            os.close(folder)
            folder = self._folder
        self._warden, self._folder = warden, folder

    async def _async_cleanup_resources(self, restart: bool = False) -> None:
        """End what is left in the jail, and wait until it is gone."""
        if self._warden >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._warden, signal.SIGKILL)
            gone = select.poll()
            gone.register(self._warden, select.POLLIN)
            gone.poll(1000 * STOP_SECONDS)
        self._release("_warden", "_lifeline")
        await super()._async_cleanup_resources(restart)
        if not restart:
            self._forget()

    def _forget(self) -> None:
        self._release("_warden", "_lifeline", "_folder")
        shutil.rmtree(self._private, ignore_errors=True)

    def _release(self, *names: str) -> None:
        for name in names:
            if (held := getattr(self, name)) >= 0:
                os.close(held)
                setattr(self, name, -1)
