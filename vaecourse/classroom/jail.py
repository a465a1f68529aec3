"""A jail for code that nobody has read: bubblewrap around one kernel, and what it gives.

It does not protect from:
- a hole in Linux itself: the jail shares this machine's kernel, it is no virtual machine;
- processor caches, timing and load, by which two jails could tell that the other is there;
- what the course's own package says: a student reads all of it, the visible checks with it;
- the names of the folders here that Python and the package lie in, and of what is readable;
- what is sent into the jail: whatever a kernel is asked, the code in it sees;
- answers from the jail: they are a stranger's text, and whoever reads them checks them;
- somebody else's right answer, handed in as one's own;
- memory that belongs to no process (buffers of pipes and sockets): up to a few GiB for code that
  sets out to hold it. Running the whole grader with a limit bounds that too:
  systemd-run --user --scope -p MemoryMax=8G vaecourse grade ….

Inside there is no network, no GPU, no variable of the caller's, and no file but the system's
programs, Python, this package, what is named as readable, and private folders in memory: nothing
can be written that outlasts the jail. All its processes together are held to `Limits` and end with
its first one (`warden.py`), or with the process that started it.
"""

import os
import platform
import shutil
import site
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from vaecourse.classroom import warden
from vaecourse.classroom.warden import ENDINGS, Limits

__all__ = ["ENDINGS", "SOCKETS", "Isolation", "Limits", "isolation", "jailed"]

SOCKETS = "/run/kernel"  # inside: the folder for a kernel's sockets
COURSE = "/course"  # inside: the folder that holds the package
WARDEN = f"{COURSE}/vaecourse/classroom/warden.py"
OLDEST = (0, 8)  # of bubblewrap: older ones bound no folder, and let the inside make jails
ORDINARY = 65532  # whom root lets run the jail: a number that no system gives to anybody
STARTS_SECONDS = 30
WARM = "warm"

APART = (
    *("--unshare-all", "--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000"),
    *("--cap-drop", "ALL", "--hostname", "jail"),
    *("--die-with-parent", "--new-session", "--as-pid-1"),
)
DEVICES = ("null", "random", "urandom")
SYSTEM = ("/usr", "/etc/ld.so.cache", "/etc/alternatives")
SHORTCUTS = ("/bin", "/lib", "/lib32", "/lib64", "/sbin")  # into /usr, or folders of their own
FOLDERS = {"/tmp": 256 << 20, "/dev/shm": 128 << 20, SOCKETS: 1 << 20}  # private, in bytes
# one thread each: many jails run side by side, and sums do not change with the machine
ENVIRONMENT = {
    "HOME": "/tmp",
    "IPYTHONDIR": "/tmp/.ipython",
    "LANG": "C.UTF-8",
    "LOGNAME": "student",
    "MALLOC_ARENA_MAX": "2",  # each thread's own would take 128 MiB of addresses
    "MPLCONFIGDIR": "/tmp/.matplotlib",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": COURSE,
    "TMPDIR": "/tmp",
    "USER": "student",
    "VAECOURSE_DATA": "/tmp/data",
    "XDG_CACHE_HOME": "/tmp/.cache",
}


class Isolation(NamedTuple):
    """What keeps strangers' code in on this machine: "bubblewrap" or "none", and why."""

    level: str
    why: str


@lru_cache(maxsize=1)
def isolation() -> Isolation:
    """What isolation this machine gives; a jail is started to see. Anything unclear is "none"."""
    bwrap = shutil.which("bwrap")
    if problem := _missing(bwrap):
        return Isolation("none", problem)
    try:
        said = _try()
    except (OSError, subprocess.SubprocessError) as error:
        said = str(error)
    if said == SAFE:
        return Isolation("bubblewrap", f"{bwrap} keeps network and files away")
    return Isolation("none", f"{bwrap} starts no jail ({said[-200:] or 'no answer'}); {_remedy()}")


def jailed(
    command: Sequence[str],
    *,
    readable: Mapping[str, Path] | None = None,
    env: Mapping[str, str] | None = None,
    limits: Limits = Limits(),  # noqa: B008
) -> list[str]:
    """The command line that runs a command in a jail of its own.

    `readable` maps names inside to files and folders here; `env` is added to the little there is
    of an environment. Whoever runs this gives it no open file but /dev/null and pipes, and stays:
    the jail ends with the thread that started it and, where its standard input is a pipe, when the
    other end is closed. A command that begins with `WARM` goes on with modules: see `warm_inside`.

    Raises OSError where there is no bubblewrap.
    """
    bwrap, setpriv = (shutil.which(name) for name in ("bwrap", "setpriv"))
    if bwrap is None or (setpriv is None and _is_root()):
        raise FileNotFoundError("a jail needs bubblewrap, and for root setpriv of util-linux")
    seen = {**_visible(), **{name: path.resolve() for name, path in (readable or {}).items()}}
    inner = [
        *(bwrap, *APART, *_private()),
        *_view({name: Path(name) if _is_root() else path for name, path in seen.items()}),
        *("--proc", "/proc", "--remount-ro", "/", "--chdir", "/tmp", "--clearenv"),
        *_set({**ENVIRONMENT, "PYTHONUSERBASE": site.getuserbase(), **(env or {})}),
        *("--", sys.executable, *_first(command, limits)),
    ]
    if not _is_root():
        return inner
    # root prepares what an ordinary user may not reach (/root, say), and becomes one
    tools = {path: Path(path).resolve() for path in (bwrap, str(setpriv))}
    return [
        *(bwrap, "--unshare-pid", "--die-with-parent", "--new-session", *_view({**seen, **tools})),
        *("--bind", "/proc", "/proc", "--dir", "/tmp", "--remount-ro", "/"),
        *("--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--"),
        *(str(setpriv), "--reuid", str(ORDINARY), "--regid", str(ORDINARY), "--clear-groups"),
        *("--pdeathsig", "KILL", "--", *inner),
    ]


