"""The search: in sections, in either spelling, on pages that were opened as files."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import LittleBook, edit, mark_fresh
from docutils.core import publish_doctree

from vaecourse import browsing, notebooks
from vaecourse.notebooks.sections import script, sections_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

needs_browser = pytest.mark.skipif(
    not browsing.find_browser(), reason="there is no Chromium, Chrome or Edge on this machine"
)
CHAPTER = (
    "# Top\\n\\nA grey text.\\n\\n## Reparameterization\\n\\nThe colour of <b>chance</b>."
    "\\n\\n## Far below\\n\\nNormalising comes last, with $x^2$ and `colour_map`."
)


def test_each_text_belongs_to_its_own_section_and_formulas_to_none() -> None:
    tree = publish_doctree(
        "One\n===\n\nalpha :math:`x^2`\n\nTwo\n---\n\nbeta\n\nTwo b\n-----\n\ngamma",
        settings_overrides={"doctitle_xform": False},
    )
    found = sections_of("page", tree)
    texts = [one["text"] for one in found]
    assert "alpha" in " ".join(texts)
    assert "x^2" not in " ".join(texts)
    assert [sum(word in text for text in texts) for word in ("alpha", "beta", "gamma")] == [1, 1, 1]


def test_no_text_of_the_book_ends_the_script() -> None:
    text = "</script><script>alert(1)"
    code = script([{"page": "a", "anchor": "", "chapter": "", "title": "", "text": text}])
    assert code.startswith("globalThis.vaecourseSections = [")
    assert code.count("\n") == 1


@pytest.fixture
def html(real_book: LittleBook) -> Path:
    path = real_book.add("01_top", "print(1)")
    mark_fresh(path)
    edit(path, "# 01_top", CHAPTER)
    return notebooks.build().parent


def found(page: "Page", html: Path, query: str) -> dict[str, str]:
    """Where the results lead, and what stands below them."""
    page.goto(f"{(html / 'search.html').as_uri()}?q={query}")
    page.wait_for_function("document.querySelector('.search-summary')?.textContent")
    links = page.locator("ul.search li a").all()
    texts = page.locator("ul.search li p").all_inner_texts()
    places = [str(link.get_attribute("href")) for link in links]
    return dict(zip(places, texts, strict=True))


@needs_browser
def test_a_word_leads_to_its_section_in_either_spelling_and_is_highlighted_there(
    html: Path, chromium: "Browser"
) -> None:
    page = chromium.new_page()
    faults: list[str] = []
    page.on("console", lambda m: m.type == "error" and faults.append(m.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    for query in ("reparametrization", "reparameterisation", "Reparametrisation", "color+chance"):
        assert list(found(page, html, query)) == ["01_top.html#reparameterization"]
    assert list(found(page, html, "gray")) == ["01_top.html"]
    assert found(page, html, "grey+colour") == {}
    below = found(page, html, "normalize")
    assert list(below) == ["01_top.html#far-below"]
    assert "Normalising comes last" in below["01_top.html#far-below"]
    page.locator("ul.search li a").click()
    page.locator("article .highlighted").wait_for()
    assert page.locator("article .highlighted").all_inner_texts() == ["Normalising"]
    page.close()
    assert not faults


@needs_browser
def test_what_is_looked_for_is_only_text(html: Path, chromium: "Browser") -> None:
    page = chromium.new_page()
    assert found(page, html, "%3Cimg src=x onerror=alert(1)%3E chance") == {}
    assert not page.locator(".search-summary img").count()
    assert list(found(page, html, "chance")) == ["01_top.html#reparameterization"]
    page.close()
