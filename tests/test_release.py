"""A solution that would mislead students is not released, and nothing is written then."""

import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from homework import ROOT
from vaecourse.classroom import cells
from vaecourse.classroom.release import HEADER_ID, release
from vaecourse.errors import CourseError

A2 = "a2-vae-by-hand"


def checks(nb: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in nb.cells if cells.role(cell) == "check"]


def other_points(nb: NotebookNode) -> None:
    checks(nb)[0].metadata.nbgrader.points += 1


def never_run(nb: NotebookNode) -> None:
    checks(nb)[1].outputs = []


def wrong_solution(nb: NotebookNode) -> None:
    for output in checks(nb)[1].outputs:
        about = output.get("metadata", {}).get("vaecourse", {})
        if "verdict" in about:
            about["verdict"]["status"] = "wrong"


def no_points_by_hidden_inputs(nb: NotebookNode) -> None:
    checks(nb)[1].outputs[-1].data["text/plain"] = "0.0"


def too_few_points(nb: NotebookNode) -> None:
    nb.cells.remove(checks(nb)[0])


def no_minutes(nb: NotebookNode) -> None:
    del nb.metadata.vaecourse["minutes"]


def open_region(nb: NotebookNode) -> None:
    answer = next(cell for cell in nb.cells if cells.role(cell) == "answer")
    answer.source = answer.source.replace("### END SOLUTION", "")


def two_of_a_name(nb: NotebookNode) -> None:
    first, second = [cell for cell in nb.cells if cells.role(cell) == "answer"][:2]
    second.metadata.nbgrader.grade_id = first.metadata.nbgrader.grade_id


DAMAGES: dict[str, Callable[[NotebookNode], None]] = {
    "make them the same": other_points,
    "asks 0 questions": never_run,
    "is not right; mend it": wrong_solution,
    "earns 0.0 of": no_points_by_hidden_inputs,
    "expected 100 points": too_few_points,
    "does not say how long it takes": no_minutes,
    "no end solution statement": open_region,
    "nbgrader's": two_of_a_name,
}


@pytest.mark.parametrize("reason", DAMAGES)
def test_a_solution_that_would_mislead_is_refused_and_nothing_is_written(
    reason: str, tmp_path: Path
) -> None:
    (tmp_path / "solutions").mkdir()
    shutil.copy(ROOT / "solutions" / "a3-elbo.ipynb", tmp_path / "solutions")
    nb = nbformat.read(ROOT / "solutions" / f"{A2}.ipynb", as_version=4)
    DAMAGES[reason](nb)
    nbformat.write(nb, tmp_path / "solutions" / f"{A2}.ipynb")
    with pytest.raises(CourseError, match=reason):
        release(tmp_path, tmp_path / "sheets")
    assert not (tmp_path / "assignments").exists()
    assert not (tmp_path / "sheets").exists()


def test_what_is_no_longer_a_solution_is_no_longer_released(tmp_path: Path) -> None:
    (tmp_path / "solutions").mkdir()
    for name in (A2, "a3-elbo"):
        shutil.copy(ROOT / "solutions" / f"{name}.ipynb", tmp_path / "solutions")
    assert len(release(tmp_path, tmp_path / "sheets")) == 4
    (tmp_path / "solutions" / f"{A2}.ipynb").unlink()
    release(tmp_path, tmp_path / "sheets")
    assert [p.stem for p in (tmp_path / "assignments").glob("*.ipynb")] == ["a3-elbo"]
    assert [p.stem for p in (tmp_path / "sheets").iterdir()] == ["a3-elbo"]


def test_a_release_has_no_outputs_and_says_whose_it_is_and_what_it_earns(tmp_path: Path) -> None:
    (tmp_path / "solutions").symlink_to(ROOT / "solutions")
    written = [p for p in release(tmp_path, tmp_path / "sheets") if p.suffix == ".ipynb"]
    for path in written:
        nb = nbformat.read(path, as_version=4)
        assert not any(cell.get("outputs") for cell in nb.cells)
        assert not any(cell.get("execution_count") for cell in nb.cells)
        header = next(cell for cell in nb.cells if cell.id == HEADER_ID)
        assert "**Name:**" in header.source
        assert "**Points:** 100" in header.source
        rows = [line.split("|") for line in header.source.splitlines() if line.startswith("| a")]
        assert sum(int(row[2]) for row in rows) == 100


def test_without_solutions_nothing_is_released(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="holds no solution"):
        release(tmp_path, tmp_path / "sheets")
