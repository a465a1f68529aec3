"""What leads where: the glossary, the API reference, the reports' rows, the plans for teaching."""

import inspect
import re
from html import unescape
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
import yaml

import vaecourse
from vaecourse.classroom import sheets, teaching
from vaecourse.errors import CourseError
from vaecourse.notebooks import codelinks, finish, linking, read, reference
from vaecourse.notebooks.reading import reading_minutes

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
ROWS = {"S0": 7, "S1": 12, "S2": 6, "S3": 6, "S4": 10}  # S4.11, tips, became the quizzes
LINK = re.compile(r'<a class="[^"]*\b(vc-[a-z-]+)[^"]*" href="([^"]+)"')


@pytest.fixture(scope="module")
def texts(pages: list[Path]) -> dict[Path, str]:
    """Each page of the rendered book, with the API reference."""
    return {path: path.read_text(encoding="utf-8") for path in pages}


def links(texts: dict[Path, str], kind: str) -> list[tuple[Path, str, str]]:
    """Page, page that is meant and anchor of every link of a kind."""
    found = []
    for path, text in texts.items():
        for seen, address in LINK.findall(text):
            page, _, anchor = unquote(unescape(address)).partition("#")
            if seen == kind:
                found.append((path, str((path.parent / page).resolve() if page else path), anchor))
    return found


@pytest.mark.parametrize("kind", ["vc-term", "vc-name", "vc-row-number"])
def test_what_is_linked_is_there(texts: dict[Path, str], kind: str) -> None:
    found = links(texts, kind)
    assert found
    for path, page, anchor in found:
        assert f'id="{anchor}"' in texts[Path(page)], (path.name, page, anchor)


# -- the API reference -------------------------------------------------------------------------


def test_every_public_name_with_a_docstring_is_in_the_api_reference(texts: dict[Path, str]) -> None:
    api = "".join(text for path, text in texts.items() if path.parent.name == "api")
    there = set(re.findall(r'id="((?:module-)?vaecourse[\w.]*)"', api))
    missing = []
    for name in reference.modules():
        if name != "vaecourse" and f"module-{name}" not in there:
            missing.append(name)
        module = import_module(name)
        for member, value in vars(module).items():
            is_own = getattr(value, "__module__", None) == name and not member.startswith("_")
            if is_own and (inspect.isfunction(value) or inspect.isclass(value)):
                said = vars(value).get("__doc__", value.__doc__) or ""
                is_made = said.startswith(f"{member}(")  # by Python, for a record
                if said and not is_made and value.__name__ == member:
                    missing += [f"{name}.{member}"] * (f"{name}.{member}" not in there)
    assert not missing


def test_a_docstring_is_shown_as_it_stands() -> None:
    lines = ["Of `x*_` and y*.", "", "- one", "  goes on", "", "    >>> f(x_)", "", "End_."]
    assert reference.as_rst(lines) == [
        "Of ``x*_`` and y\\*.", "", "- one", "  goes on", "", "::", "", "    >>> f(x_)", "",
        "End\\_.",
    ]  # fmt: skip


def test_chapters_names_lead_to_the_reference(texts: dict[Path, str]) -> None:
    found = {(path.stem, Path(page).stem, anchor) for path, page, anchor in links(texts, "vc-name")}
    chapter = "04_variational_autoencoders"
    assert (chapter, "model", "vaecourse.vae.gaussian_kl") in found
    assert ("notation", "model", "module-vaecourse.vae") in found


def test_the_names_that_code_uses_are_found_in_it() -> None:
    lines = ["%pip install x", "from vaecourse import data", "from vaecourse.vae import VAE as V"]
    source = "\n".join([*lines, "data.load()"])
    assert set(codelinks.used(source)) == {
        ("data", "data"), ("VAE", "vae.VAE"), ("data.load", "data.load"),
    }  # fmt: skip


# -- glossary and rows -------------------------------------------------------------------------


