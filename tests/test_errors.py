"""What a user is told who can put something right."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

from vaecourse.errors import CourseError, unknown_name


def test_an_unknown_name_is_answered_with_the_nearest_and_all_known_ones() -> None:
    message = str(unknown_name("data set", "Mnits", ["mnist", "digits"]))
    assert "no data set 'Mnits'" in message
    assert "one of digits, mnist" in message
    assert "did you mean 'mnist'" in message


def test_a_name_like_none_is_answered_with_one_that_exists() -> None:
    assert "try 'digits'" in str(unknown_name("data set", "zzz", ["mnist", "digits"]))


def test_where_nothing_is_known_that_is_said() -> None:
    assert "there is none at all" in str(unknown_name("chapter", "1", []))


def test_a_notebook_shows_one_line_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    shell = InteractiveShell()
    code = (
        "from vaecourse.errors import CourseError\ndef f():\n    raise CourseError('try this')\nf()"
    )
    shell.run_cell(code)
    assert capsys.readouterr().out.strip() == "CourseError: try this"
    assert issubclass(CourseError, ValueError)
