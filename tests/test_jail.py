"""What runs in a jail reaches nothing outside, takes no more than its share, and leaves nothing."""

import os
import platform
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from vaecourse.classroom import jail, sheets
from vaecourse.classroom.confined import PREPARED, JailedKernel, jailed_kernel, prepared
from vaecourse.classroom.jail import Isolation, Limits, isolation, jailed
from vaecourse.classroom.kernel import Kernel
from vaecourse.errors import CourseError

LEVEL, WHY = isolation()
needs_jail = pytest.mark.skipif(LEVEL == "none", reason=f"no jail on this machine: {WHY}")
SMALL = Limits(cpu_seconds=20, memory_bytes=1 << 30, processes=40)
PATIENCE = 60  # seconds


def inside(
    code: str, *arguments: object, limits: Limits = SMALL, **readable: Path
) -> "subprocess.CompletedProcess[str]":
    """Run a program in a jail, with files readable as /course/NAME."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    files = {f"/course/{name}": path for name, path in readable.items()}
    return subprocess.run(
        jailed(command, limits=limits, readable=files),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def said(code: str, *arguments: object, **readable: Path) -> str:
    done = inside(code, *arguments, **readable)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def processes(mark: str) -> list[int]:
    """Those on this machine that carry a mark in their command line."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if process.pid != os.getpid() and any(
            mark in part for part in process.info["cmdline"] or []
        ):
            found.append(process.pid)
    return found


def soon(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    path = tmp_path / f"canary-{uuid4().hex}.txt"
    path.write_text("a solution")
    path.chmod(0o644)
    return path


# -- nothing outside is reached ------------------------------------------------------------------


@needs_jail
def test_a_file_outside_is_found_under_no_name(canary: Path) -> None:
    code = """
import glob, os, sys
canary = sys.argv[1]
roots = ["", "/course/vaecourse/../..", os.path.dirname(sys.executable) + "/../../../../../../.."]
roots += glob.glob("/proc/[0-9]*/root") + glob.glob("/proc/[0-9]*/cwd")
roots += glob.glob("/proc/[0-9]*/task/*/root") + glob.glob("/proc/[0-9]*/fd/*")
os.symlink(canary, "/tmp/link")
os.symlink("/proc/1/root", "/tmp/root")
for name in [*(root + canary for root in roots), "/tmp/link", "/tmp/root" + canary]:
    try:
        print("READ", name, open(name).read())
    except OSError:
        pass
for folder, _, files in os.walk("/"):
    if not folder.startswith("/proc") and os.path.basename(canary) in files:
        print("FOUND", folder)
"""
    assert said(code, canary) == ""


@needs_jail
def test_a_link_in_what_is_readable_does_not_lead_outside(canary: Path, tmp_path: Path) -> None:
    folder = tmp_path / "handed-in"
    folder.mkdir()
    (folder / "link").symlink_to(canary)
    (folder / "dots").symlink_to(Path("..", canary.name))
    (folder / "plain").write_text("my answer")
    code = """
import os
for name in ("plain", "link", "dots"):
    try: print(open("/course/folder/" + name).read())
    except FileNotFoundError: print("-")
"""
    assert said(code, folder=folder).split("\n") == ["my answer", "-", "-"]


@needs_jail
def test_an_open_file_of_the_caller_is_not_handed_down(canary: Path) -> None:
    with canary.open() as held:
        os.set_inheritable(held.fileno(), True)
        code = "import os; print([os.readlink(f'/proc/self/fd/{n}') for n in '012345678' " + (
            "if os.path.islink(f'/proc/self/fd/{n}')])"
        )
        assert canary.name not in said(code)


@needs_jail
def test_of_the_package_nothing_is_there_but_the_package() -> None:
    code = """
import os, sys, vaecourse
print(sorted(os.listdir("/course")), os.listdir(os.path.dirname(vaecourse.__file__) + "/.."))
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if name not in ("proc", "usr", "lib", "lib64")]
    print(*(n for n in files if n.endswith(".ipynb") and n != "skeleton.ipynb"), end="")
"""
    assert said(code) == "['vaecourse'] ['vaecourse']"


@needs_jail
def test_no_socket_outside_is_reached(tmp_path: Path) -> None:
    code = """
import socket, sys
port, name, path = sys.argv[1:]
for family, place in [(socket.AF_INET, ("127.0.0.1", int(port))), (socket.AF_UNIX, "\\0" + name),
                      (socket.AF_UNIX, path), (socket.AF_INET, ("10.0.0.1", 80))]:
    with socket.socket(family) as ours:
        ours.settimeout(1)
        try:
            ours.connect(place)
            print("REACHED", place)
        except OSError:
            pass
print([name for _, name in socket.if_nameindex()])
"""
    name = uuid4().hex
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as hidden,
        socket.socket(socket.AF_UNIX) as plain,
    ):
        hidden.bind("\0" + name)
        plain.bind(str(tmp_path / "s"))
        for one in (hidden, plain):
            one.listen()
        assert said(code, server.getsockname()[1], name, tmp_path / "s") == "['lo']"


