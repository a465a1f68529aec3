"""A real JupyterLab for a browser to open: for the tests, and for `benchmarks.explorers`."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

from vaecourse.errors import CourseError

if TYPE_CHECKING:
    from playwright.sync_api import Page

TWO_MINUTES = 120_000  # milliseconds

# every cell of the notebook that is open, once its kernel is there to take them
RUN_ALL = """async () => {
  const { commands, shell } = window.jupyterapp;
  await shell.currentWidget.context.sessionContext.ready;
  commands.execute("notebook:run-all-cells");
}"""


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """The address, ending in "/lab/tree/", of a JupyterLab over `folder`, which keeps its settings.

    Its token is "test". All cells of a notebook are on the page, not only those in the window.
    """
    settings = folder / "jupyter"
    tracker = settings / "lab" / "@jupyterlab" / "notebook-extension"
    tracker.mkdir(parents=True)
    (tracker / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    port = _free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1"]
    command += ["--IdentityProvider.token=test", f"--ServerApp.root_dir={folder}"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    command += ["--LabApp.expose_app_in_browser=True"]
    hidden = {"VAECOURSE_STATIC", "TQDM_DISABLE"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    environment |= {"JUPYTER_CONFIG_DIR": str(settings)}
    environment |= {"JUPYTERLAB_SETTINGS_DIR": str(settings / "lab")}
    log = folder / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        _wait_until_it_answers(server, port, log)
        yield f"http://127.0.0.1:{port}/lab/tree/"
    finally:
        server.terminate()
        server.wait(30)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _wait_until_it_answers(server: subprocess.Popen, port: int, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if server.poll() is not None:
            raise CourseError(f"JupyterLab did not start:\n{log.read_text()}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise CourseError(f"JupyterLab does not answer after a minute:\n{log.read_text()}")


def write_notebook(path: Path, source: str) -> None:
    """A notebook of one code cell."""
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    nbformat.write(nb, path)


def run_all_cells(page: "Page", address: str) -> None:
    """Open a notebook in a JupyterLab and start all its cells; `address` is without the token."""
    page.goto(f"{address}?token=test")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=TWO_MINUTES)
    page.evaluate(RUN_ALL)
