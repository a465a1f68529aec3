"""A chapter's skeleton: what is missing is named, and a new chapter begins with all of it."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import chapter_rules
import pytest
import yaml
from chapter_rules import BOOK, lacks
from click.testing import CliRunner
from nbformat import NotebookNode

from vaecourse import notebooks
from vaecourse.cli import main
from vaecourse.errors import CourseError

NAME = "04_variational_autoencoders"


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A book of one chapter, with the whole table of contents."""
    folder = tmp_path / "book"
    (folder / "images").mkdir(parents=True)
    for file in ("_toc.yml", f"{NAME}.ipynb", f"images/{NAME}.png"):
        shutil.copy(BOOK / file, folder / file)
    monkeypatch.chdir(tmp_path)
    return folder


# -- what is missing -------------------------------------------------------------------------------


def without_tag(tag: str) -> Callable[[NotebookNode], None]:
    def change(nb: NotebookNode) -> None:
        for cell in nb.cells:
            if tag in cell.metadata.get("tags", []):
                cell.metadata.tags.remove(tag)

    return change


def without_cell(name: str) -> Callable[[NotebookNode], None]:
    def change(nb: NotebookNode) -> None:
        nb.cells = [cell for cell in nb.cells if cell.id != name]

    return change


def without_text(pattern: str) -> Callable[[NotebookNode], None]:
    def change(nb: NotebookNode) -> None:
        for cell in nb.cells:
            cell.source = re.sub(pattern, "", cell.source, flags=re.MULTILINE)

    return change


def without_outputs(nb: NotebookNode) -> None:
    for cell in notebooks.code_cells(nb):
        cell.outputs, cell.execution_count = [], None


TAKEN_AWAY = {
    "no question as title in the first cell": without_cell("title"),
    "no question as title": without_text(r"\?$"),
    "no subject in the first cell": without_text(r"^\*Variational autoencoders\*$"),
    "no goal picture with its alt text": without_text(r"!\[.*\]\(images/.*\)"),
    "no list of three goals": without_text(r"^3\. draw"),
    "no line on what the reader needs": without_text(r"\*\*You need\*\*"),
    "no line on the time": without_text(r"\*\*Time\*\*"),
    "no setup: .* id `setup`": without_cell("setup"),
    "no cell of code with the tag `install`": without_cell("install"),
    "no cell of code with the tag `parameters`": without_tag("parameters"),
    "no parameter: ": without_text(r"^(\w+ = .*|dataset.*)$"),
    "no cell of code with the tag `goal-picture`.*draws the picture": without_tag("goal-picture"),
    "no cell of code with the tag `nbval-check-output`": without_tag("nbval-check-output"),
    "no cell of code with the tag `your-turn`": without_tag("your-turn"),
    "no folded check for `turn-kl`": without_tag("hide-input"),
    "no solution for `turn-kl`": without_cell("turn-kl-solution"),
    "no heading for `turn-kl`": without_text("^### Your turn: the KL"),
    "no prediction to make": without_text(r"\*\*Predict"),
    "no thing to break": without_text("Break it on purpose"),
    "no explorer": without_text(r"^(\w+ = )?explorer\..*"),
    "no quiz: a cell of text with the id `quiz`": without_cell("quiz"),
    "no exercises: ": without_cell("exercises"),
    "no summary: .* `## What we can now say`": without_cell("end"),
    "no references: ": without_cell("references"),
    "no heading in the cell `references`": without_text("^## References"),
    "no outputs: .* `vaecourse run 04 --save`": without_outputs,
}


@pytest.mark.parametrize(("named", "take_away"), TAKEN_AWAY.items(), ids=TAKEN_AWAY.keys())
def test_what_is_taken_from_a_chapter_is_named(
    named: str, take_away: Callable[[NotebookNode], None], book: Path
) -> None:
    path = book / f"{NAME}.ipynb"
    assert lacks(path) == []
    nb = notebooks.read(path)
    take_away(nb)
    notebooks.write(nb, path)
    assert [line for line in lacks(path) if re.search(f"^{named}", line)], lacks(path)