@needs_jail
def test_no_variable_of_the_caller_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANVAS_TOKEN", "secret")
    code = """
import glob, os
print(sorted(os.environ))
for name in glob.glob("/proc/[0-9]*/environ"):
    try: assert b"secret" not in open(name, "rb").read()
    except PermissionError: pass
"""
    expected = sorted({*jail.ENVIRONMENT, "PYTHONUSERBASE", "PWD"})
    assert said(code) == str(expected)


@needs_jail
def test_two_jails_do_not_see_each_other(tmp_path: Path) -> None:
    code = """
import os, socket, sys, time
found = [n for n in ("/tmp/mine", "/dev/shm/mine", "/run/kernel/mine") if os.path.exists(n)]
found += [n for n in os.listdir("/proc") if n.isdigit() and int(n) > 2]
with socket.socket(socket.AF_UNIX) as ours:
    try: ours.bind("\\0mine")
    except OSError: found.append("socket")
    for folder in ("/tmp", "/dev/shm", "/run/kernel"): open(folder + "/mine", "w").close()
    print(found, flush=True)
    time.sleep(100)
"""
    command = jailed([sys.executable, "-c", code], limits=SMALL)
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as first,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as second,
    ):
        assert first.stdout
        assert second.stdout
        assert [first.stdout.readline(), second.stdout.readline()] == ["[]\n", "[]\n"]
        for one in (first, second):
            one.communicate()


@needs_jail
def test_neither_the_first_process_nor_one_outside_can_be_killed_or_traced() -> None:
    code = """
import ctypes, os, signal
library = ctypes.CDLL(None)
for target in (os.getppid(), 1, -1, int(os.readlink("/proc/self").split("/")[-1]) - 1):
    for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        try: os.kill(target, number)
        except OSError: pass
status = open("/proc/1/status").read()
print("traced", library.ptrace(16, 1, 0, 0), status.split("TracerPid:")[1][1])
try: open("/proc/1/mem", "r+b")
except PermissionError: print("closed")
"""
    assert said(code) == "traced -1 0\nclosed"


@needs_jail
def test_calls_that_only_an_attack_uses_are_refused() -> None:
    code = """
import ctypes, mmap, os
library = ctypes.CDLL(None, use_errno=True)
print(library.unshare(0x10000000), library.shmget(0, 4096, 0o1600), library.mount(0, 0, 0, 0, 0))
for attempt in (lambda: os.memfd_create("x"), lambda: mmap.mmap(-1, 4096),
                lambda: open("/proc/sys/kernel/core_pattern", "w"), lambda: os.setuid(0),
                lambda: os.mknod("/tmp/sda", 0o60600, os.makedev(8, 0)), lambda: os.chroot("/tmp")):
    try: print("DONE", attempt())
    except OSError: pass
print(bytes(mmap.mmap(-1, 4, flags=mmap.MAP_PRIVATE)))
"""
    assert said(code) == "-1 -1 -1\nb'\\x00\\x00\\x00\\x00'"


