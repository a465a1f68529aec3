"""The rendered book, seen by a browser that has no network."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vaecourse import notebooks

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.skipif(
    not notebooks.find_browser(), reason="there is no Chromium, Chrome or Edge on this machine"
)
BOOK = Path(__file__).parents[1] / "book"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Every page of the real book, but for the first, which only leads to the introduction."""
    index = notebooks.render(BOOK, tmp_path_factory.mktemp("rendered"))
    return sorted(path for path in index.parent.glob("*.html") if path != index)


# What is wrong with the page that is open, as a list of sentences.
FAULTS = """() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const faults = [];
  if (document.documentElement.scrollWidth > innerWidth)
    faults.push(`is ${document.documentElement.scrollWidth} px wide in ${innerWidth}`);
  for (const image of document.images) {
    if (!image.alt.trim()) faults.push(`has an image without alt text: ${image.src.slice(-60)}`);
    if (!image.naturalWidth) faults.push(`has a broken image: ${image.src.slice(-60)}`);
  }
  for (const maths of all(".math"))
    if (!maths.querySelector("mjx-container")) faults.push(`shows raw maths: ${maths.innerText}`);
  // an unknown macro is no error to MathJax, it is red
  for (const error of all("mjx-merror, mjx-mtext[style*='color: red']"))
    faults.push(`has maths that fails: ${error.closest("mjx-container").textContent}`);
  return faults;
}"""


def look(page: "Page", path: Path, scheme: str) -> list[str]:
    faults: list[str] = []
    page.on("console", lambda m: m.type == "error" and faults.append(f"logs an error: {m.text}"))
    page.on("pageerror", lambda error: faults.append(f"raises {error}"))
    faults += [f"asks for {address}" for address in notebooks.open_page(page, path)]
    if page.evaluate("document.documentElement.dataset.theme") != scheme:
        faults.append(f"is not {scheme}")
    return faults + page.evaluate(FAULTS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_whole_at_every_width_by_day_and_by_night(
    pages: list[Path], chromium: "Browser", width: int, scheme: str
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    found = []
    for path in pages:
        page = context.new_page()
        found += [f"{path.name} {fault}" for fault in look(page, path, scheme)]
        page.close()
    context.close()
    assert not found


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<p style='width: 1000px'>wide", "is 10.. px wide in 390"),
        ("<img src='data:,'>", "without alt text"),
        ("<img alt='a' src='no-such.png'>", "broken image"),
        ("<span class=math>\\(x\\)</span>", "raw maths"),
        ("<mjx-container><mjx-merror>x</mjx-merror></mjx-container>", "maths that fails"),
        ("<script>console.error('oh')</script>", "logs an error: oh"),
        ("<script>throw Error('oh')</script>", "raises .*oh"),
        ("<img alt='a' src='https://example.org/x.png'>", "asks for https://example.org/x.png"),
        ("", "is not light"),
    ],
)
def test_a_faulty_page_is_found_out(
    chromium: "Browser", tmp_path: Path, body: str, fault: str
) -> None:
    page = chromium.new_page(viewport={"width": 390, "height": 900})
    (tmp_path / "page.html").write_text(f"<!doctype html>{body}")
    assert re.search(fault, "; ".join(look(page, tmp_path / "page.html", "light")))
    page.close()
