"""What a page remembers of its reader, in the reader's own browser; how long it takes to read."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from vaecourse import browsing
from vaecourse.notebooks.reading import WORDS_A_MINUTE, reading_minutes

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

needs_browser = pytest.mark.skipif(
    not browsing.find_browser(), reason="there is no Chromium, Chrome or Edge on this machine"
)
STATIC = Path(__file__).parents[1] / "book" / "_static"
CHAPTER = """<!doctype html><meta name="vaecourse-reading-minutes" content="34">
<script src="progress.js"></script><article class="bd-article"><h1>A chapter</h1>
<p>Time: a minute.</p><div class="cell tag_your-turn">code</div><h2>Quiz</h2>
<p><strong>1. Why?</strong></p>
<details><summary>So</summary><p>Wrong. No.</p></details>
<details><summary>Because</summary><p>Right. Yes.</p></details>
<p><strong>2. When?</strong></p>
<details><summary>Now</summary><p>Right. Yes.</p></details></article>"""
INTRO = """<!doctype html><script src="progress.js"></script><article class="bd-article">
<h1>A book</h1><table><tr><td><a href="chapter.html">1</a></td><td><a href="other.html">2</a></td>
</table></article>"""


@pytest.fixture
def context(chromium: "Browser", tmp_path: Path) -> Iterator["BrowserContext"]:
    (tmp_path / "progress.js").write_text((STATIC / "progress.js").read_text(encoding="utf-8"))
    (tmp_path / "chapter.html").write_text(CHAPTER)
    (tmp_path / "intro.html").write_text(INTRO)
    context = chromium.new_context()
    yield context
    context.close()


def opened(context: "BrowserContext", path: Path) -> "Page":
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.goto(path.as_uri())
    return page


def said(page: "Page") -> str:
    return page.locator(".vc-progress").inner_text()


@needs_browser
def test_what_was_done_is_there_when_the_page_is_opened_again(
    context: "BrowserContext", tmp_path: Path
) -> None:
    page = opened(context, tmp_path / "chapter.html")
    assert "about 34 minutes. Quiz: 0 of 2 answered. Your turn: 0 of 1 done." in said(page)
    page.get_by_text("So").click()  # a wrong choice is no answer
    assert "Quiz: 0 of 2" in said(page)
    page.get_by_text("Because").focus()
    page.keyboard.press("Enter")
    page.get_by_label("I have done this one").check()
    again = opened(context, tmp_path / "chapter.html")
    assert "Quiz: 1 of 2 answered. Your turn: 1 of 1 done." in said(again)
    assert again.locator(".vc-answered").inner_text() == "1. Why?"
    assert again.get_by_label("I have done this one").is_checked()
    first = opened(context, tmp_path / "intro.html")
    assert first.locator(".vc-far").inner_text().strip() == "2 of 3 done"


@needs_browser
def test_what_was_done_can_be_forgotten(context: "BrowserContext", tmp_path: Path) -> None:
    page = opened(context, tmp_path / "chapter.html")
    assert not page.get_by_text("Forget this").count()
    page.get_by_text("Because").click()
    page.get_by_text("Forget this").click()
    assert "Quiz: 0 of 2" in said(opened(context, tmp_path / "chapter.html"))


@needs_browser
@pytest.mark.parametrize("kept", ["{", "[1]", "null", '{"chapter": 3}', '{"chapter": {"done": 1}}'])
def test_what_somebody_else_kept_under_our_name_does_no_harm(
    context: "BrowserContext", tmp_path: Path, kept: str
) -> None:
    opened(context, tmp_path / "intro.html").evaluate(
        "(text) => localStorage.setItem('vaecourse-progress', text)", kept
    )
    assert "Quiz: 0 of 2" in said(opened(context, tmp_path / "chapter.html"))
    opened(context, tmp_path / "intro.html")


@needs_browser
def test_where_the_browser_refuses_to_keep_it_the_page_says_so_and_works(
    context: "BrowserContext", tmp_path: Path
) -> None:
    context.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw Error('refused'); } })"
    )
    page = opened(context, tmp_path / "chapter.html")
    page.get_by_text("Because").click()
    assert "Quiz: 1 of 2" in said(page)
    assert "This browser does not keep it." in said(page)


def test_only_words_of_the_text_are_read() -> None:
    text = new_markdown_cell("word " * 3 * WORDS_A_MINUTE + "[a](" + "b/" * 500 + ")")
    code = new_code_cell("print('word')\n" * 10_000)
    assert reading_minutes(new_notebook(cells=[text, code])) == 3
    assert reading_minutes(new_notebook(cells=[code])) == 1