@needs_jail
def test_the_first_process_is_given_no_limits_turns_or_processors() -> None:
    code = """
import os, resource
kinds = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]
attempts = [lambda kind=kind: resource.prlimit(1, kind, (9, 9)) for kind in kinds]
attempts += [lambda: os.setpriority(os.PRIO_PROCESS, 1, 19), lambda: os.nice(1),
             lambda: os.setpriority(os.PRIO_USER, os.getuid(), 19),
             lambda: os.setpriority(os.PRIO_PGRP, os.getpgid(1), 19),
             lambda: os.sched_setaffinity(1, {max(os.sched_getaffinity(1))}),
             lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)),
             lambda: os.sched_setparam(1, os.sched_param(0))]
for number, attempt in enumerate(attempts):
    try: print("DONE", number, attempt())
    except PermissionError: pass
own = os.sched_getaffinity(0), os.sched_setaffinity(0, os.sched_getaffinity(0))
resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, 1 << 20))
print(resource.getrlimit(resource.RLIMIT_STACK))
"""
    assert said(code) == str((1 << 20, 1 << 20))


@needs_jail
def test_only_sockets_that_know_network_namespaces_are_made() -> None:
    code = """
import socket
made = []
for family in range(64):
    try: socket.socket(family, socket.SOCK_DGRAM).close()
    except PermissionError: continue
    except OSError: pass
    made.append(family)
print(made)
"""
    assert said(code) == str([1, 2, 10, 16])  # not 40, by which a virtual machine speaks to others


@needs_jail
@pytest.mark.skipif(os.geteuid() != 0, reason="these tests do not run as root")
def test_root_runs_a_jail_as_an_ordinary_user() -> None:
    mark = uuid4().hex
    code = "import os, time; print(os.getuid(), flush=True); time.sleep(100)"
    command = jailed([sys.executable, "-c", code, mark], limits=SMALL)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        assert process.stdout
        assert process.stdout.readline() == b"1000\n"
        family = psutil.Process(process.pid).children(recursive=True)
        assert {p.uids().real for p in family[1:]} == {jail.ORDINARY}
        process.communicate()


# -- no more than its share is taken -------------------------------------------------------------


@needs_jail
def test_too_much_memory_is_a_memory_error() -> None:
    code = """
try: bytearray(6 << 30)
except MemoryError: print("no")
"""
    assert said(code) == "no"


@needs_jail
@pytest.mark.parametrize("hide", [False, True])
def test_many_processes_have_no_more_memory_than_one(hide: bool) -> None:
    code = """
import ctypes, os, sys, time
for _ in range(8):
    if not os.fork():
        if sys.argv[1] == "True": ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
        data = bytearray(os.urandom(1)) * (300 << 20)
        time.sleep(30)
time.sleep(30)
"""
    done = inside(code, hide)
    assert jail.ENDINGS[done.returncode] == "it filled the memory"


@needs_jail
def test_processes_that_share_their_memory_may_all_look_at_it() -> None:
    code = """
import os, time
data = bytearray(b"x") * (300 << 20)
children = []
for _ in range(8):
    child = os.fork()
    if not child:
        assert data.count(b"x") == len(data)
        time.sleep(1)
        os._exit(0)
    children.append(child)
print([os.waitpid(child, 0)[1] for child in children])
"""
    assert said(code) == str([0] * 8)


@needs_jail
def test_a_fork_bomb_stays_small_and_ends() -> None:
    mark = uuid4().hex
    most = 0
    code = """
import os
while True:
    try: os.fork()
    except OSError: pass
"""
    command = jailed([sys.executable, "-c", code, mark], limits=SMALL._replace(cpu_seconds=3))
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        while process.poll() is None:
            most = max(most, len(processes(mark)))
        assert jail.ENDINGS[process.returncode] in (
            "it took all its processor time",
            "it started too many processes",
        )
    assert 10 < most < 100
    assert soon(lambda: not processes(mark))


@needs_jail
@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm", "/run/kernel"])
def test_no_disk_is_filled(folder: str) -> None:
    code = """
import os, sys
block, total = bytes(1 << 20), 0
try:
    for number in range(10_000):
        with open(f"{sys.argv[1]}/{number}", "wb") as file:
            file.write(block)
        total += len(block)
except OSError:
    print(total)
"""
    assert int(said(code, folder)) <= jail.FOLDERS[folder]


@needs_jail
def test_nothing_else_can_be_written() -> None:
    code = """
import os
private = ("/tmp", "/dev/shm", "/run/kernel", "/proc")
for folder, folders, files in os.walk("/"):
    folders[:] = [f for f in folders if os.path.join(folder, f) not in private]
    if os.access(folder, os.W_OK):
        print("FOLDER", folder)
    for name in files[:3]:
        path = os.path.join(folder, name)
        if os.access(path, os.W_OK) and not path.startswith("/dev/"): print("FILE", path)
    if folder.count("/") > 4: folders.clear()
for folder in ("/", "/dev", "/course", "/run", "/etc"):
    try: os.mkdir(folder + "/new"); print("MADE", folder)
    except OSError: pass
"""
    assert said(code) == ""


