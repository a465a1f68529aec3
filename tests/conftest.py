"""A book of small chapters, for the tests of what runs, verifies and renders one; a browser."""

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
import torch
from filelock import FileLock
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from vaecourse import browsing, explorer, notebooks
from vaecourse.notebooks.book import PACKAGE
from vaecourse.notebooks.icons import pages as all_pages

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from vaecourse.classroom.warm import WarmJail


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Every page of the real book, but for the first, which only leads to the introduction.

    Rendered once, also where several processes share the tests.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    html = shared / "rendered" / "_build" / "html"
    with FileLock(shared / "rendered.lock"):
        if not html.exists():
            notebooks.render(Path(__file__).parents[1] / "book", shared / "rendered")
    apart = (html / "index.html", html / "404.html")
    return [path for path in all_pages(html) if path not in apart]


class LittleBook:
    """A book folder; a chapter is given by its code cells, the first taking the parameters."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "_toc.yml").write_text("format: jb-book\nroot: intro\nchapters:\n")
        (folder / "intro.md").write_text("# A little book\n")

    def add(self, name: str, *sources: str, checked: bool = True, **metadata: Any) -> Path:
        cells = [new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(sources)]
        cells[0].metadata["tags"] = ["parameters"]
        if checked:
            cells[-1].metadata["tags"] = [*cells[-1].metadata.get("tags", []), "nbval-check-output"]
        title = new_markdown_cell(f"# {name}\n\n$x^2$", id="title")
        nb = new_notebook(cells=[title, *cells], metadata={"vaecourse": metadata})
        path = self.folder / f"{name}.ipynb"
        nbformat.write(nb, path)
        with (self.folder / "_toc.yml").open("a") as toc:
            toc.write(f"  - file: {name}\n")
        return path


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LittleBook:
    monkeypatch.chdir(tmp_path)
    return LittleBook(tmp_path / "book")


@pytest.fixture
def real_book(book: LittleBook) -> LittleBook:
    """A little book with the settings of the real one."""
    project = Path(__file__).parents[1] / "book"
    shutil.copy(project / "_config.yml", book.folder)
    shutil.copy(project / "references.bib", book.folder)
    shutil.copytree(project / "_static", book.folder / "_static")
    return book


def outputs(path: Path) -> list[str]:
    """The text of each code cell's outputs in a notebook file."""
    nb: NotebookNode = nbformat.read(path, as_version=4)
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    return ["".join(o.get("text", "") for o in cell.outputs) for cell in cells]


def mark_fresh(path: Path, package: Path = PACKAGE) -> None:
    """Store a notebook as if it had just been run."""
    nb = notebooks.read(path)
    for cell in notebooks.code_cells(nb):
        cell.execution_count = 1
    nb.metadata["vaecourse"]["fingerprint"] = notebooks.fingerprint(nb, package)
    notebooks.write(notebooks.normalise(nb), path)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def stream(text: str, name: str = "stdout") -> NotebookNode:
    return new_output("stream", name=name, text=text)


Opener = Callable[..., "Page"]


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    if not browsing.find_browser():
        pytest.skip("there is no Chromium, Chrome or Edge on this machine")
    with browsing.browser() as browser:
        yield browser


@pytest.fixture
def on_page() -> Iterator[explorer.Page]:
    """Explorers of a test stand on a page that has none yet."""
    torch.manual_seed(0)
    page = explorer.Page()
    with explorer.shown_on(page):
        yield page


@pytest.fixture
def opened(chromium: "Browser", tmp_path: Path) -> Iterator[Opener]:
    """Opens a page of explorers (or of plain HTML); at the end, no page may have complained."""
    faults: list[str] = []
    pages = []

    def opener(*shown: Any, width: int = 900, **options: Any) -> "Page":
        page = chromium.new_page(viewport={"width": width, "height": 1000}, **options)
        pages.append(page)
        page.on("console", lambda m: m.type == "error" and faults.append(m.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        body = [s if isinstance(s, str) else s._repr_mimebundle_()["text/html"] for s in shown]
        file = tmp_path / f"{len(pages)}.html"
        file.write_text("<!doctype html><meta charset=utf-8>" + "<hr>".join(body), "utf-8")
        faults.extend(browsing.open_page(page, file))
        return page

    yield opener
    for page in pages:
        page.close()
    assert not faults


def settle(page: "Page") -> None:
    """Wait until every explorer moves and has drawn what was asked for: a page's own networks
    answer before the next frame, to which the browser may put off the move of a mouse."""
    page.wait_for_function(
        "[...document.querySelectorAll('.vaecourse-explorer')]"
        ".every((one) => one.matches('.vc-mounted'))"
    )
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder that does not exist yet."""
    folder = tmp_path / "root"
    monkeypatch.setenv("VAECOURSE_DATA", str(folder))
    return folder


def files(folder: Path) -> set[str]:
    """The names of the files below a folder, locks left out."""
    return {p.name for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock"}


def raiser(number: int) -> Callable[..., None]:
    """A function that fails as the system does, whatever it is given."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def not_called(*_: object, **__: object) -> None:
    raise AssertionError("this was not to be called")


@pytest.fixture(scope="session")
def warm_jail() -> Iterator["WarmJail"]:
    """A jail that has imported torch and the course: it serves one kernel after the other."""
    from vaecourse.classroom.jail import isolation
    from vaecourse.classroom.warm import WarmJail

    level, why = isolation()
    if level == "none":
        pytest.skip(f"no jail on this machine: {why}")
    jail = WarmJail()
    yield jail
    jail.end()


class Mirror:
    """A server of a folder's files; `asked` is what it was asked for, `hinder` may refuse it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.hinder: Callable[[SimpleHTTPRequestHandler], bool] = lambda request: False
        mirror = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.asked.append(self.path.rpartition("/")[2])
                if not mirror.hinder(self):
                    super().do_GET()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
        self.address = f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that pooch would have waited before trying again."""
    seconds: list[float] = []
    monkeypatch.setattr("pooch.core.time", SimpleNamespace(sleep=seconds.append))
    return seconds


@pytest.fixture
def mirror(
    tmp_path: Path, data_folder: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Mirror]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "mirror").mkdir()
    mirror = Mirror(tmp_path / "mirror")
    thread = threading.Thread(target=mirror.server.serve_forever, args=(0.01,))
    thread.start()
    yield mirror
    mirror.server.shutdown()
    mirror.server.server_close()
    thread.join()


@pytest.fixture
def nowhere() -> str:
    """An address that nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/"
