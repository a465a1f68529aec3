"""The rendered book as a screen reader and a keyboard use it, and where its links lead. That axe
finds no fault in any page is part of `test_browser.py`, which has them all open."""

from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import axe
import pytest

from vaecourse import browsing
from vaecourse.notebooks.icons import pages as all_pages

if TYPE_CHECKING:
    from playwright.sync_api import Browser

needs_browser = pytest.mark.skipif(
    not browsing.find_browser(), reason="there is no Chromium, Chrome or Edge on this machine"
)
WHOLE = "<!doctype html><html lang=en><title>A page</title><main><h1 id=top>A page</h1>{}</main>"


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_a_chapter_and_its_code_can_be_read_by_day_and_by_night(
    pages: list[Path], chromium: "Browser", scheme: str
) -> None:
    chapter = next(path for path in pages if path.name.startswith("04"))
    page = chromium.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    browsing.open_page(page, chapter)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert not axe.pale_code(page)
    assert not axe.faults(page)
    page.close()


@needs_browser
@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<button aria-label='Open'>Show the code</button>", "label-content-name-mismatch"),
        ("</main><p>Outside of everything", "region"),
        ("<div role=list><div role=doc-biblioentry>A paper</div></div>", "aria"),
        ("<p style='color: #aaa'>Pale", "color-contrast"),
        ("<canvas role=img></canvas>", "role-img-alt"),
        ("<div class=highlight><pre><span style='color: #aaa'>x</span></pre></div>", ""),
    ],
)
def test_what_axe_forbids_is_found(
    chromium: "Browser", tmp_path: Path, body: str, fault: str
) -> None:
    page = chromium.new_page()
    (tmp_path / "page.html").write_text(WHOLE.format(body))
    browsing.open_page(page, tmp_path / "page.html")
    found = "; ".join(axe.faults(page))
    assert fault in found if fault else not found
    page.close()


@needs_browser
def test_pale_code_is_found(chromium: "Browser", tmp_path: Path) -> None:
    code = "<span class=a>for</span> <span class=b style='color: #aaa'>each</span>"
    page = chromium.new_page()
    (tmp_path / "page.html").write_text(WHOLE.format(f"<pre class=highlight>{code}</pre>"))
    browsing.open_page(page, tmp_path / "page.html")
    (found,) = axe.pale_code(page)
    assert 'class="b"' in found
    page.close()


# -- links -------------------------------------------------------------------------------------


class Links(HTMLParser):
    """The links of a page, and the anchors to which links may lead."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors = {"", "top"}  # the page itself, to every browser
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.anchors.add(value or "")
            elif name == "href" and tag in ("a", "area"):
                self.links.add(value or "")


def dead_links(html: Path) -> list[str]:
    """The links between the pages in a folder, or to its other files, that lead nowhere."""
    pages = {path: Links(path) for path in all_pages(html.resolve())}
    dead = []
    for path, page in sorted(pages.items()):
        name = path.relative_to(html.resolve()).as_posix()
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_relative_to(html.resolve()) or not target.is_file():
                dead.append(f"{name} leads to no page or file of the book: {link}")
            elif target in pages and unquote(parts.fragment) not in pages[target].anchors:
                dead.append(f"{name} leads to no anchor: {link}")
    return dead


def test_each_link_within_the_book_leads_somewhere(pages: list[Path]) -> None:
    assert not dead_links(pages[0].parent)


def test_a_dead_link_is_found_and_a_living_one_is_not(tmp_path: Path) -> None:
    html = tmp_path / "html"
    (html / "api").mkdir(parents=True)
    (tmp_path / "outside.html").touch()
    (html / "x y.txt").touch()
    living = "<a href=b.html#top><a href='#'><a href=https://example.org/><a href=x%20y.txt>"
    dead = "<a href=b.html#to><a href=../outside.html><a href=c.html>"
    (html / "a.html").write_text(WHOLE.format(living + dead))
    (html / "b.html").write_text(WHOLE.format("<a href='#gone'><a href=a.html><p id=there>"))
    below = "<a href=../b.html#there><a href=b.html><a href=../api/c.html>"
    (html / "api" / "c.html").write_text(WHOLE.format(below))
    assert dead_links(html) == [
        "a.html leads to no page or file of the book: ../outside.html",
        "a.html leads to no anchor: b.html#to",
        "a.html leads to no page or file of the book: c.html",
        "api/c.html leads to no page or file of the book: b.html",
        "b.html leads to no anchor: #gone",
    ]


# -- on paper ----------------------------------------------------------------------------------

PRINTED = """() => ({
  cut: [...document.querySelectorAll(".bd-article pre, .bd-article mjx-container[display='true']")]
    .filter((one) => one.scrollWidth > one.clientWidth + 1).length,
  closed: document.querySelectorAll("details:not([open])").length,
  theme: document.documentElement.dataset.theme,
})"""


@needs_browser
def test_a_page_read_by_night_is_printed_light_open_and_whole_and_is_dark_again(
    pages: list[Path], chromium: "Browser"
) -> None:
    chapter = next(path for path in pages if path.name.startswith("04"))
    page = chromium.new_page(viewport={"width": 700, "height": 990}, color_scheme="dark")
    browsing.open_page(page, chapter)
    before = page.evaluate(PRINTED)
    assert before["theme"] == "dark"
    assert before["closed"]
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(PRINTED) == {"cut": 0, "closed": 0, "theme": "light"}
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    after = page.evaluate(PRINTED)
    assert (after["theme"], after["closed"]) == (before["theme"], before["closed"])
    page.close()
