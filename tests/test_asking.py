"""An author's question is refused unless right answers agree and mistakes can be told apart."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from vaecourse import classroom
from vaecourse.classroom import asking, sheets
from vaecourse.errors import CourseError


@pytest.fixture(autouse=True)
def fresh_kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("_asked", "_keys", "_verdicts"):
        monkeypatch.setattr(asking, name, {})
    return


def asked(area: Any, seed: int) -> Any:
    width, height = torch.rand(2, 3)
    return area(width, height)


def near_zero(area: Any, seed: int) -> Any:
    return area(torch.zeros(2), torch.ones(2))


def area(width: Any, height: Any) -> Any:
    return width * height


def by_logarithms(width: Any, height: Any) -> Any:
    """A sum of logarithms."""
    return (width.log() + height.log()).exp()


def half_the_border(width: Any, height: Any) -> Any:
    """This is a length. Is it a product?"""
    return width + height


def fails_at_zero(width: Any, height: Any) -> Any:
    return width / (1 / height) if (width > 0).all() else width / 0 * 0


def test_right_answers_earn_the_points_and_mistakes_their_hint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    classroom.ask("a9.1", 12, asked, right=[area, by_logarithms], wrong=[half_the_border])
    for answer, said in (
        (area, "a9.1  12 of 12 points: right"),
        (half_the_border, "a9.1  0 of 12 points: wrong. This is a length. Is it a product?"),
        (None, "a9.1  0 of 12 points: not answered yet"),
    ):
        capsys.readouterr()
        classroom.check("a9.1", answer)
        assert capsys.readouterr().out == said + "\n"


def test_points_are_given_for_inputs_that_the_check_has_not_seen() -> None:
    classroom.ask("a9.1", 12, asked, right=[area], wrong=[half_the_border], hidden=near_zero)
    seen = {
        seed: area(*torch.rand(2, 3, generator=torch.Generator().manual_seed(seed)))
        for seed in (0, 1)
    }

    def learned_by_heart(width: Any, height: Any) -> Any:
        return next((v for v in seen.values() if torch.allclose(v, width * height)), width)

    classroom.check("a9.1", learned_by_heart)
    assert asking._verdicts["a9.1"].status == "right"
    assert classroom.points("a9.1", learned_by_heart, seeds=(77,)) == 0.0
    assert classroom.points("a9.1", by_logarithms, seeds=(77, 78)) == 12.0


def test_the_hidden_question_counts_too() -> None:
    classroom.ask("a9.1", 12, asked, right=[area], hidden=near_zero)
    assert classroom.points("a9.1", fails_at_zero, seeds=(3,)) == 0.0
    classroom.ask("a9.1", 12, asked, right=[area])
    assert classroom.points("a9.1", fails_at_zero, seeds=(3,)) == 12.0


def also_half_the_border(width: Any, height: Any) -> Any:
    """The same by another name."""
    return height + width


def without_a_hint(width: Any, height: Any) -> Any:
    return width


def misspelt(width: Any, height: Any) -> Any:
    """A mistake in the mistake."""
    return widht * height  # noqa: F821


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"right": [area, half_the_border]}, "half the border is not right"),
        ({"wrong": [by_logarithms]}, "'by logarithms' is taken for right"),
        ({"wrong": [half_the_border, also_half_the_border]}, "is taken for half the border"),
        ({"wrong": [without_a_hint]}, "has no docstring"),
        ({"wrong": [misspelt]}, "ends in NameError"),
        ({"name": "b2"}, "expected a question's name"),
        ({"points": -1}, "expected points of 0 or more"),
    ],
)
def test_a_question_that_would_mislead_is_refused(change: dict[str, Any], reason: str) -> None:
    settings = {"name": "a9.1", "points": 12, "asked": asked, "right": [area]} | change
    with pytest.raises(CourseError, match=reason):
        classroom.ask(**settings)


def test_the_score_counts_what_was_checked_and_names_what_is_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for number, points in ((1, 30), (2, 50)):
        classroom.ask(f"a9.{number}", points, asked, right=[area])
    classroom.check("a9.1", area)
    capsys.readouterr()
    classroom.score("a9")
    said = capsys.readouterr().out
    assert "30 of 80 points" in said
    assert "read by a person: 20 points" in said
    assert "still to do: a9.2 (not checked yet)" in said
    classroom.check("a9.2", half_the_border)
    classroom.score("a9")
    assert "still to do: a9.2 (wrong)" in capsys.readouterr().out


def test_an_unknown_question_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(CourseError, match="there is no assignment 'a77'"):
        classroom.check("a77.1", area)
    with pytest.raises(CourseError, match=r"expected one of .*a2\.1"):
        classroom.check("a2.99", area)


def test_a_sheet_comes_back_from_its_json_as_it_was() -> None:
    for name in sheets.names():
        sheet = sheets.load(name)
        assert sheets.decode(sheets.encode(sheet)) == sheet
        assert sheets.load(name.partition("-")[0]) == sheet


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"assignment": "a1"}', "null"])
def test_what_is_no_sheet_is_refused(text: str) -> None:
    with pytest.raises(CourseError, match="this is no sheet"):
        sheets.decode(text)
