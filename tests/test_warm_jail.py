"""What one kernel leaves in a warm jail, the next does not find; neither reaches outside."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from vaecourse.classroom.confined import jailed_kernel
from vaecourse.classroom.jail import Limits, isolation
from vaecourse.classroom.kernel import Kernel, Run
from vaecourse.classroom.warm import WarmJail, WarmKernel, modules

LEVEL, WHY = isolation()
pytestmark = pytest.mark.skipif(LEVEL == "none", reason=f"no jail on this machine: {WHY}")
LIMITS = Limits(cpu_seconds=8, processes=60)


@pytest.fixture
def warm(warm_jail: WarmJail) -> WarmJail:
    return warm_jail


def run(warm: WarmJail, *codes: str, seconds: float = 20) -> list[Run]:
    """What pieces of code come to, in a kernel of their own."""
    assert warm.is_idle()
    with Kernel(Path("/"), WarmKernel(warm)) as kernel:
        return [kernel.run(code, seconds) for code in codes]


def said(warm: WarmJail, code: str) -> str:
    (found,) = run(warm, code)
    assert (found.status, found.error, found.text) == ("ok", "", "")
    return "".join(o["text"] for o in found.outputs if o["output_type"] == "stream").strip()


LEAVE = """
import os, pathlib, socket, subprocess, sys, threading, time
import torch, vaecourse.classroom.emitting as emitting
for folder in ("/tmp", "/dev/shm", "/run/kernel"):
    pathlib.Path(folder, "left").write_text("left")
for name in ("/tmp/.ipython/profile_default/startup/a.py", "/tmp/sitecustomize.py",
             "/tmp/usercustomize.py", "/tmp/torch.py"):
    path = pathlib.Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("print('poisoned')")
for file in pathlib.Path("/tmp/data/prepared").iterdir():
    file.unlink()
    file.write_text("poisoned")
deep = pathlib.Path("/tmp/deep")
os.mkdir(deep)
os.chdir(deep)
for i in range(3000):
    os.mkdir("d"); os.chdir("d")
os.chdir("/tmp")
for i in range(2000):
    open(f"/tmp/{i}\\n\\udc80".encode(errors="surrogateescape"), "w")
os.mkfifo("/tmp/fifo")
os.symlink("/", "/tmp/root")
os.mkdir("/tmp/shut"); os.mkdir("/tmp/shut/in"); open("/tmp/shut/in/x", "w")
os.chmod("/tmp/shut/in", 0); os.chmod("/tmp/shut", 0)
emitting.emit = torch.allclose = None
os.environ["LEFT"] = "1"
os.umask(0)
server = socket.create_server(("127.0.0.1", 5555))
abstract = socket.socket(socket.AF_UNIX); abstract.bind("\\0left"); abstract.listen()
subprocess.Popen(["/bin/sh", "-c", "(setsid sleep 1000 &) ; setsid sleep 1000 & sleep 1000"])
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True: time.sleep(1)
    os._exit(0)
print(len(os.listdir("/tmp")) > 2000)
"""
FIND = """
import os, pathlib, socket, sys
import torch, vaecourse.classroom.emitting as emitting
found = [f"{folder}/{name}" for folder in ("/tmp", "/dev/shm", "/run/kernel")
         for name in os.listdir(folder)
         if not (name.startswith("kernel") or name in ("data", ".ipython", ".matplotlib"))]
found += [str(p) for p in pathlib.Path("/tmp/.ipython").rglob("startup/*.py")]
found += [p for p in os.listdir("/proc") if p.isdigit() and int(p) not in (1, os.getpid())]
found += [str(f) for f in pathlib.Path("/tmp/data/prepared").iterdir() if not f.is_symlink()]
if emitting.emit is None or torch.allclose is None: found.append("modules")
if "LEFT" in os.environ: found.append("environment")
if os.umask(0o22) == 0: found.append("umask")
if ":15B3 " in open("/proc/net/tcp").read(): found.append("port 5555")
try:
    socket.socket(socket.AF_UNIX).connect("\\0left"); found.append("an abstract socket")
except OSError: pass
print(found)
"""


def test_what_a_kernel_leaves_the_next_does_not_find(warm: WarmJail) -> None:
    before = said(warm, FIND)
    assert said(warm, LEAVE) == "True"
    assert said(warm, FIND) == before
    assert "left" not in before


MARK = """
import os, resource, struct
def attempt(what):
    try: what()
    except OSError: pass
