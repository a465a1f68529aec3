"""Milliseconds of the explorers in a real browser: `python -m benchmarks.explorers`.

On a page without a kernel: from opening it to its first picture, and from a move to the picture,
which is one frame's work. In JupyterLab: from a move to the picture that the kernel decoded.
"""

import json
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from tests.lab import jupyterlab, run_all_cells, write_notebook
from vaecourse import explorer, notebooks, pretrained
from vaecourse.browsing import browser, open_page
from vaecourse.provenance import commit, processor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MODELS = ("mnist-mlp-2d", "mnist-conv-2d", "mnist-conv3-2d")
MOVES = 40

# the time, since the page was opened, at which an explorer had decoded its first picture
FIRST_PICTURE = """() => new Promise((done) => {
  const look = () => {
    const decoded = document.querySelectorAll(
      ".vc-mounted :is(.vc-row, .vc-holed) > .vc-figure > .vc-picture");
    if ([...decoded].some((canvas) => canvas.pixels)) done(performance.now());
    else requestAnimationFrame(look);
  };
  look();
})"""

# moves the explorer's slider, one move after another has been drawn; the milliseconds of each
MOVE = """async (moves) => {
  const box = [...document.querySelectorAll(".vc-panel")].find((b) => b.offsetParent);
  const canvas = box.querySelector(".vc-row .vc-picture");
  const slider = box.querySelector("input[type=range]");
  const show = canvas.show;
  const times = [];
  for (let i = 0; i < moves; i++) {
    const shown = new Promise((done) => {
      canvas.show = (pixels) => { show(pixels); done(performance.now()); };
    });
    const start = performance.now();
    slider.value = i % 2 ? 1 : -1;
    slider.dispatchEvent(new Event("input"));
    times.push((await shown) - start);
    await new Promise(requestAnimationFrame);
  }
  canvas.show = show;
  return times;
}"""


def summary(name: str, times: list[float]) -> dict[str, float]:
    """The median and the slowest but one in twenty, in milliseconds; printed."""
    times = sorted(times)
    found = {
        "median_ms": round(statistics.median(times), 1),
        "p95_ms": round(times[int(0.95 * (len(times) - 1))], 1),
    }
    click.echo(f"{name:44}{found['median_ms']:9.1f}{found['p95_ms']:9.1f}")
    return found


def of_the_book(chromium: "Browser", folder: Path, opened: int) -> dict[str, dict]:
    """From opening a chapter to the first picture of its explorers, in a fresh window each time."""
    html = notebooks.render(notebooks.book_folder(), folder).parent
    found = {}
    for path in sorted(html.glob("*.html")):
        if "data-later" not in path.read_text(encoding="utf-8"):
            continue  # nothing is decoded there
        times = []
        for _ in range(opened):
            page = chromium.new_context().new_page()
            page.goto(path.absolute().as_uri(), wait_until="commit")
            times.append(page.evaluate(FIRST_PICTURE))
            page.context.close()
        found[path.stem] = summary(f"first picture, {path.stem}", times)
    return found


def on_a_page(chromium: "Browser", folder: Path, name: str) -> dict[str, float]:
    with explorer.shown_on(explorer.Page()):
        shown = explorer.explore(pretrained.load(name))._repr_mimebundle_()["text/html"]
    file = folder / "page.html"
    file.write_text(f"<!doctype html><meta charset=utf-8>{shown}", encoding="utf-8")
    page = chromium.new_page()
    open_page(page, file)
    page.wait_for_selector(".vc-mounted")
    times = page.evaluate(MOVE, MOVES)
    page.close()
    return summary(f"move to picture on the page, {name}", times)


@contextmanager
def notebook_with(folder: Path, name: str, chromium: "Browser") -> Iterator["Page"]:
    """A page of JupyterLab with a notebook that has run, its explorer in sight."""
    source = (
        f"from vaecourse import explorer, pretrained\nexplorer.explore(pretrained.load({name!r}))"
    )
    write_notebook(folder / "live.ipynb", source)
    with jupyterlab(folder) as address:
        page = chromium.new_page()
        page.set_default_timeout(120_000)
        run_all_cells(page, f"{address}live.ipynb")
        page.wait_for_function("document.querySelector('.vc-picture')?.pixels")
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        yield page
        page.close()


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="A JSON file for all figures.")
def main(out: Path | None) -> None:
    """Print and keep what a reader waits for, in milliseconds."""
    found: dict[str, dict] = {"page": {}, "live": {}}
    click.echo(f"{'':44}{'median':>9}{'95 %':>9}")
    with browser() as chromium:
        with TemporaryDirectory() as folder:
            found["first_picture"] = of_the_book(chromium, Path(folder), 5)
            for name in MODELS:
                found["page"][name] = on_a_page(chromium, Path(folder), name)
        for name in MODELS:
            with (
                TemporaryDirectory(ignore_cleanup_errors=True) as folder,
                notebook_with(Path(folder), name, chromium) as page,
            ):
                times = page.evaluate(MOVE, MOVES)
                found["live"][name] = summary(f"move to picture in JupyterLab, {name}", times)
        version = chromium.version
    if out:
        made = {
            "commit": commit(),
            "device": processor(),
            "chromium": version,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        out.write_text(json.dumps(made | found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
