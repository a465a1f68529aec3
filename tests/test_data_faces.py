"""Laws of drawn faces."""

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import not_called
from torch import Tensor

from vaecourse import data
from vaecourse.data import faces, table
from vaecourse.errors import CourseError


def column(name: str) -> int:
    return data.FACE_FACTORS.index(name)


def changed(factors: Tensor, **values: float | Tensor) -> Tensor:
    """The same faces with some factors set."""
    factors = factors.clone()
    for name, value in values.items():
        factors[:, column(name)] = value
    return factors


def test_faces_are_images_in_colour_and_the_same_by_seed() -> None:
    x = data.draw_faces(data.random_factors(100, seed=3))
    data.check_images(x)
    assert x.shape == (100, 3, 64, 64)
    assert torch.equal(x, data.draw_faces(data.random_factors(100, seed=3)))
    assert not torch.equal(x, data.draw_faces(data.random_factors(100, seed=4)))


def test_a_face_is_the_same_alone_and_among_others() -> None:
    factors = data.random_factors(70, seed=0)
    alone = torch.cat([data.draw_faces(row[None]) for row in factors[60:]])
    assert torch.allclose(alone, data.draw_faces(factors)[60:], atol=1e-5)


def test_a_longer_draw_begins_with_a_shorter_one() -> None:
    assert torch.equal(data.random_factors(50, 5)[:20], data.random_factors(20, 5))


def test_factors_are_uniform_in_their_ranges_and_independent() -> None:
    n = 20_000
    factors = data.random_factors(n, seed=0)
    for name, (low, high) in faces.RANGES.items():
        values = factors[:, column(name)]
        assert low <= values.min() <= values.max() <= high
        if name in faces.WHOLE:
            counts = torch.bincount(values.long())
            assert len(counts) == high + 1
            assert (counts * len(counts) / n - 1).abs().max() < 0.1
        else:
            quarters = torch.histc(values, 4, low, high)
            assert (quarters * 4 / n - 1).abs().max() < 0.1
    off = torch.corrcoef(factors.T) - torch.eye(factors.shape[1])
    assert off.abs().max() < 5 / n**0.5


@pytest.mark.parametrize("name", data.FACE_FACTORS)
def test_every_factor_changes_every_picture(name: str) -> None:
    low, high = faces.RANGES[name]
    factors = changed(data.random_factors(30, seed=1), hair_style=1)  # hair has a colour
    one, other = (data.draw_faces(changed(factors, **{name: end})) for end in (low, high))
    touched = ((one - other).abs().amax(1) > 0.02).flatten(1).sum(1)
    assert touched.min() >= 3
    steps = torch.linspace(low, high, 6) if name not in faces.WHOLE else torch.tensor([low, high])
    row = [data.draw_faces(changed(factors[:1], **{name: float(at)})) for at in steps]
    for here, there in pairwise(row):
        assert not torch.equal(here, there)


def test_a_smile_changes_the_mouth_and_nothing_else() -> None:
    factors = data.random_factors(200, seed=2)
    one, other = (data.draw_faces(changed(factors, smile=end)) for end in (-1, 1))
    moved = (one != other).any(1)
    rows = moved.any(2)
    assert not rows[:, :38].any()
    assert not rows[:, 58:].any()
    assert moved.flatten(1).sum(1).max() < 300  # of 4,096 pixels


def test_the_corners_of_a_mouth_rise_from_a_frown_to_a_grin() -> None:
    straight = changed(data.random_factors(50, seed=3), turn=0, light=0)
    rises = []
    for smile in (-1, 0, 1):
        x = data.draw_faces(changed(straight, smile=smile))
        red = (x[:, 0] - x[:, 1])[:, 38:58]
        red = (red - red.median(1, keepdim=True).values).clamp(min=0)  # the lips
        height = (red * torch.arange(20)[:, None]).sum(1) / red.sum(1)
        rises.append((height[:, 31:33].mean(1) - height[:, 25:28].mean(1)).mean())
    assert rises[0] < -1
    assert rises[0] < rises[1] < rises[2]
    assert rises[2] > 1


def test_a_face_seen_in_a_mirror_turns_looks_and_is_lit_the_other_way() -> None:
    factors = data.random_factors(200, seed=4)
    mirrored = factors.clone()
    for name in ("turn", "gaze_x", "light"):
        mirrored[:, column(name)] *= -1
    assert torch.allclose(data.draw_faces(mirrored), data.draw_faces(factors).flip(3), atol=1e-3)