def test_a_chapter_outside_the_contents_without_its_picture_or_mistakes_is_told(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (book / "_toc.yml").write_text("root: intro\n")
    (book / "images" / f"{NAME}.png").unlink()
    monkeypatch.delitem(chapter_rules.MISTAKES, "04:turn-kl")
    assert [line.partition(":")[0] for line in lacks(book / f"{NAME}.ipynb")] == [
        "no mistakes for `turn-kl`",
        f"no file images/{NAME}.png",
        f"no line in {book / '_toc.yml'}",
    ]


# -- a new chapter ---------------------------------------------------------------------------------


def test_a_new_chapter_lacks_its_texts_its_run_and_its_mistakes_and_nothing_else(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = notebooks.new_chapter("14_flow_models")
    assert path == book / "14_flow_models.ipynb"
    kinds = {line.partition("`")[0].partition(":")[0].strip() for line in lacks(path)}
    assert kinds == {"no text yet in", "no outputs", "no mistakes for"}

    nb = notebooks.read(path)
    for cell in nb.cells:
        cell.source = cell.source.replace("FILL IN", "is it true")
    notebooks.write(nb, path)
    for turn in ("turn-1", "turn-2"):
        monkeypatch.setitem(chapter_rules.MISTAKES, f"14:{turn}", [])
    notebooks.run(["14"], save=True)
    assert lacks(path) == []
    assert not notebooks.is_stale(path)


@pytest.mark.parametrize(
    ("name", "before", "title"),
    [
        ("14_flow_models", "13_beyond", "14 Flow models"),
        ("07d_a_fourth", "07c_loss_clinic", "7d A fourth"),
        ("00_before", None, "0 Before"),
    ],
)
def test_a_new_chapter_stands_in_the_contents_by_its_number(
    name: str, before: str | None, title: str, book: Path
) -> None:
    old = (book / "_toc.yml").read_text(encoding="utf-8").splitlines()
    notebooks.new_chapter(name)
    new = (book / "_toc.yml").read_text(encoding="utf-8").splitlines()
    entries = yaml.safe_load("\n".join(new))["chapters"]
    files = [entry["file"] for entry in entries]
    at = files.index(name)
    assert entries[at] == {"file": name, "title": title}
    assert (files[at - 1] if at else None) == before
    assert [line for line in new if name not in line and title not in line] == old


@pytest.mark.parametrize(
    "name",
    ["flows", "14", "14_", "14_Flows", "14-flows", "14_flows.ipynb", "../14_flows", "14_ä", "1_a",
     "14_" + "a" * 60, "14_a\n", "-14_a", "14bc_flows", "114_flows", ".", "14__a"],
)  # fmt: skip
def test_a_name_that_is_no_chapters_is_refused_and_nothing_changes(name: str, book: Path) -> None:
    before = sorted(book.rglob("*")), (book / "_toc.yml").read_bytes()
    with pytest.raises(CourseError, match=r"two digits .* got .*; try 05_flow_models"):
        notebooks.new_chapter(name)
    assert before == (sorted(book.rglob("*")), (book / "_toc.yml").read_bytes())


def test_a_number_that_is_taken_is_refused(book: Path) -> None:
    for name in (NAME, "04_flows"):
        told = CliRunner().invoke(main, ["new", "chapter", name])
        assert told.exit_code == 1
        assert f"got 04, which {NAME} has; try 05_" in told.output
        assert "Traceback" not in told.output


@pytest.mark.parametrize("contents", ["", "root: intro\n", "root: intro\nchapters: []\n"])
def test_contents_that_name_no_chapter_are_refused_and_nothing_is_made(
    contents: str, book: Path
) -> None:
    (book / "_toc.yml").write_text(contents, encoding="utf-8")
    with pytest.raises(CourseError, match=r"mend book/_toc\.yml"):
        notebooks.new_chapter("14_flows")
    assert not (book / "14_flows.ipynb").exists()
    assert (book / "_toc.yml").read_text(encoding="utf-8") == contents


def test_contents_that_cannot_be_written_leave_no_chapter(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vaecourse.notebooks import skeleton

    def refuse(*_: object) -> None:
        raise CourseError("the disk is full")

    monkeypatch.setattr(skeleton.files, "write", refuse)
    monkeypatch.setattr(skeleton, "write", lambda _nb, path: path.touch())
    with pytest.raises(CourseError, match="the disk is full"):
        notebooks.new_chapter("14_flows")
    assert not (book / "14_flows.ipynb").exists()