# -- the parts of the command line ---------------------------------------------------------------


def _first(command: Sequence[str], limits: Limits) -> Iterator[str]:
    """What Python runs as the first process."""
    text = ",".join(map(str, limits))
    if command[0] == WARM:
        yield from ("-P", "-m", "vaecourse.classroom.warm_inside", text, *command[1:])
    else:
        yield from ("-I", "-S", WARDEN, text, *command)


def _private() -> Iterator[str]:
    for name, size in FOLDERS.items():
        yield from ("--size", str(size), "--tmpfs", name)


def _view(seen: Mapping[str, Path]) -> Iterator[str]:
    """Options for what is seen inside, read-only: system, devices, and names with their paths."""
    for short in SHORTCUTS:
        if Path(short).is_symlink():
            yield from ("--symlink", str(Path(short).readlink()), short)
        elif Path(short).is_dir():
            yield from ("--ro-bind", short, short)
    yield from ("--dir", "/dev", "--dir", "/etc")  # else only root may look inside
    for part in SYSTEM:
        yield from ("--ro-bind-try", part, part)
    for name in DEVICES:
        yield from ("--dev-bind", f"/dev/{name}", f"/dev/{name}")
    for name, number in {"fd": "", "stdin": "0", "stdout": "1", "stderr": "2"}.items():
        yield from ("--symlink", f"/proc/self/fd/{number}", f"/dev/{name}")
    for name, path in seen.items():
        yield from ("--dir", str(Path(name).parent), "--ro-bind", str(path), name)
    if Path(sys.executable).is_symlink() and not _in_system(Path(sys.executable)):
        yield from ("--symlink", os.path.realpath(sys.executable), sys.executable)


def _visible() -> dict[str, Path]:
    """What a kernel needs of Python and of this package: name inside → path here."""
    program = Path(sys.executable).resolve()
    parts = [program, Path(site.getusersitepackages())] if site.ENABLE_USER_SITE else [program]
    for prefix in {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}:
        parts += [Path(prefix, name) for name in ("lib", "lib64", "pyvenv.cfg")]
    found = {str(part): part.resolve() for part in sorted(parts) if not _in_system(part)}
    return {
        **{name: path for name, path in found.items() if path.exists()},
        f"{COURSE}/vaecourse": Path(warden.__file__).resolve().parent.parent,
    }


def _in_system(path: Path) -> bool:
    return path.is_relative_to("/usr") or path.is_relative_to("/lib")


def _set(variables: Mapping[str, str]) -> Iterator[str]:
    for name, value in variables.items():
        yield from ("--setenv", name, value)


def _is_root() -> bool:
    return os.geteuid() == 0


# -- whether it works ----------------------------------------------------------------------------

SAFE = "nothing"
# Run inside, with the name of a file and of a port here: says which of them it reaches.
PROBE = """
import os, socket, sys
reached = []
if os.path.exists(sys.argv[1]): reached.append("files")
if not socket.socket().connect_ex(("127.0.0.1", int(sys.argv[2]))): reached.append("network")
if not os.getuid(): reached.append("root")
if os.getppid() != 1: reached.append("other processes")
print("it reaches " + ", ".join(reached) if reached else "nothing", end="")
"""


def _try() -> str:
    """What a jail says that it reaches, or why none starts."""
    with socket.create_server(("127.0.0.1", 0)) as server, tempfile.NamedTemporaryFile() as file:
        ran = subprocess.run(
            jailed([sys.executable, "-c", PROBE, file.name, str(server.getsockname()[1])]),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
            timeout=STARTS_SECONDS,
        )
    return " ".join((ran.stdout + ran.stderr).split())


def _missing(bwrap: str | None) -> str:
    """Why there can be no jail here, with what to do; "" where there may be one."""
    if sys.platform != "linux":
        return (
            f"{platform.system()} has no bubblewrap; to grade, use Linux: WSL2 on Windows, a "
            "virtual machine on a Mac, or any Linux server"
        )
    if platform.machine() not in warden.CALLS:
        return f"the jail does not know {platform.machine()}; use one of {', '.join(warden.CALLS)}"
    if bwrap is None:
        return "bubblewrap not found; try: apt install bubblewrap, or dnf install bubblewrap"
    try:
        said = subprocess.run([bwrap, "--version"], capture_output=True, text=True, timeout=5)
        version = said.stdout.split()[-1]
        if tuple(map(int, version.split(".")[:2])) >= OLDEST:
            return ""
        what = f"{bwrap} is version {version}, too old"
    except (OSError, subprocess.SubprocessError, IndexError, ValueError):
        what = f"{bwrap} is here but does not start"
    wanted = ".".join(map(str, OLDEST))
    return f"{what}; {wanted} is needed: try conda install -c conda-forge bubblewrap"


def _remedy() -> str:
    """What to do where bubblewrap is here and may not do its work."""
    if _says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"):
        return (
            "this Ubuntu blocks user namespaces: give bwrap the AppArmor profile of the "
            "instructor's guide (userns, in /etc/apparmor.d/bwrap)"
        )
    if _says("/proc/sys/kernel/unprivileged_userns_clone", "0"):
        return "user namespaces are off: try sudo sysctl kernel.unprivileged_userns_clone=1"
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return (
            "in a container: start it with --security-opt seccomp=unconfined --security-opt "
            "apparmor=unconfined --security-opt systempaths=unconfined, or grade outside of it"
        )
    return "grade on a Linux machine that lets ordinary users make user namespaces"


def _says(path: str, value: str) -> bool:
    try:
        return Path(path).read_text().strip() == value
    except OSError:
        return False
