import shutil
from pathlib import Path

import pytest
from conftest import LittleBook, edit

from vaecourse import notebooks
from vaecourse.errors import CourseError


def test_verify_passes_until_one_checked_output_is_changed_by_hand(
    book: LittleBook, capfd: pytest.CaptureFixture[str]
) -> None:
    path = book.add("01_a", "k = 1", "print('not checked', id(k))", "print('KL falls:', k > 0)")
    notebooks.run(save=True)
    solutions = book.folder.parent / "solutions"
    solutions.mkdir()
    shutil.copy(path, solutions / "s1.ipynb")
    assert notebooks.verify() == 0
    assert "s1.ipynb" in capfd.readouterr().out
    edit(path, "KL falls: True", "KL falls: False")
    assert notebooks.verify([book.folder]) == 1
    report = capfd.readouterr().out
    assert "KL falls: False" in report
    assert "Cell outputs differ" in report


def test_verify_refuses_what_it_could_not_compare(book: LittleBook) -> None:
    path = book.add("01_a", "print(1)", checked=False)
    with pytest.raises(CourseError, match="has no outputs; run it first"):
        notebooks.verify()
    notebooks.run(save=True)
    with pytest.raises(CourseError, match="no output to compare"):
        notebooks.verify([path])
    with pytest.raises(CourseError, match=r"expected a notebook .* got book/x\.ipynb"):
        notebooks.verify([Path("book/x.ipynb")])
    with pytest.raises(CourseError, match="expected a notebook"):
        notebooks.verify([book.folder / "_toc.yml"])


def test_a_folder_without_notebooks_is_nothing_to_verify(book: LittleBook) -> None:
    (book.folder.parent / "empty").mkdir()
    with pytest.raises(CourseError, match="expected notebooks in empty, found none"):
        notebooks.verify([Path("empty")])


def test_verify_knows_a_chapter_by_its_number(book: LittleBook) -> None:
    book.add("01_a", "k = 1", "print(k)")
    with pytest.raises(CourseError, match="has no outputs; run it first: vaecourse run 01_a"):
        notebooks.verify([Path("1")])
