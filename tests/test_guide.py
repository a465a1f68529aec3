"""What the students' guide shows is what a student sees."""

import re
from pathlib import Path

import pytest
from homework import NAMES, ROOT, cell, released, solution_sources, write

from vaecourse import classroom
from vaecourse.classroom.checking import check_notebook

GUIDE = (ROOT / "book" / "student_guide.md").read_text()
A2 = "a2-vae-by-hand"
HALVED = """\
# Answer to a2.3
def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    return 0.25 * (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1)
"""


def test_the_guide_shows_the_report_of_two_right_answers_and_a_halved_one(tmp_path: Path) -> None:
    mine, sources = released(A2), solution_sources(A2)
    for name in ("a2-1", "a2-2"):
        cell(mine, name)["source"] = sources[name]
    cell(mine, "a2-3")["source"] = HALVED
    report = str(check_notebook(write(mine, tmp_path / "mine.ipynb")))
    assert report.partition("\n\n")[2] in GUIDE


def test_the_guide_shows_what_a_cell_says_of_a_halved_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    classroom.check("a2.3", lambda mu, logvar: (mu**2 + logvar.exp() - 1 - logvar).sum(1) / 4)
    assert capsys.readouterr().out in GUIDE


def test_the_guide_names_every_assignment() -> None:
    assert re.findall(r"^\| `(a\d-[\w-]+)` \|", GUIDE, re.MULTILINE) == NAMES
