"""The course without a clone: what a wheel carries, the copy to work in, a notebook on its own."""

import os
import subprocess
import sys
import zipfile
from copy import deepcopy
from pathlib import Path

import pytest
from click.testing import CliRunner
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from vaecourse import files, notebooks
from vaecourse.cli import main
from vaecourse.notebooks.lab import name_kernel_as_stored
from vaecourse.notebooks.repository import COURSE

ROOT = Path(__file__).parents[1]
CHAPTER = "04_variational_autoencoders.ipynb"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel would install."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        content.extractall(folder / "site")
    return folder / "site"


def alone(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Python, in a folder of its own, with the package from the wheel."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )


def test_a_wheel_carries_each_chapter_its_results_and_the_assignments(installed: Path) -> None:
    course = installed / "vaecourse" / "course"
    assert files.course_folder(installed / "vaecourse") == course
    for chapter in notebooks.chapters():
        assert (course / "book" / chapter.name).read_bytes() == chapter.read_bytes()
    for part in ("book/results", "book/_static", "book/images", "assignments"):
        kept = {path.name for path in (ROOT / part).iterdir() if path.suffix != ".lock"}
        assert {path.name for path in (course / part).iterdir()} == kept
    assert not (course / "solutions").exists()
    assert not (course / "book" / "_build").exists()


def test_a_notebook_downloaded_alone_runs_on_the_wheel_alone(
    installed: Path, tmp_path: Path
) -> None:
    code = f"""
import sys
from pathlib import Path
import nbformat
import vaecourse
from vaecourse.notebooks.kernels import execute
assert Path(vaecourse.__file__).is_relative_to({str(installed)!r})
text = Path({str(ROOT / "book" / "reports.ipynb")!r}).read_text(encoding="utf-8")
nb = nbformat.reads(execute(text, {{}}, "."), 4)
wrong = [o.evalue for c in nb.cells for o in c.get("outputs", []) if o.output_type == "error"]
sys.exit("; ".join(wrong) or 0)
"""
    done = alone(installed, "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not any(tmp_path.iterdir())


def test_lab_without_a_clone_makes_a_copy_that_the_commands_know(
    installed: Path, tmp_path: Path
) -> None:
    done = alone(installed, "-m", "vaecourse", "lab", "--no-start", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    copy = tmp_path / "vae-course"
    assert done.stdout.strip() == str(copy)
    assert (copy / "assignments" / "a2-vae-by-hand.ipynb").exists()
    code = "from vaecourse import notebooks; print(*notebooks.chapters(), sep='\\n')"
    found = alone(installed, "-c", code, cwd=copy).stdout.split()
    assert [Path(line) for line in found] == [copy / "book" / c.name for c in notebooks.chapters()]


def test_without_a_clone_a_command_that_needs_one_says_how_to_get_a_copy(
    installed: Path, tmp_path: Path
) -> None:
    done = alone(installed, "-m", "vaecourse", "verify", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "vaecourse lab" in done.stderr
    assert "clone" in done.stderr


def test_a_copy_is_completed_and_a_students_work_stays(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    mine, lost = folder / "book" / CHAPTER, folder / "assignments" / "a3-elbo.ipynb"
    notebooks.lab(folder, start=False)
    mine.write_text("my own work")
    lost.unlink()
    notebooks.lab(folder, start=False)
    assert mine.read_text() == "my own work"
    assert lost.read_bytes() == (ROOT / "assignments" / lost.name).read_bytes()


def test_a_copy_that_cannot_be_made_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(main, ["lab", str(tmp_path / "file"), "--no-start"])
    assert done.exit_code == 1
    assert done.stderr.startswith("error: expected a folder that can be written")


def test_a_chapter_saved_in_the_lab_keeps_its_metadata() -> None:
    nb = notebooks.read(ROOT / "book" / CHAPTER)
    stored = deepcopy(nb.metadata)
    nb.metadata["kernelspec"] = {"display_name": "Mine", "language": "python", "name": "mine"}
    nb.metadata["language_info"]["version"] = "3.99"
    model = {"type": "notebook", "content": dict(nb)}
    name_kernel_as_stored(model=model, path="a path", contents_manager=None)
    assert model["content"]["metadata"] == stored  # type: ignore[index]


def test_a_notebook_that_is_no_chapter_keeps_its_own_kernel() -> None:
    nb = {"cells": [], "metadata": {"kernelspec": {"name": "ir"}}, "nbformat": 4}
    model = {"type": "notebook", "content": nb}
    name_kernel_as_stored(model=model, path="a path", contents_manager=None)
    assert nb["metadata"] == {"kernelspec": {"name": "ir"}}


# -- the cell that installs the course -----------------------------------------------------------


def install_cells() -> list[NotebookNode]:
    """The first code cell of each chapter."""
    return [notebooks.code_cells(notebooks.read(path))[0] for path in notebooks.chapters()]


def test_each_chapter_begins_with_the_same_cell_that_installs_the_course() -> None:
    cells = install_cells()
    assert {tuple(cell.metadata.get("tags", [])) for cell in cells} == {("install",)}
    assert len({cell.source for cell in cells}) == 1


@pytest.mark.parametrize(
    ("course", "is_there", "asked"),
    [
        ("git+https://example.org/a/b", False, ["install --quiet git+https://example.org/a/b"]),
        ("git+https://example.org/a/b", True, []),
        ("", False, []),  # no name is tried in the hope that it is ours
    ],
)
def test_the_course_is_installed_where_it_is_missing_and_its_address_is_known(
    monkeypatch: pytest.MonkeyPatch, course: str, is_there: bool, asked: list[str]
) -> None:
    ran: list[str] = []

    class Shell:
        def run_line_magic(self, magic: str, line: str) -> None:
            assert magic == "pip"
            ran.append(line.format(course=course))  # as IPython fills it in

    monkeypatch.setattr("importlib.util.find_spec", lambda name: is_there or None)
    source = COURSE.sub(f'course = "{course}"', install_cells()[0].source)
    python = TransformerManager().transform_cell(source)
    exec(python, {"get_ipython": Shell})
    assert ran == asked