for name in dir(resource):
    if name.startswith("RLIMIT_"):
        attempt(lambda: resource.prlimit(1, getattr(resource, name), (1 << 20, 1 << 20)))
attempt(lambda: os.setpriority(os.PRIO_USER, os.getuid(), 19))
attempt(lambda: os.setpriority(os.PRIO_PROCESS, 1, 19))
attempt(lambda: os.sched_setaffinity(1, {0}))
attempt(lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)))
entries = [(1, 7, -1), (2, 7, 1000), (4, 0, -1), (16, 7, -1), (32, 0, -1)]
rights = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *one) for one in entries)
attempt(lambda: os.setxattr("/dev/shm", "system.posix_acl_default", rights))
attempt(lambda: os.setxattr("/dev/shm", "user.left", b"a message"))
os.utime("/run/kernel", ns=(12345, 67890))
os.chmod("/dev/shm", 0o1751)
os.chmod("/tmp", 0)
"""
MARKED = """
import os, resource
print([resource.getrlimit(getattr(resource, n)) for n in dir(resource) if n.startswith("RLIMIT_")])
print(os.getpriority(0, 0), os.sched_getscheduler(0), os.sched_getaffinity(0), os.umask(0))
for folder in ("/tmp", "/dev/shm", "/run/kernel"):
    used = os.statvfs(folder)
    print(os.stat(folder).st_mode, os.listxattr(folder), used.f_ffree, used.f_bfree)
    if folder == "/dev/shm": print(os.stat(folder).st_mtime_ns)
print(open("/proc/self/net/dev").read(), open("/proc/self/net/tcp").read().count("\\n"))
"""


def test_rights_limits_and_marks_that_a_kernel_sets_the_next_does_not_have(warm: WarmJail) -> None:
    before = said(warm, MARKED)
    run(warm, MARK)
    assert said(warm, MARKED) == before


def test_a_jail_is_not_idle_while_a_kernel_runs_that_nobody_waits_for(warm: WarmJail) -> None:
    child = os.fork()
    if child == 0:
        WarmKernel(warm).start_kernel()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert not warm.is_idle()  # it says "ended"; whoever asks throws it away
    assert warm.is_idle()  # though it is as new by now


ALONE = """
import mmap, threading
from vaecourse.classroom.clearing import is_alone
print(is_alone())
shared = mmap.mmap(-1, 4096)
print(is_alone())
shared.close()
end = threading.Event()
threading.Thread(target=end.wait).start()
print(is_alone())
end.set()
"""


def test_nothing_forks_that_has_threads_or_shares_memory() -> None:
    said = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["True", "False", "False"]


RIGHTS = """
import os, resource, signal, sys
about = {n: os.readlink(f"/proc/self/ns/{n}").split(":")[0] for n in os.listdir("/proc/self/ns")}
names = ("Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp", "Cap", "SigIgn", "SigBlk", "Umask")
with open("/proc/self/status") as file:
    about |= dict(line.split(":", 1) for line in file if line.startswith(names))
kinds = (getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_"))
about["limits"] = [resource.getrlimit(kind) for kind in kinds]
about["files"] = [[os.readlink(f"/proc/self/fd/{n}").split(":")[0] for n in "012"], os.getcwd()]
with open("/proc/self/oom_score_adj") as file: about["oom"] = file.read()
about["session"] = os.getsid(0) == os.getpid(), os.getpriority(0, 0), os.sched_getscheduler(0)
with open("/proc/self/environ") as file:  # os.environ has what modules add when imported
    about["environment"] = sorted(file.read().split("\\0"))
about["python"] = [sys.flags, sys.path, sys.executable, __name__, sorted(globals())[:20]]
with open("/proc/self/mountinfo") as file:
    points = {line.split()[4] for line in file}
about["mounts"] = sorted(p for p in points if "/data" not in p and p != "/course/kernel.json")
try: open("/proc/1/mem"); about["first"] = "open"
except OSError as error: about["first"] = error.errno
import torch, numpy
chance = torch.initial_seed(), numpy.random.rand()
torch.manual_seed(7)
about["draws"] = torch.rand(4).tolist(), hash("a"), torch.get_num_threads()
for name, value in about.items(): print(name, value)
print(*chance, sep="\\n")
"""


def test_a_warm_kernel_is_and_draws_as_a_cold_one(warm: WarmJail) -> None:
    with Kernel(Path("/"), jailed_kernel()) as kernel:
        found = kernel.run(RIGHTS, 60)
    cold = "".join(o["text"] for o in found.outputs if o["output_type"] == "stream").strip()
    first, second = said(warm, RIGHTS), said(warm, RIGHTS)
    lines = [one.splitlines() for one in (cold, first, second)]
    assert lines[0][:-2] == lines[1][:-2] == lines[2][:-2]
    for draws in zip(*(one[-2:] for one in lines), strict=True):
        assert len(set(draws)) == 3  # without a seed


def test_the_course_and_its_data_are_there_each_time(warm: WarmJail) -> None:
    code = "from vaecourse import data\nprint(len(data.load('digits', 'test')[0]))"
    assert said(warm, code) == said(warm, code)
    assert "torch._dynamo" in modules()
    assert said(warm, "import sys; print('torch._dynamo' in sys.modules)") == "True"


REACH = """
import os, signal, socket, sys
reached = []
for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP, signal.SIGINT, signal.SIGCHLD):
    os.kill(1, number)
