"""A jail made as new between two kernels: nothing runs, nothing lies about, nothing has changed.

Used by the first process of a warm jail, with the standard library alone. Where anything is not as
it was before the first kernel, the jail is not used again.
"""

import os
import resource
import signal
import time
from collections.abc import Set
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR

from vaecourse.classroom import warden
from vaecourse.classroom.warden import PRIVATE

Given = dict[str, frozenset[str]]  # by folder: the names that stay in it
CLEAR_SECONDS = 20.0  # for everything of a kernel to go
SETTLE_SECONDS = 3.0  # for Linux to give back what nobody holds any more
SOCKETS = ("tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "icmp", "unix")
LIMITS = sorted({getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")})


def given() -> Given:
    """The private folders, and those in them on the way to what is readable, with what is in them.

    A Python or a clone that lies below /tmp has such folders. To be asked before anything else.
    """
    found: Given = {}
    waiting = list(PRIVATE)
    while waiting:
        folder = waiting.pop(0)
        found[folder] = frozenset(os.listdir(folder))  # noqa: PTH208
        paths = (f"{folder}/{name}" for name in sorted(found[folder]))
        waiting += [p for p in paths if os.path.isdir(p) and not _is_elsewhere(p)]  # noqa: PTH112
    return found


def clear(kept: Given) -> None:
    """Kill every other process, and empty the private folders but for what was given.

    Raises OSError where it cannot.
    """
    end = time.monotonic() + CLEAR_SECONDS
    while any(name.isdigit() and name != "1" for name in os.listdir("/proc")):  # noqa: PTH208
        _hurry(end)
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        while warden.reap() is not None:
            pass
        time.sleep(0.001)
    for folder, names in kept.items():
        os.chmod(folder, 0o755)  # noqa: PTH101
        for name in os.listxattr(folder):
            os.removexattr(folder, name)
        _empty(folder.encode(), {name.encode() for name in names}, end)
    for folder in kept:
        os.utime(folder, ns=(0, 0))


def is_alone() -> bool:
    """Whether this process has one thread, and shares no memory that a child could write to."""
    if len(os.listdir("/proc/self/task")) != 1:  # noqa: PTH208
        return False
    with open("/proc/self/maps", "rb") as file:  # noqa: PTH123
        rights = [line.split()[1] for line in file]
    return not any(one[1:2] == b"w" and one.endswith(b"s") for one in rights)


def is_as(state: dict[str, object], kept: Given) -> bool:
    """Whether all is as it was when that was the state, at once or very soon."""
    end = time.monotonic() + SETTLE_SECONDS
    while state_now(kept) != state:
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def state_now(kept: Given) -> dict[str, object]:
    """What a kernel can change and its end does not undo: of folders, network and this process."""
    found: dict[str, object] = {}
    for name in kept:
        about, room = os.lstat(name), os.statvfs(name)
        # what is used tells of files that have no name any more, but are held somewhere
        used = room.f_blocks - room.f_bfree, room.f_files - room.f_ffree
        here = sorted(os.listdir(name)), sorted(os.listxattr(name))  # noqa: PTH208
        found[name] = about.st_mode, about.st_uid, about.st_gid, about.st_mtime_ns, used, here
    for name in (*SOCKETS, "dev"):  # "dev" counts what has ever been sent
        place = Path("/proc/self/net", name)
        found[name] = place.read_bytes() if place.exists() else None
    found["limits"] = [resource.getrlimit(kind) for kind in LIMITS]
    found["priority"] = os.getpriority(os.PRIO_PROCESS, 0)
    found["scheduling"] = os.sched_getscheduler(0), sorted(os.sched_getaffinity(0))
    return found


def _empty(folder: bytes, kept: Set[bytes], end: float) -> None:
    """Delete all that is in a folder, however deep: what lies in a folder is moved up first."""
    count = 0
    while names := set(os.listdir(folder)) - kept:  # noqa: PTH208
        for name in names:
            _hurry(end)
            path = folder + b"/" + name
            if not _is_folder(path):
                os.unlink(path)  # noqa: PTH108
                continue
            os.chmod(path, 0o700)  # noqa: PTH101
            for inner in os.listdir(path):  # noqa: PTH208
                _hurry(end)
                deeper = path + b"/" + inner
                if _is_folder(deeper):
                    count += 1
                    os.chmod(deeper, 0o700)  # noqa: PTH101
                    os.rename(deeper, folder + b"/ %d" % count)  # noqa: PTH104
                else:
                    os.unlink(deeper)  # noqa: PTH108
            os.rmdir(path)  # noqa: PTH106


def _is_elsewhere(path: str) -> bool:
    """Whether a folder belongs to another file system than the one that it lies in."""
    return os.lstat(path).st_dev != os.lstat(os.path.dirname(path)).st_dev  # noqa: PTH120


def _is_folder(path: bytes) -> bool:
    return S_ISDIR(os.lstat(path).st_mode)


def _hurry(end: float) -> None:
    if time.monotonic() > end:
        raise TimeoutError("a jail is not cleared in time")
