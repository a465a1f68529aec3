"""A real chapter in a real JupyterLab: run all of it, move an explorer, see the picture change."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from lab import jupyterlab, run_all_cells, write_notebook
from nbconvert import HTMLExporter

from vaecourse import browsing
from vaecourse.classroom.checking import check_notebook

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.skipif(
    not browsing.find_browser(), reason="there is no Chromium, Chrome or Edge on this machine"
)
CHAPTER = "04_variational_autoencoders.ipynb"
BOOK = Path(__file__).parents[1] / "book"
MINUTE = 60_000


@pytest.fixture
def page(chromium: "Browser") -> Iterator["Page"]:
    page = chromium.new_page(viewport={"width": 1300, "height": 1000})
    yield page
    page.close()


INK = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, 28, 28);
  return Array.from(data).filter((_, i) => i % 4 === 0);
}"""
DISTANCE = (
    f"([canvas, before]) => ({INK})(canvas).reduce((s, v, i) => s + Math.abs(v - before[i]), 0)"
)


def wait_until_it_differs(picture: "Locator", before: list[int], by: int = 0) -> list[int]:
    """What the picture shows when its levels, summed over pixels, differ by more than `by`."""
    canvas = picture.element_handle()
    picture.page.wait_for_function(
        f"(known) => ({DISTANCE})(known) > {by}", arg=[canvas, before], timeout=MINUTE
    )
    return picture.evaluate(INK)


def drag(page: "Page", pad: "Locator") -> None:
    """From left to right over the latent plane."""
    box = pad.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.4 * box["height"], steps=40)
    page.mouse.up()


def test_a_chapter_run_whole_in_jupyterlab_has_an_explorer_that_moves(
    tmp_path: Path, page: "Page"
) -> None:
    nb = nbformat.read(BOOK / CHAPTER, as_version=4)
    for cell in nb.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source, changed = re.subn(r"num_epochs = \d+", "num_epochs = 4", cell.source)
            assert changed == 1
    nbformat.write(nb, tmp_path / CHAPTER)
    shutil.copytree(BOOK / "results", tmp_path / "results")
    with jupyterlab(tmp_path) as address:
        run_all_cells(page, address + CHAPTER)
        pad = page.locator(".vc-plane").first
        pad.wait_for(timeout=4 * MINUTE)
        pad.scroll_into_view_if_needed()
        picture = page.locator(".jp-OutputArea .vc-panel .vc-picture").first
        # the kernel answers when it has run the other cells
        first = wait_until_it_differs(picture, [0] * 784, by=100)
        pad.press("ArrowLeft")
        stepped = wait_until_it_differs(picture, first)
        drag(page, pad)
        wait_until_it_differs(picture, stepped, by=5000)
        assert page.locator(".vc-message").first.inner_text() == ""
        assert not page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').count()


MORTAL = """\
import os
from vaecourse import explorer
from vaecourse.networks import MLPDecoder, MLPEncoder
from vaecourse.vae import VAE

class Mortal(VAE):
    def decode(self, z):
        if len(z) == 1 and z.max() > 1:
            os._exit(1)
        return super().decode(z)

explorer.explore(Mortal(MLPEncoder(4), MLPDecoder(2)))"""


def test_a_kernel_that_dies_in_the_middle_of_a_drag_is_told(tmp_path: Path, page: "Page") -> None:
    write_notebook(tmp_path / "mortal.ipynb", MORTAL)
    with jupyterlab(tmp_path) as address:
        run_all_cells(page, f"{address}mortal.ipynb")
        pad = page.locator(".vc-plane")
        pad.wait_for(timeout=MINUTE)
        wait_until_it_differs(page.locator(".vc-panel .vc-picture"), [0] * 784)
        assert page.locator(".vc-message").inner_text() == ""
        drag(page, pad)
        silence = page.get_by_text("the kernel does not answer: it is busy, or has ended")
        silence.wait_for(timeout=MINUTE)


