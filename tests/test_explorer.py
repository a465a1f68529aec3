"""A slider that draws where it stands."""

from typing import Any

import pytest

from vaecourse.explorer import slider
from vaecourse.plotting import Figure, new_figure


class Recorder:
    """Something to draw, and the positions it was drawn at."""

    def __init__(self) -> None:
        self.positions: list[float] = []

    def figure(self, position: float) -> Figure:
        self.positions.append(position)
        return new_figure(f"Drawn at {position}")


@pytest.fixture(autouse=True)
def live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAECOURSE_STATIC", raising=False)


def make(recorder: Recorder, value: float = 0.0) -> Any:
    def draw(angle: float) -> Figure:
        return recorder.figure(angle)

    return slider(draw, "the angle", -2.0, 3.0, value)


def test_without_a_kernel_a_slider_is_the_figure_where_it_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VAECOURSE_STATIC", "1")
    recorder = Recorder()
    figure = make(recorder, value=1.5)
    assert isinstance(figure, Figure)
    assert figure.alt == "Drawn at 1.5"
    assert recorder.positions == [1.5]


def test_a_slider_has_the_name_the_ends_and_the_start_that_were_asked_for() -> None:
    control = make(Recorder(), value=1.5).children[0]
    assert (control.description, control.min, control.max) == ("the angle", -2.0, 3.0)
    assert control.value == 1.5
    assert 0 < control.step <= 0.05


def test_moving_a_slider_draws_at_its_new_position() -> None:
    recorder = Recorder()
    control = make(recorder).children[0]
    control.value = 2.0
    control.value = -0.5
    assert recorder.positions == [0.0, 2.0, -0.5]


def test_a_slider_stops_at_its_ends() -> None:
    recorder = Recorder()
    make(recorder).children[0].value = 99.0
    assert recorder.positions[-1] == 3.0


def test_what_is_drawn_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Outside a notebook, IPython's display prints what it would show."""
    control = make(Recorder()).children[0]
    assert "Figure" in capsys.readouterr().out
    control.value = 2.0
    assert "Figure" in capsys.readouterr().out


def test_two_sliders_do_not_disturb_each_other() -> None:
    left, right = Recorder(), Recorder()
    left_control, right_control = make(left).children[0], make(right, value=1.0).children[0]
    left_control.value = 2.0
    assert (left.positions, right.positions) == ([0.0, 2.0], [1.0])
    right_control.value = -1.0
    assert (left.positions, right.positions) == ([0.0, 2.0], [1.0, -1.0])
    assert (left_control.value, right_control.value) == (2.0, -1.0)


def test_a_method_can_be_drawn() -> None:
    recorder = Recorder()
    widget: Any = slider(recorder.figure, "position", 0.0, 1.0, 0.5)
    widget.children[0].value = 1.0
    assert recorder.positions == [0.5, 1.0]