@needs_jail
def test_one_file_is_no_longer_than_allowed() -> None:
    code = """
import os
with open("/tmp/long", "wb") as file:
    try: os.ftruncate(file.fileno(), 2 << 20)
    except OSError: print("no")
"""
    done = inside(code, limits=SMALL._replace(file_bytes=1 << 20))
    assert done.stdout == "no\n"


@needs_jail
def test_a_million_files_are_too_many() -> None:
    code = "import os\nfor n in range(1_000_000): os.mkdir(f'/tmp/{n}')"
    assert jail.ENDINGS[inside(code).returncode] == "it made too many files"


@needs_jail
@pytest.mark.parametrize("loops", [1, 3])
def test_an_endless_loop_ends_however_many_share_it(loops: int) -> None:
    code = """
import os, signal, sys
signal.signal(signal.SIGXCPU, signal.SIG_IGN)
for _ in range(int(sys.argv[1]) - 1):
    if not os.fork(): break
while True: pass
"""
    begin = time.monotonic()
    done = inside(code, loops, limits=SMALL._replace(cpu_seconds=1))
    assert jail.ENDINGS[done.returncode] == "it took all its processor time"
    assert time.monotonic() - begin < 20


# -- nothing is left -----------------------------------------------------------------------------

DETACHED = """
import os, sys, time
if not os.fork():
    os.setsid()
    if not os.fork():
        for n in range(3): os.close(n)
        time.sleep(100)
    os._exit(0)
"""


@needs_jail
def test_a_detached_child_does_not_outlive_the_jail() -> None:
    mark = uuid4().hex
    assert said(DETACHED, mark) == ""
    assert not processes(mark)


@needs_jail
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_whoever_started_a_jail_takes_it_along(number: int) -> None:
    mark = uuid4().hex
    command = jailed([sys.executable, "-c", "import time; time.sleep(100)", mark], limits=SMALL)
    starter = f"import subprocess; subprocess.run({command!r})"
    with subprocess.Popen([sys.executable, "-c", starter]) as process:
        assert soon(lambda: bool(processes(mark)))
        process.send_signal(number)
    assert soon(lambda: not processes(mark))


STARTER = """
import os, signal, sys, time
from vaecourse.classroom import confined
confined.FILE = "/course/" + sys.argv[1]
confined.jail.isolation()
for hundredths in range(12):
    grader = os.fork()
    if not grader:
        manager = confined.jailed_kernel()
        manager.start_kernel()
        manager.shutdown_kernel()
        os._exit(0)
    time.sleep(hundredths / 100)
    os.kill(grader, signal.SIGKILL)
    os.waitpid(grader, 0)
"""


@needs_jail
def test_whenever_a_grader_is_killed_no_jail_is_left() -> None:
    mark = uuid4().hex
    subprocess.run([sys.executable, "-c", STARTER, mark], check=True)
    assert soon(lambda: not processes(mark))


@needs_jail
def test_the_exit_status_and_what_is_said_come_out() -> None:
    done = inside("import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")
    done = subprocess.run(jailed(["/no/such"]), capture_output=True, text=True)
    assert done.returncode == 127
    assert "cannot run /no/such" in done.stderr


# -- a kernel in a jail --------------------------------------------------------------------------


@pytest.fixture
def started() -> Iterator[Callable[..., tuple[Kernel, JailedKernel]]]:
    kernels: list[Kernel] = []

    def start(limits: Limits = Limits()) -> tuple[Kernel, JailedKernel]:  # noqa: B008
        manager = jailed_kernel(limits)
        kernels.append(Kernel(Path("/"), manager))
        return kernels[-1].__enter__(), manager

    yield start
    for kernel in kernels:
        kernel.__exit__(None, None, None)


