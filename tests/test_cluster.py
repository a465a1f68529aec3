import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import dask
import psutil
import pytest
from conftest import LittleBook, edit, outputs
from distributed import LocalCluster

from vaecourse import notebooks
from vaecourse.errors import CourseError
from vaecourse.notebooks import cluster


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A cluster of one worker, which takes two chapters at a time."""
    with LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address="127.0.0.1:0") as local:
        yield local.scheduler_address


def test_a_dask_cluster_gives_the_same_chapter_as_this_machine(
    book: LittleBook, address: str
) -> None:
    path = book.add("01_a", "k = 1", "import os\nprint(k, os.getcwd())")
    notebooks.run(save=True)
    here = path.read_bytes()
    assert notebooks.run(save=True, cluster=address) == [path]
    assert path.read_bytes() == here
    other = book.add("02_b", "k = 1", "print(k)")
    edit(path, "k = 1", "k = 0")
    edit(path, "os.getcwd()", "1 / k")
    with pytest.raises(CourseError, match=r"cell 2 \(import os\): ZeroDivisionError"):
        notebooks.run(save=True, cluster=address)
    assert outputs(other)[1] == "1\n"


@pytest.mark.skipif(os.name == "nt", reason="signals are sent differently on Windows")
def test_a_chapter_that_kills_its_worker_loses_nothing_of_the_others(book: LittleBook) -> None:
    book.add("01_a", "k = 1", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)")
    other = book.add("02_b", "k = 1", "print(k)")
    quick = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(silence_logs=50, **quick) as local,
        pytest.raises(CourseError, match=r"^01_a failed on the cluster: KilledWorker") as told,
    ):
        notebooks.run(save=True, cluster=local.scheduler_address)
    assert "\n" not in str(told.value)
    assert outputs(other)[1] == "1\n"


@pytest.mark.skipif(os.name == "nt", reason="signals are sent differently on Windows")
def test_ctrl_c_ends_the_kernels_of_the_cluster_and_keeps_what_is_finished(
    book: LittleBook, address: str
) -> None:
    done = book.add("01_a", "k = 1", "print(k)")
    code = "import os, time\nopen('kernel', 'w').write(str(os.getpid()))\ntime.sleep(60)"
    book.add("02_b", "k = 1", code)
    script = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    script += "from vaecourse.cli import main; main()"
    command = [sys.executable, "-c", script, "run", "--save", "--cluster", address]
    kernel = book.folder / "kernel"
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not (kernel.exists() and kernel.read_text() and outputs(done)[1]):
            time.sleep(0.1)
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.endswith("interrupted\n")
    assert "Traceback" not in errors
    assert not psutil.pid_exists(int(kernel.read_text()))
    assert outputs(done)[1] == "1\n"


@pytest.fixture
def web_port() -> Iterator[int]:
    """The port of a server that speaks HTTP, as a dashboard does."""
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_a_port_that_is_no_schedulers_is_told_soon(
    book: LittleBook, web_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.add("01_a", "k = 1")
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 1)
    for protocol in ("tcp", "http"):
        with pytest.raises(CourseError, match=f"no Dask scheduler answers at {protocol}://127"):
            notebooks.run(cluster=f"{protocol}://127.0.0.1:{web_port}")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "x",
        "1",
        "x y",
        "tcp://127.0.0.1:1",
        "tls://127.0.0.1:1",
        "ucx://127.0.0.1:1",
        "inproc://a",
    ],
)
def test_an_address_that_is_none_is_told(
    book: LittleBook, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    book.add("01_a", "k = 1")
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 1)
    with pytest.raises(CourseError, match=f"no Dask scheduler answers at {address}"):
        notebooks.run(cluster=address)


def test_a_scheduler_without_a_worker_is_told(
    book: LittleBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.add("01_a", "k = 1")
    monkeypatch.setattr(cluster, "WORKER_SECONDS", 0.2)
    how = {
        "processes": False,
        "protocol": "tcp",
        "host": "127.0.0.1",
        "dashboard_address": "127.0.0.1:0",
    }
    with (
        LocalCluster(n_workers=0, **how) as local,
        pytest.raises(CourseError, match=r"no worker for 0\.2 s; start one"),
    ):
        notebooks.run(cluster=local.scheduler_address)


def test_a_worker_without_the_package_or_with_another_version_is_named(
    book: LittleBook, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.add("01_a", "k = 1")
    monkeypatch.setattr(cluster, "__version__", "9")
    with pytest.raises(CourseError, match=r"expected vaecourse 9 at each worker, got .* at tcp:"):
        notebooks.run(cluster=address)
    monkeypatch.setattr(cluster, "NEEDED", ("nosuchpackage:x",))
    with pytest.raises(CourseError, match=r"the worker tcp:.* lacks nosuchpackage: No module"):
        notebooks.run(cluster=address)