def test_a_head_that_turns_takes_its_mouth_along() -> None:
    factors = changed(data.random_factors(50, seed=5), light=0)
    places = []
    for turn in (-1, 1):
        one, other = (
            data.draw_faces(changed(factors, turn=turn, smile=smile)) for smile in (-1, 1)
        )
        moved = (one - other).abs().sum((1, 2))
        places.append((moved * torch.arange(64)).sum(1) / moved.sum(1))
    assert (places[0] < 31.5 - 4).all()
    assert (places[1] > 31.5 + 4).all()


def test_light_makes_its_own_side_of_the_face_brighter() -> None:
    factors = changed(data.random_factors(50, seed=6), turn=0, gaze_x=0, hair_style=0)
    x = data.draw_faces(changed(factors, light=1))[:, :, 20:50]
    assert (x[..., 34:44].mean((1, 2, 3)) > x[..., 20:30].mean((1, 2, 3)) + 0.02).all()


def test_edges_have_shades_between() -> None:
    bald = changed(data.random_factors(20, seed=7), hair_style=0, light=0, turn=0)
    top = data.draw_faces(bald)[:, 0, 4:24, 31]  # from the wall down to the forehead
    wall, skin = top[:, :1], top[:, -1:]
    share = (top - wall) / (skin - wall)
    clear = (skin - wall).abs().flatten() > 0.3
    between = ((share > 0.1) & (share < 0.9)).sum(1)[clear]
    assert between.float().mean() > 0.5
    assert between.max() <= 2


def test_no_two_faces_are_alike() -> None:
    x = data.draw_faces(data.random_factors(300, seed=8)).flatten(1)
    apart = torch.cdist(x, x) + 1e6 * torch.eye(len(x))
    assert apart.min() > 3


def test_twenty_thousand_faces_take_seconds() -> None:
    start = time.process_time()
    data.draw_faces(data.random_factors(1000, seed=9))
    assert time.process_time() - start < 2  # about 0.3 here


BAD: dict[str, tuple[Any, str]] = {
    "a list": ([[0.0] * 17], "got list; try data.random_factors"),
    "too few columns": (torch.zeros(5, 16), r"\(n, 17\).*got \(5, 16\)"),
    "one face without its row": (torch.zeros(17), r"got \(17,\)"),
    "none": (torch.zeros(0, 17), r"got \(0, 17\)"),
    "whole numbers": (torch.zeros(5, 17, dtype=torch.int64), "floating"),
}


@pytest.mark.parametrize(("factors", "message"), BAD.values(), ids=BAD.keys())
def test_factors_of_another_shape_are_refused(factors: Any, message: str) -> None:
    with pytest.raises(CourseError, match=message):
        data.draw_faces(factors)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("smile", 1.01),
        ("smile", float("nan")),
        ("skin", -0.1),
        ("turn", float("inf")),
        ("glasses", 0.5),
        ("hair_style", 6),
        ("hair_style", 2.5),
    ],
)
def test_factors_that_are_out_of_range_are_named_with_their_row(name: str, value: float) -> None:
    factors = data.random_factors(5, seed=0)
    factors[3, column(name)] = value
    with pytest.raises(CourseError, match=rf"for {name}, got .* in row 3; try \.clamp"):
        data.draw_faces(factors)


@pytest.mark.parametrize(("n", "seed"), [(0, 0), (-1, 0), (2.5, 0), (True, 0), (1, -1), (1, "a")])
def test_random_factors_take_whole_numbers_only(n: Any, seed: Any) -> None:
    with pytest.raises(CourseError, match=r"whole number|or more"):
        data.random_factors(n, seed)


def test_the_set_holds_the_faces_of_its_factors_and_is_drawn_once(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(faces.SPLITS, "train", 30)
    monkeypatch.setitem(faces.SPLITS, "test", 20)
    train, test = data.load("faces"), data.load("faces", "test")
    assert train.x.shape == (30, 3, 64, 64)
    assert (train.x - data.draw_faces(train.y)).abs().max() < 0.51 / 255
    assert test.y.shape == (20, len(data.FACE_FACTORS))
    assert not set(map(tuple, train.y.tolist())) & set(map(tuple, test.y.tolist()))
    monkeypatch.setitem(table.SETS, "faces", table.SETS["faces"]._replace(make=not_called))
    few = data.load("faces", count=7)
    assert torch.equal(few.x, train.x[:7])
    assert torch.equal(few.y, train.y[:7])


def test_faces_drawn_by_other_code_are_drawn_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = data.identity("faces")
    other = tmp_path / "portrait.py"
    other.write_text("TURN = 1")
    monkeypatch.setattr(faces.portrait, "__file__", str(other))
    assert data.identity("faces") != before