@needs_jail
def test_a_course_is_taken_in_a_jail(started: Callable[..., tuple[Kernel, JailedKernel]]) -> None:
    kernel, _ = started()
    for code in (
        "import torch; from vaecourse import data; x = data.load('digits', 'train').x[:64]",
        "from vaecourse import networks, objectives; from vaecourse.classroom import check, score",
        "net = torch.nn.Linear(784, 784); start = net.weight.detach().clone()",
        "opt = torch.optim.Adam(net.parameters()); flat = x.flatten(1)",
        "((net(flat) - flat) ** 2).mean().backward(); opt.step()",
        "assert not torch.equal(net.weight, start)",
        "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()",
    ):
        run = kernel.run(code, PATIENCE)
        assert (run.status, run.text) == ("ok", "")


@needs_jail
@pytest.mark.parametrize("name", sheets.names() or [""])
def test_the_given_cells_of_an_assignment_run_in_a_jail(
    name: str, started: Callable[..., tuple[Kernel, JailedKernel]]
) -> None:
    if not name:
        pytest.skip("no assignment is released yet")
    kernel, _ = started()
    for cell in sheets.load(name).cells:
        if cell.kind == "code" and cell.role == "text":
            run = kernel.run(cell.source, PATIENCE)
            assert (cell.id, run.status, run.text) == (cell.id, "ok", "")


@needs_jail
def test_data_that_was_prepared_here_is_read_there_and_more_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAECOURSE_DATA", str(tmp_path))
    (tmp_path / "prepared").mkdir()
    (tmp_path / "prepared" / "digits-v9-train.safetensors").write_text("digits")
    (tmp_path / "prepared" / "mine-v9-train.safetensors").write_text("private")
    code = f"""
import os
print(os.listdir("{PREPARED}"), open("{PREPARED}/digits-v9-train.safetensors").read())
open("{PREPARED}/more", "w").close()
"""
    command = jailed([sys.executable, "-c", code], readable=prepared(), limits=SMALL)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "['digits-v9-train.safetensors'] digits\n"


@needs_jail
def test_an_endless_cell_is_interrupted_and_a_dead_kernel_is_noticed(
    started: Callable[..., tuple[Kernel, JailedKernel]],
) -> None:
    kernel, _ = started()
    assert kernel.run("kept = 3\nwhile True: pass", 1).status == "late"
    assert kernel.run("assert kept == 3", PATIENCE).status == "ok"
    begin = time.monotonic()
    assert kernel.run("import os; os._exit(0)", PATIENCE).status == "dead"
    assert time.monotonic() - begin < 5


@needs_jail
def test_a_kernel_says_which_limit_ended_it(
    started: Callable[..., tuple[Kernel, JailedKernel]],
) -> None:
    kernel, manager = started(Limits(cpu_seconds=5))
    assert manager.ended == ""
    assert kernel.run("while True: pass", PATIENCE).status == "dead"
    assert manager.ended == "it took all its processor time"


@needs_jail
@pytest.mark.parametrize("now", [False, True])
def test_of_a_kernel_nothing_is_left(now: bool) -> None:
    mark = uuid4().hex
    manager = jailed_kernel()
    folder = Path(manager.connection_file).parent
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '''{DETACHED}"
        child += f"time.sleep(100)''', '{mark}'], start_new_session=True)"
        client.execute_interactive(child, timeout=PATIENCE)
        assert soon(lambda: len(processes(mark)) >= 2)
        assert folder.exists()
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=now)
    assert not processes(mark)
    assert not folder.exists()
    held = (path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink())
    assert not any("pidfd" in str(name) for name in held)


@needs_jail
def test_nbval_runs_its_cells_in_a_jail_and_after_a_restart() -> None:
    from nbval.kernel import RunningKernel

    class Jailed(RunningKernel):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            self.km = jailed_kernel()
            self.km.start_kernel(cwd="/nowhere", stderr=None)
            self.kc = self.km.client()
            self.kc.start_channels()
            self.kc.wait_for_ready(timeout=PATIENCE)
            self._ensure_iopub_up()

    running = Jailed()
    try:
        for _ in range(2):
            message = running.execute_cell_input("import os; assert os.getcwd() == '/tmp'")
            running.await_reply(message, timeout=PATIENCE)
            running.await_idle(message, timeout=PATIENCE)
            assert running.is_alive()
            running.restart()
            running.kc.wait_for_ready(timeout=PATIENCE)
    finally:
        running.stop()


