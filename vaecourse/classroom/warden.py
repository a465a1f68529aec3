"""The first process in a jail: it runs the kernel's command and keeps limits on all of them.

Run as a file by `jail.jailed`, with the standard library alone: warden.py LIMITS COMMAND…. It ends
with the command, and a jail ends with its first process. From inside it can be neither killed,
as every first process, nor traced. What a limit of the kernel (`setrlimit`) says of each process,
it says of their sum, ten times a second; and it refuses them the system calls that hold memory
which belongs to no process, or that only an attack uses. Where its standard input is a pipe, the
jail ends when nobody holds the other end any more; the command has none.
"""

import ctypes
import os
import resource
import select
import signal
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple, NoReturn

LOOK_SECONDS = 0.1
LEAST_FREE = 256 << 20  # bytes of memory that this machine keeps for others
MOST_FILES = 20_000  # in one private folder: each takes about 1 kB of memory
PRIVATE = ("/tmp", "/dev/shm", "/run/kernel")

# exit statuses; a shell's begin at 126, Python's and IPython's are small
ENDINGS = {
    91: "it filled the memory",
    92: "it started too many processes",
    93: "it took all its processor time",
    94: "it made too many files",
    95: "this machine has no memory left",
}
NO_MEMORY, NO_PROCESSES, NO_TIME, NO_FILES, NO_MACHINE = ENDINGS


class Limits(NamedTuple):
    """What one jail may take, all its processes together; single ones are held to it as well."""

    cpu_seconds: int = 120
    memory_bytes: int = 4 << 30  # torch's import alone needs 3 GiB of addresses
    processes: int = 128  # threads count
    file_bytes: int = 100 << 20  # of one file
    open_files: int = 512  # of one process


def main(limits: Limits, command: list[str]) -> NoReturn:
    """Run a command within limits, and end with its exit status or with one of `ENDINGS`."""
    be_traceable(False)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # which the first process does not feel
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    child = os.fork()
    if child == 0:
        _become(limits, command)
    outside = select.poll()
    outside.register(0, 0)  # tells of a closed pipe alone
    while True:
        signal.sigtimedwait([signal.SIGCHLD], LOOK_SECONDS)
        if outside.poll(0):
            os._exit(128 + signal.SIGHUP)
        while (ended := reap()) is not None:
            pid, status = ended
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                os._exit(code if code >= 0 else 128 - code)
        if status := broken(limits):
            os._exit(status)


def be_traceable(yes: bool) -> None:
    """Whether others of this user may trace this process and read its memory and files."""
    _prctl(4, int(yes))  # PR_SET_DUMPABLE


def ticks() -> int:
    """Clock ticks that this process and its ended children have computed."""
    found = _numbers("self")
    return found[1] if found else 0


def reap() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