for what in ("fd", "mem", "maps", "environ", "root", "cwd", "stack"):
    try:
        path = f"/proc/1/{what}"
        if what in ("fd",): reached.append(os.listdir(path))
        elif what in ("root", "cwd"): reached.append(os.readlink(path))
        else: reached.append(open(path, "rb").read(10))
    except OSError: pass
for n in range(3, 512):
    try:
        link = os.readlink(f"/proc/self/fd/{n}")
        if "pipe" in link:
            try: os.write(n, b"ended 0\\n"); os.write(n, b"hello\\n")
            except OSError: pass
    except OSError: pass
print(f"REACHED {reached}")  # one write: what went into the pipes arrives beside it
"""


def test_the_first_process_is_not_killed_stopped_or_read(warm: WarmJail) -> None:
    assert "REACHED []" in said(warm, REACH)  # what else it wrote went to its own output
    assert said(warm, "print('next')") == "next"


def test_files_and_ports_outside_are_not_reached_and_who_tries_leaves_no_jail(
    tmp_path: Path,
) -> None:
    canary = tmp_path / f"canary-{uuid4().hex}"
    canary.write_text("a solution")
    canary.chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"""
import os, socket, glob
print(os.path.exists({str(canary)!r}), os.path.exists({str(Path(__file__))!r}),
      [r for r in glob.glob("/proc/[0-9]*/root" + {str(canary)!r})],
      socket.socket().connect_ex(("127.0.0.1", {port})) == 0, os.getuid() == 0)
"""
        warm = WarmJail(LIMITS, preload=["ipykernel.kernelapp"])
        try:
            assert said(warm, "print(1)") == "1"
            assert said(warm, code) == "False False [] False False"
            assert not warm.is_idle()  # connections that are closed would be seen for a minute
        finally:
            warm.end()


ENDINGS = {
    "a loop": ("while True: pass", "late"),
    "memory": ("x = [bytearray(1 << 20) for _ in range(1 << 20)]", "error"),
    "exit": ("import os; os._exit(3)", "dead"),
    "a kill": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "dead"),
    "a kill of all": ("import os, signal; os.kill(-1, signal.SIGKILL)", "error"),
    "processes": ("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", "late"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_whatever_ends_a_kernel_the_next_one_works(warm: WarmJail, name: str) -> None:
    code, status = ENDINGS[name]
    (found,) = run(warm, code, seconds=3)
    assert found.status in (status, "dead")
    assert said(warm, "print(1 + 1)") == "2"


def test_a_kernel_is_held_to_its_own_time_not_to_the_jails() -> None:
    warm = WarmJail(LIMITS, preload=["ipykernel.kernelapp"])
    burn = "import time\nend = time.process_time() + 3\nwhile time.process_time() < end: pass"
    for _ in range(3):  # of eight seconds
        assert run(warm, burn)[0].status == "ok"
    assert run(warm, burn.replace("+ 3", "+ 60"), seconds=60)[0].status == "dead"
    warm.end()


def test_nothing_is_left_when_whoever_holds_the_jail_is_killed() -> None:
    child = os.fork()
    if child == 0:
        WarmJail(LIMITS, preload=["math"])
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    os.waitpid(child, os.WUNTRACED)
    family = psutil.Process(child).children(recursive=True)
    assert len(family) >= 2
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    _, left = psutil.wait_procs(family, 2)
    assert [p for p in left if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
