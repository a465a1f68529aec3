"""Pages in a real browser, with the network cut; and a real JupyterLab for it to open."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecourse.errors import CourseError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)


def outside_requests(html: Path) -> list[str]:
    """Open every page with the network cut; a line "page: address" for each thing it asks for.

    Raises CourseError where there is no browser.
    """
    found: list[str] = []
    with browser() as chromium:
        for file in sorted(html.glob("*.html")):
            page = chromium.new_page()
            found += [f"{file.name}: {address}" for address in open_page(page, file)]
            page.close()
    return found


def open_page(page: "Page", file: Path) -> list[str]:
    """Open a page, wait for its maths, and give the outside addresses it asked for in vain."""
    outside: list[str] = []

    def cut(route: Any) -> None:
        if route.request.url.startswith(("file:", "data:", "blob:")):
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    page.route("**/*", cut)
    page.goto(file.absolute().as_uri())
    page.wait_for_function(
        "() => window.MathJax ? window.MathJax.startup?.promise?.then(() => true) : true"
    )
    return outside


def find_browser() -> str | None:
    """The path of a Chromium, Chrome or Edge on this machine, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextmanager
def browser() -> Iterator["Browser"]:
    """A headless Chromium that asks for nothing by itself. Raises CourseError without one."""
    executable = find_browser()
    if executable is None:
        raise CourseError("there is no Chromium, Chrome or Edge; install one (apt: chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise CourseError("a browser needs playwright; try: pip install playwright") from None
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    quiet += ["--no-first-run", "--disable-gpu", "--disable-quic"]
    with sync_playwright() as playwright:
        # root has no sandbox, and the only pages are our own, with the network cut
        chromium = playwright.chromium.launch(
            executable_path=executable, args=[*quiet, "--no-sandbox"]
        )
        yield chromium
        chromium.close()


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """The address, ending in "/lab/tree/", of a JupyterLab over `folder`, which keeps its settings.

    Its token is "test". All cells of a notebook are on the page, not only those in the window.
    """
    settings = folder / "jupyter"
    tracker = settings / "lab" / "@jupyterlab" / "notebook-extension"
    tracker.mkdir(parents=True)
    (tracker / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1"]
    command += ["--IdentityProvider.token=test", f"--ServerApp.root_dir={folder}"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    hidden = {"VAECOURSE_STATIC", "TQDM_DISABLE"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    environment |= {"JUPYTER_CONFIG_DIR": str(settings), "OMP_WAIT_POLICY": "PASSIVE"}
    environment |= {"JUPYTERLAB_SETTINGS_DIR": str(settings / "lab")}
    log = folder / "server.log"
    with log.open("w") as told:
        server = subprocess.Popen(command, env=environment, stdout=told, stderr=told)
    try:
        for _ in range(600):
            if server.poll() is not None:
                raise CourseError(f"JupyterLab did not start:\n{log.read_text()}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        else:
            raise CourseError(f"JupyterLab does not answer after a minute:\n{log.read_text()}")
        yield f"http://127.0.0.1:{port}/lab/tree/"
    finally:
        server.terminate()
        server.wait(30)


def run_in_jupyterlab(page: "Page", address: str) -> None:
    """Open a notebook in a JupyterLab and start all its cells; `address` is without the token."""
    two_minutes = 120_000
    page.goto(f"{address}?token=test")
    # before its kernel has answered, "Run" would ask which kernel to take
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=two_minutes)
    page.wait_for_timeout(2000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