def confine(limits: Limits) -> None:
    """Make this child of the first process an ordinary one, within limits."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.setsid()
    for kind, most in _kernel_limits(limits):
        resource.setrlimit(kind, (most, most))
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
        file.write("1000")  # where memory ends all the same, this goes first
    _refuse(*CALLS[os.uname().machine])


def _become(limits: Limits, command: list[str]) -> NoReturn:
    """Turn this child of the first process into the command."""
    try:
        confine(limits)
        os.execv(command[0], command)
    except BaseException as problem:
        print(f"the jail cannot run {command[0]}: {problem!r}", file=sys.stderr, flush=True)
    os._exit(127)


def _kernel_limits(limits: Limits) -> Iterator[tuple[int, int]]:
    yield resource.RLIMIT_CPU, limits.cpu_seconds + 1
    yield resource.RLIMIT_AS, limits.memory_bytes
    yield resource.RLIMIT_FSIZE, limits.file_bytes
    yield resource.RLIMIT_NOFILE, limits.open_files
    yield resource.RLIMIT_CORE, 0
    release = os.uname().release.split(".")
    if (int(release[0]), int(release[1])) >= (5, 14):  # before, it counts a user's everywhere
        yield resource.RLIMIT_NPROC, limits.processes


# -- the sum of all processes --------------------------------------------------------------------


def broken(limits: Limits, ticks_before: int = 0) -> int:
    """The exit status that says which limit is broken, or 0; some ticks were others'."""
    pids = [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    found = [numbers for pid in pids if (numbers := _numbers(pid))]
    if sum(threads for threads, _, _ in found) > limits.processes + 1:
        return NO_PROCESSES
    ticks = sum(ticks for _, ticks, _ in found) - ticks_before
    if ticks > limits.cpu_seconds * os.sysconf("SC_CLK_TCK"):
        return NO_TIME
    resident = sum(pages for _, _, pages in found) * os.sysconf("SC_PAGE_SIZE")
    if limits.memory_bytes < resident:  # where shared pages are counted often
        resident = sum(map(_own_bytes, pids))
    if limits.memory_bytes < resident:
        return NO_MEMORY
    if any(_files(folder) > MOST_FILES for folder in PRIVATE):
        return NO_FILES
    return NO_MACHINE if _field("/proc/meminfo", b"MemAvailable:", LEAST_FREE) < LEAST_FREE else 0


def _numbers(pid: str) -> tuple[int, int, int] | None:
    """Threads, clock ticks with those of ended children, and pages in memory of a process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            fields = file.read().rpartition(b")")[2].split()  # from the third on
    except OSError:
        return None
    return int(fields[17]), sum(map(int, fields[11:15])), int(fields[21])


def _own_bytes(pid: str) -> int:
    """Bytes of a process in memory, a page of n processes counted as 1/n where it says so."""
    resident = _field(f"/proc/{pid}/status", b"VmRSS:", 0)
    return _field(f"/proc/{pid}/smaps_rollup", b"Pss:", resident)


def _field(path: str, name: bytes, otherwise: int) -> int:
    """A number of bytes in a file of the kernel that gives it in kB."""
    with suppress(OSError), open(path, "rb") as file:  # noqa: PTH123
        for line in file:
            if line.startswith(name):
                return int(line.split()[1]) << 10
    return otherwise


def _files(folder: str) -> int:
    try:
        found = os.statvfs(folder)
    except OSError:
        return 0
    return found.f_files - found.f_ffree


# -- system calls that are refused ---------------------------------------------------------------

# By machine: its number for a filter; the number of mmap; those of prlimit64 and socket; those of
# sched_setparam, sched_setscheduler, sched_setaffinity, sched_setattr; and those of memfd_create,
# shmget, semget, msgget, mq_open, userfaultfd, bpf, perf_event_open, add_key, request_key, keyctl,
# ptrace, unshare, setns, mount, umount2, pivot_root, setpriority, ioprio_set, and of these, which
# are the same on all machines: io_uring_setup, open_tree, move_mount, fsopen, fsmount,
# mount_setattr, memfd_secret.
_LATE = (425, 428, 429, 430, 432, 442, 447)
CALLS = {
    "x86_64": (
        0xC000003E,
        9,
        (302, 41),
        (142, 144, 203, 314),
        (
            *(319, 29, 64, 68, 240, 323, 321, 298, 248, 249, 250, 101, 272, 308, 165, 166, 155),
            *(141, 251, *_LATE),
        ),
    ),
    "aarch64": (
        0xC00000B7,
        222,
        (261, 198),
        (118, 119, 122, 274),
        (
            *(279, 194, 190, 186, 180, 282, 280, 241, 217, 218, 219, 117, 97, 268, 40, 39, 41),
            *(140, 30, *_LATE),
        ),
    ),
}
ONESELF = (0,)  # whose limits may be set; those of another would stay when this one has ended
FIRST = (1,)  # the process whose turns and processors may not be set: it hands them down
FAMILIES = (1, 2, 10, 16)  # Unix, IPv4, IPv6, netlink: others know no network namespaces
LOAD, EQUAL, AT_LEAST, AND, RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
ALLOWED, REFUSED, KILLED = 0x7FFF0000, 0x00050001, 0x80000000  # REFUSED: "not permitted"
SHARED_AND_NO_FILE = 0x21


def _refuse(
    machine: int, mmap: int, some: tuple[int, int], turns: tuple[int, ...], calls: tuple[int, ...]
) -> None:
    """Refuse this process and its children some system calls, and memory shared without a file."""
    program: list[tuple[int, int, int, int]] = [
        (LOAD, 0, 0, 4),  # the machine that the call is of
        (EQUAL, 1, 0, machine),
        (RETURN, 0, 0, KILLED),
        (LOAD, 0, 0, 0),  # the call's number
        (AT_LEAST, 0, 1, 0x40000000),  # x86's other numbering
        (RETURN, 0, 0, KILLED),
    ]
    for call in calls:
        program += [(EQUAL, 0, 1, call), (RETURN, 0, 0, REFUSED)]
    for call, values in zip(some, (ONESELF, FAMILIES), strict=True):
        program += _first_argument(call, values, ALLOWED, REFUSED)
    for call in turns:
        program += _first_argument(call, FIRST, REFUSED, ALLOWED)
    program += [
        (EQUAL, 1, 0, mmap),
        (RETURN, 0, 0, ALLOWED),
        (LOAD, 0, 0, 16 + 8 * 3),  # its flags
        (AND, 0, 0, SHARED_AND_NO_FILE),
        (EQUAL, 0, 1, SHARED_AND_NO_FILE),
        (RETURN, 0, 0, REFUSED),
        (RETURN, 0, 0, ALLOWED),
    ]
    code = b"".join(struct.pack("=HBBI", *step) for step in program)
    kept = ctypes.create_string_buffer(code)
    filter_ = struct.pack("@HP", len(program), ctypes.addressof(kept))
    _prctl(38, 1)  # PR_SET_NO_NEW_PRIVS
    _prctl(22, 2, filter_)  # PR_SET_SECCOMP


def _first_argument(
    call: int, values: tuple[int, ...], then: int, otherwise: int
) -> list[tuple[int, int, int, int]]:
    """Steps that end in `then` for a call whose first argument is one of values."""
    tests = [(EQUAL, len(values) - i, 0, value) for i, value in enumerate(values)]
    steps = [(LOAD, 0, 0, 16), *tests, (RETURN, 0, 0, otherwise), (RETURN, 0, 0, then)]
    return [(EQUAL, 0, len(steps), call), *steps]


def _prctl(option: int, value: int, pointer: bytes | None = None) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    if library.prctl(option, ctypes.c_ulong(value), pointer, zero, zero):
        raise OSError(ctypes.get_errno(), f"prctl {option}")


if __name__ == "__main__":
    main(Limits(*map(int, sys.argv[1].split(","))), sys.argv[2:])
