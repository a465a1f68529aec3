"""What one kernel leaves in a warm jail, the next does not find; neither reaches outside."""

import os
import signal
import socket
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

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
if not socket.socket().connect_ex(("127.0.0.1", 5555)): found.append("a port")
try:
    socket.socket(socket.AF_UNIX).connect("\\0left"); found.append("an abstract socket")
except OSError: pass
print(found)
"""


def test_what_a_kernel_leaves_the_next_does_not_find(warm: WarmJail) -> None:
    before = said(warm, FIND)
    assert said(warm, LEAVE) == "True"
    assert said(warm, FIND) == before == "[]"


def test_the_course_and_its_data_are_there_each_time(warm: WarmJail) -> None:
    code = "from vaecourse import data\nprint(len(data.load('digits', 'test')[0]))"
    assert said(warm, code) == said(warm, code)
    assert "torch._dynamo" in modules()
    assert said(warm, "import sys; print('torch._dynamo' in sys.modules)") == "True"


def test_draws_are_those_of_a_kernel_that_nobody_used(warm: WarmJail) -> None:
    code = "import torch, random, numpy; print(torch.rand(2), hash('a'))"
    first = said(warm, code)
    said(warm, "import torch, random; torch.manual_seed(7); torch.rand(9); random.seed(3)")
    assert said(warm, code) == first


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
print("REACHED", reached)
"""


def test_the_first_process_is_not_killed_stopped_or_read(warm: WarmJail) -> None:
    assert "REACHED []" in said(warm, REACH)  # what else it wrote went to its own output
    assert said(warm, "print('next')") == "next"


def test_files_and_ports_outside_are_not_reached(warm: WarmJail, tmp_path: Path) -> None:
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
        assert said(warm, code) == "False False [] False False"


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
    _, left = psutil.wait_procs([p for p in family if p.status() != psutil.STATUS_ZOMBIE], 10)
    assert [p for p in left if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