@needs_jail
def test_other_users_cannot_speak_to_a_kernel(
    started: Callable[..., tuple[Kernel, JailedKernel]],
) -> None:
    _, manager = started()
    folder = Path(manager.connection_file).parent
    assert stat.S_IMODE(folder.stat().st_mode) & 0o777 == 0o700
    assert manager.transport == "ipc"
    assert len(f"{manager.ip}-5") < 107


@needs_jail
def test_what_a_start_costs(started: Callable[..., tuple[Kernel, JailedKernel]]) -> None:
    begin = time.monotonic()
    subprocess.run(jailed(["/bin/true"]), check=True)
    print(f"\nan empty jail: {time.monotonic() - begin:.3f} s", end="")
    for what in ("in a jail", "without"):
        begin = time.monotonic()
        with Kernel(Path("/"), jailed_kernel() if what == "in a jail" else None) as kernel:
            ready = time.monotonic() - begin
            kernel.run("import torch", PATIENCE)
            both = time.monotonic() - begin
        print(f"\na kernel {what}: {ready:.2f} s, with torch {both:.2f} s", end="")


# -- where there is none -------------------------------------------------------------------------


@pytest.fixture
def asked() -> Callable[[], Isolation]:
    return isolation.__wrapped__


def stand_in(folder: Path, script: str) -> Callable[[str], str | None]:
    """A `which` that finds a script in place of bubblewrap."""
    path = folder / "bwrap"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    real = shutil.which
    return lambda name: str(path) if name == "bwrap" else real(name)


def test_a_machine_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = isolation()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert isolation() is first


@pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is for Linux")
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo bubblewrap 0.6.1", "version 0.6.1, too old; 0.8 is needed"),
        ("exit 1", "does not start"),
        ("echo bubblewrap unknown", "does not start"),
        (
            'test "$1" = --version && echo bubblewrap 0.9.0 && exit\n'
            "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1",
            "setting up uid map: Permission denied",
        ),
        (
            'test "$1" = --version && echo bubblewrap 0.9.0 && exit\necho nothing to say',
            "starts no jail",
        ),
        (
            'test "$1" = --version && echo bubblewrap 0.9.0 && exit\n'
            'while [ "$1" != -c ]; do shift; done; exec "$PYTHON" "$@"',
            "it reaches files, network",
        ),
    ],
)
def test_what_only_looks_like_a_jail_is_none(
    script: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: Callable[[], Isolation],
) -> None:
    monkeypatch.setenv("PYTHON", sys.executable)
    monkeypatch.setattr(shutil, "which", stand_in(tmp_path, script))
    level, why = asked()
    assert level == "none"
    assert words in why


@pytest.mark.parametrize(("system", "words"), [("Darwin", "Mac"), ("Windows", "WSL2")])
def test_a_system_without_bubblewrap_says_what_to_do(
    system: str, words: str, monkeypatch: pytest.MonkeyPatch, asked: Callable[[], Isolation]
) -> None:
    monkeypatch.setattr(sys, "platform", {"Darwin": "darwin", "Windows": "win32"}[system])
    monkeypatch.setattr(platform, "system", lambda: system)
    level, why = asked()
    assert level == "none"
    assert why.startswith(f"{system} has no bubblewrap; to grade, use Linux: ")
    assert words in why


@pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is for Linux")
def test_where_bubblewrap_is_missing_no_kernel_starts(
    monkeypatch: pytest.MonkeyPatch, asked: Callable[[], Isolation]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert asked() == (
        "none",
        "bubblewrap not found; try: apt install bubblewrap, or dnf install bubblewrap",
    )
    monkeypatch.setattr(jail, "isolation", asked)
    with pytest.raises(CourseError, match="no jail for a kernel here: bubblewrap not found"):
        jailed_kernel()
    with pytest.raises(OSError, match="a jail needs bubblewrap"):
        jailed(["true"])


@pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is for Linux")
@pytest.mark.parametrize(
    ("file", "value", "words"),
    [
        ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor profile"),
        ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sudo sysctl"),
        ("", "", "grade "),
    ],
)
def test_blocked_user_namespaces_are_told_with_the_cure(
    file: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jail, "_says", lambda path, wanted: (path, wanted) == (file, value))
    assert words in jail._remedy()


def test_the_jail_is_known_without_torch() -> None:
    code = "import sys, vaecourse.classroom.jail; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
