"""Numbers of pictures, where they are known."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from vaecourse.errors import CourseError
from vaecourse.metrics import auc, psnr, slant, thickness


def sheared(shear: float, size: int = 29) -> Tensor:
    """A stroke that leans `shear` pixels to the right for each pixel up."""
    x = torch.zeros(1, 1, size, size)
    middle = size // 2
    for v in range(-8, 9):
        place = middle - shear * v
        left = math.floor(place)
        x[0, 0, middle + v, left] = 1 - (place - left)
        x[0, 0, middle + v, left + 1] += place - left
    return x


@pytest.mark.parametrize("shear", [-1.0, -0.3, 0.0, 0.25, 1.0])
def test_the_slant_is_the_shear_of_a_stroke_wherever_it_stands(shear: float) -> None:
    x = sheared(shear)
    assert slant(x).item() == pytest.approx(shear, abs=1e-4)
    assert slant(x.roll((2, -3), (2, 3)) / 2).item() == pytest.approx(shear, abs=1e-4)
    assert slant(x.flip(3)).item() == pytest.approx(-shear, abs=1e-4)


@pytest.mark.parametrize("width", [1, 2, 5])
def test_the_thickness_of_a_long_stroke_is_its_width(width: int) -> None:
    x = torch.zeros(1, 1, 200, 30)
    x[0, 0, :, 10 : 10 + width] = 1  # it ends where the picture does
    assert thickness(x).item() == pytest.approx(width)
    assert thickness(x / 3).item() == pytest.approx(width, rel=1e-5)
    assert thickness(x.transpose(2, 3)).item() == pytest.approx(width)


def test_ten_times_the_squared_error_are_ten_decibels() -> None:
    x = torch.rand(3, 1, 4, 4) / 2
    assert psnr(x + 0.1, x) == pytest.approx(20, abs=1e-3)
    assert psnr(x + 0.1 * 10**0.5, x) == pytest.approx(10, abs=1e-3)
    assert psnr(x, x) == math.inf


def test_the_auc_counts_pairs_in_the_right_order_and_ties_by_half() -> None:
    usual, strange = torch.tensor([1.0, 2.0, 2.0]), torch.tensor([2.0, 3.0])
    pairs = [(s > u) + 0.5 * (s == u) for u in usual for s in strange]
    assert auc(usual, strange) == pytest.approx(float(sum(pairs)) / 6)
    assert auc(strange, usual) == pytest.approx(1 - auc(usual, strange))
    assert auc(usual, usual + 5) == 1


@pytest.mark.parametrize("scores", [torch.zeros(0), torch.tensor([math.nan]), torch.ones(2, 2), 3])
def test_scores_that_are_none_are_refused(scores: Any) -> None:
    for pair in ((scores, torch.ones(2)), (torch.ones(2), scores)):
        with pytest.raises(CourseError, match=r"expected .* scores .*got .*; try"):
            auc(*pair)


def test_pictures_without_ink_and_in_colour_are_refused() -> None:
    for x in (torch.zeros(2, 1, 4, 4), torch.rand(2, 3, 4, 4)):
        for of in (slant, thickness):
            with pytest.raises(CourseError, match="with ink in each"):
                of(x)
    with pytest.raises(CourseError, match="copies"):
        psnr(torch.rand(1, 1, 4, 4), torch.rand(2, 1, 4, 4))