def test_chapters_link_most_words_of_the_glossary(texts: dict[Path, str]) -> None:
    ids = set(re.findall(r'<dt id="(term-[^"]+)"', texts[_page(texts, "glossary")]))
    found = {a for path, _, a in links(texts, "vc-term") if path.stem[:2].isdigit()}
    assert len(ids) > 30
    assert len(found & ids) > len(ids) / 2, ids - found


def test_a_page_links_a_word_once(texts: dict[Path, str]) -> None:
    for path, text in texts.items():
        anchors = [address for kind, address in LINK.findall(text) if kind == "vc-term"]
        assert len(anchors) == len(set(anchors)), path.name


def test_every_row_of_the_reports_leads_to_its_cell(texts: dict[Path, str]) -> None:
    page = _page(texts, "reports")
    anchors = {anchor for path, _, anchor in links(texts, "vc-row-number") if path == page}
    expected = {f"{s}.{i}" for s, n in ROWS.items() for i in range(1, n + 1)}
    assert anchors == {linking.anchor(row) for row in expected}
    assert "S4.11" in texts[page]


def _page(texts: dict[Path, str], name: str) -> Path:
    return next(path for path in texts if path.stem == name)


# -- teaching ----------------------------------------------------------------------------------


def test_a_plan_adds_up_and_names_chapters_and_assignments() -> None:
    table = teaching.plan(["one: 01 02", "two: 03 a1"], BOOK).splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in table[2:]]
    read_in = [
        sum(reading_minutes(read(path)) for path in BOOK.glob(f"0[{which}]_*.ipynb"))
        for which in ("12", "3")
    ]
    assert [int(row[2]) for row in cells[:2]] == read_in
    assert cells[1][4] == f"A1: {sheets.load('a1').minutes}"
    assert int(cells[2][-1]) == sum(int(row[-1]) for row in cells[:2])
    assert int(cells[0][-1]) == int(cells[0][2]) + int(cells[0][3])


def test_the_six_weeks_leave_out_no_chapter_and_only_a3() -> None:
    plans = re.findall(r"```\{plan\}\n(.*?)```", (BOOK / "teaching.md").read_text(), re.DOTALL)
    names = re.findall(r"\b(?:a\d|\d\d[a-z]?)\b", plans[0])
    chapters = {path.stem.partition("_")[0] for path in BOOK.glob("[0-9]*.ipynb")}
    assignments = {name.partition("-")[0] for name in sheets.names()} - {"a3"}
    assert sorted(names) == sorted(chapters | assignments)
    for plan in plans:
        teaching.plan(plan.splitlines(), BOOK)


@pytest.mark.parametrize("line", ["week 1: 99", "week 1: a9"])
def test_a_plan_of_what_is_not_there_is_told(line: str) -> None:
    with pytest.raises(CourseError, match="expected"):
        teaching.plan([line], BOOK)


# -- finish ------------------------------------------------------------------------------------


def test_the_error_page_needs_nothing_from_beside_it(pages: list[Path]) -> None:
    text = (pages[0].parent / "404.html").read_text(encoding="utf-8")
    assert "src=" not in text
    assert re.findall(r'href="([^"]+)"', text) == ["intro.html"]


@pytest.mark.parametrize("base", ["", "https://example.org/course"])
def test_a_card_for_links_is_there_only_where_the_books_address_is_known(base: str) -> None:
    app = SimpleNamespace(config=SimpleNamespace(html_baseurl=base))
    context = {"body": "<h1>T</h1><p>A <b>word</b>.</p>", "title": "T", "metatags": ""}
    finish._card(app, "intro", "", context, None)
    assert ("og:" in context["metatags"]) == bool(base)
    if base:
        assert f'content="{base}/_images/cover.png"' in context["metatags"]
        assert 'content="A word."' in context["metatags"]


def test_the_citation_and_the_changes_are_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == vaecourse.__version__
    assert citation["authors"] == [{"name": "The vaecourse contributors"}]
    assert f"## {vaecourse.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
