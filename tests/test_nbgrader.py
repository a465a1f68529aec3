"""The solutions are sources for nbgrader's own tools, which make the cells that we release."""

import os
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from homework import NAMES, ROOT
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import determine_grade, is_grade, is_solution
from nbgrader.validator import Validator
from traitlets.config import Config

from vaecourse.classroom import cells
from vaecourse.classroom.release import HEADER_ID

pytestmark = pytest.mark.filterwarnings("default")  # nbgrader's own
each_assignment = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course of nbgrader's in which all assignments were generated from our solutions; it counts
    a hundred points for each."""
    root = tmp_path_factory.mktemp("course")
    for name in NAMES:
        (root / "source" / name).mkdir(parents=True)
        shutil.copy(ROOT / "solutions" / f"{name}.ipynb", root / "source" / name)
    config = Config({"CourseDirectory": {"root": str(root)}})
    api = NbGraderAPI(CourseDirectory(config=config), config=config)
    with pytest.MonkeyPatch.context() as patch:  # nbgrader calls alembic by its name
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        for name in NAMES:
            made = api.generate_assignment(name)
            assert made["success"], made["log"] + made.get("error", "")
        with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
            assert {a.name: a.max_score for a in book.assignments} == dict.fromkeys(NAMES, 100)
    return root


@each_assignment
def test_nbgrader_generates_the_same_cells_as_we_release(course: Path, name: str) -> None:
    theirs = nbformat.read(course / "release" / name / f"{name}.ipynb", as_version=4)
    ours = nbformat.read(ROOT / "assignments" / f"{name}.ipynb", as_version=4)
    ours.cells = [cell for cell in ours.cells if cell.id != HEADER_ID]

    def content(nb: nbformat.NotebookNode) -> list[object]:
        return [
            (c.id, c.cell_type, c.source, c.get("outputs", []), c.metadata.get("nbgrader"))
            for c in nb.cells
        ]

    assert content(ours) == content(theirs)


@each_assignment
def test_nbgrader_reads_full_points_from_a_solutions_outputs(name: str) -> None:
    nb = nbformat.read(ROOT / "solutions" / f"{name}.ipynb", as_version=4)
    MetadataValidator().validate_nb(nb)
    for cell in nb.cells:
        if is_grade(cell) and not is_solution(cell):
            assert determine_grade(cell) == (cell.metadata.nbgrader.points,) * 2


@each_assignment
def test_nbgraders_validator_finds_nothing_wrong_with_a_solution(name: str, tmp_path: Path) -> None:
    nb = nbformat.read(ROOT / "solutions" / f"{name}.ipynb", as_version=4)
    nb.cells = [cell for cell in nb.cells if cells.role(cell) != "experiment"]
    path = tmp_path / f"{name}.ipynb"
    nbformat.write(nb, path)
    assert Validator().validate(str(path)) == {}
