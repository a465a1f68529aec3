"""A real chapter in a real JupyterLab: run all of it, move an explorer, see the picture change."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

from vaecourse import browsing

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.skipif(
    not browsing.find_browser(), reason="there is no Chromium, Chrome or Edge on this machine"
)
CHAPTER = "04_variational_autoencoders.ipynb"
BOOK = Path(__file__).parents[1] / "book"
MINUTE = 60_000


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """The address of a JupyterLab over a copy of the chapter, with a training of four epochs."""
    nb = nbformat.read(BOOK / CHAPTER, as_version=4)
    for cell in nb.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source, changed = re.subn(r"num_epochs = \d+", "num_epochs = 4", cell.source)
            assert changed == 1
    nbformat.write(nb, tmp_path / CHAPTER)
    shutil.copytree(BOOK / "results", tmp_path / "results")
    with browsing.jupyterlab(tmp_path) as address:
        yield f"{address}{CHAPTER}?token=test"


INK = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, 28, 28);
  return Array.from(data).filter((_, i) => i % 4 === 0);
}"""


def test_a_chapter_run_whole_in_jupyterlab_has_an_explorer_that_moves(
    lab: str, chromium: "Browser"
) -> None:
    page = chromium.new_page(viewport={"width": 1300, "height": 1000})
    page.goto(lab)
    page.wait_for_selector(".jp-Notebook", timeout=2 * MINUTE)
    # before its kernel has answered, "Run" would ask which kernel to take
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=2 * MINUTE)
    page.wait_for_timeout(2000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    pad = page.locator(".vc-plane").first
    pad.wait_for(timeout=4 * MINUTE)
    pad.scroll_into_view_if_needed()
    picture = page.locator(".jp-OutputArea .vc-panel .vc-picture").first
    for _ in range(240):  # the kernel answers when it has run the other cells
        before = picture.evaluate(INK)
        if max(before) > 100:
            break
        page.wait_for_timeout(500)
    else:
        pytest.fail("no picture has come from the kernel")
    box = pad.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.4 * box["height"], steps=40)
    page.mouse.up()
    page.wait_for_timeout(1000)
    dragged = picture.evaluate(INK)
    assert sum(abs(a - b) for a, b in zip(before, dragged, strict=True)) > 5000
    pad.press("ArrowLeft")
    page.wait_for_timeout(1000)
    assert picture.evaluate(INK) != dragged
    assert page.locator(".vc-message").first.inner_text() == ""
    assert not page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').count()
    page.close()