TRAINED = """\
from vaecourse import data, explorer, networks, training, vae
x, y = data.load("digits", "test")
model = vae.VAE(networks.MLPEncoder(4), networks.MLPDecoder(2))
training.fit(model, x, num_epochs=1)
explorer.explore(model, x=x, y=y)"""
RESTART = "() => jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()"


def test_an_explorer_and_a_bar_that_were_saved_show_something_true_without_their_kernel(
    tmp_path: Path, page: "Page"
) -> None:
    write_notebook(tmp_path / "trained.ipynb", TRAINED)
    with jupyterlab(tmp_path) as address:
        run_all_cells(page, f"{address}trained.ipynb")
        explorers = page.locator(".vaecourse-explorer:visible")
        live = page.locator(".vaecourse-explorer:not([data-widget])")
        live.locator(".vc-picture").first.wait_for(timeout=MINUTE)
        assert explorers.count() == 1  # what is kept for later is hidden
        page.keyboard.press("Control+s")
        page.locator(".jp-mod-dirty").wait_for(state="detached", timeout=MINUTE)
        page.evaluate(RESTART)
        page.wait_for_timeout(500)
        live.locator(".vc-plane").press("ArrowLeft")
        live.get_by_text("run this cell again").wait_for(timeout=MINUTE)
        page.goto(f"{address}trained.ipynb?token=test&reset")
        kept = page.locator(".vaecourse-explorer.vc-mounted")
        kept.locator(".vc-plane").wait_for(timeout=MINUTE)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=MINUTE)
        page.get_by_text("Error displaying widget").wait_for(state="hidden", timeout=MINUTE)
        before = kept.locator(".vc-picture").first.evaluate(INK)
        kept.locator(".vc-plane").press("ArrowLeft")
        wait_until_it_differs(kept.locator(".vc-picture").first, before)
        assert page.locator(".vaecourse-explorer:visible").count() == 1
    stored = (tmp_path / "trained.ipynb").read_text(encoding="utf-8")
    html, _ = HTMLExporter().from_notebook_node(nbformat.reads(stored, as_version=4))
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    page.goto((tmp_path / "page.html").as_uri())
    page.locator(".vaecourse-explorer.vc-mounted .vc-plane").wait_for(timeout=MINUTE)
    assert "<vaecourse" not in html
    assert "Live(" not in html


ASSIGNMENT = "a2-vae-by-hand.ipynb"
HALVED = """\
# Answer to a2.3
def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    return 0.25 * (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1)"""


def run_cell(page: "Page", text: str, source: str | None = None) -> "Locator":
    """Click on the code cell that holds a text, write a source into it if there is one, run it."""
    cell = page.locator(".jp-CodeCell", has=page.locator(".cm-content", has_text=text)).first
    cell.locator(".cm-content").click()
    if source:
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(source)
    page.keyboard.press("Control+Enter")
    return cell


def test_a_student_is_told_of_a_wrong_answer_mends_it_and_passes(
    tmp_path: Path, page: "Page"
) -> None:
    shutil.copy(BOOK.parent / "assignments" / ASSIGNMENT, tmp_path)
    with jupyterlab(tmp_path) as address:
        page.goto(f"{address}{ASSIGNMENT}?token=test")
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=2 * MINUTE)
        run_cell(page, "from vaecourse.classroom import check")
        for source, said in (
            (None, "a2.3  0 of 12 points: not answered yet"),
            (HALVED, "a2.3  0 of 12 points: wrong. "),
            (HALVED.replace("0.25", "0.5"), "a2.3  12 of 12 points: right"),
        ):
            run_cell(page, "def gaussian_kl", source)
            checked = run_cell(page, 'check("a2.3"')
            checked.get_by_text(said).wait_for(timeout=MINUTE)
            if source == HALVED:
                page.screenshot(path=tmp_path / "wrong.png")
        page.keyboard.press("Control+s")
        page.locator(".jp-mod-dirty").wait_for(state="detached", timeout=MINUTE)
    report = check_notebook(tmp_path / ASSIGNMENT)
    assert [v.status for v in report.verdicts if v.name == "a2.3"] == ["right"]
    assert report.findings == ()
