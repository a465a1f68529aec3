"""Laws of mirrored and turned pictures."""

from typing import Any

import pytest
import torch

from vaecourse import data
from vaecourse.data.augmenting import turned
from vaecourse.errors import CourseError


def test_without_turning_each_picture_is_itself_or_its_mirror_image() -> None:
    x = torch.rand(200, 3, 9, 7)
    found = data.augmented(x, seed=0, degrees=0)
    same = (found == x).flatten(1).all(1)
    mirrored = (found == x.flip(3)).flatten(1).all(1)
    assert (same ^ mirrored).all()
    assert 70 < same.sum() < 130


def test_a_turn_by_nothing_changes_nothing() -> None:
    x = torch.rand(5, 3, 16, 12)
    assert torch.allclose(turned(x, torch.zeros(5)), x, atol=1e-5)


@pytest.mark.parametrize("quarters", [-1, 1, 2])
def test_a_quarter_turn_is_against_the_clock(quarters: int) -> None:
    x = torch.rand(4, 2, 11, 11)
    found = turned(x, torch.full((4,), 90.0 * quarters))
    assert torch.allclose(found, torch.rot90(x, quarters, (2, 3)), atol=1e-4)


def test_a_picture_that_is_not_square_is_turned_and_not_sheared() -> None:
    x = torch.rand(2, 1, 15, 21)
    found = turned(x, torch.full((2,), 90.0))
    middle = x[..., 1:14, 4:17]  # a square around the middle
    assert torch.allclose(found[..., 1:14, 4:17], torch.rot90(middle, 1, (2, 3)), atol=1e-4)


def test_each_picture_has_its_own_angle() -> None:
    x = torch.rand(1, 1, 9, 9).expand(2, -1, -1, -1)
    one, other = turned(x, torch.tensor([0.0, 90.0]))
    assert torch.allclose(one, x[0], atol=1e-5)
    assert not torch.allclose(other, x[0], atol=0.1)


def test_augmented_pictures_stay_images_and_nothing_black_comes_in() -> None:
    x = 0.5 + 0.5 * torch.rand(50, 3, 16, 16)
    found = data.augmented(x, seed=1, degrees=45)
    data.check_images(found)
    assert found.shape == x.shape
    assert found.min() >= 0.499
    assert torch.equal(data.augmented(torch.ones(3, 1, 8, 8), seed=2), torch.ones(3, 1, 8, 8))


def test_the_angles_stay_within_the_degrees() -> None:
    n, degrees = 500, 10.0
    x = torch.zeros(n, 1, 65, 65)
    x[:, :, 32, 50:] = 1  # a hand to the right
    x[:, :, 32, :15] = 1  # and one to the left: its mirror image is itself
    found = data.augmented(x, seed=3, degrees=degrees)[:, 0, :, 50:]
    heights = (found * torch.arange(32, -33, -1.0)[:, None]).sum(1) / found.sum(1)
    angles = torch.atan2(heights[:, 6], torch.tensor(24.0)).rad2deg()
    assert angles.abs().max() < degrees + 0.5
    assert angles.abs().max() > degrees - 1
    assert angles.mean().abs() < 1


def test_the_same_seed_gives_the_same_pictures_and_another_one_others() -> None:
    x = torch.rand(20, 3, 8, 8)
    assert torch.equal(data.augmented(x, 1), data.augmented(x, 1))
    assert not torch.equal(data.augmented(x, 1), data.augmented(x, 2))


BAD: list[tuple[Any, Any, Any, str]] = [
    (torch.full((1, 1, 4, 4), 255.0), 0, 10, "divide by 255"),
    (torch.rand(1, 4, 4), 0, 10, "unsqueeze"),
    (torch.rand(1, 1, 4, 4), -1, 10, "seed of 0 or more"),
    (torch.rand(1, 1, 4, 4), 0, float("nan"), "degrees of 0 or more"),
]


@pytest.mark.parametrize(("x", "seed", "degrees", "message"), BAD)
def test_what_cannot_be_augmented_is_refused(x: Any, seed: Any, degrees: Any, message: str) -> None:
    with pytest.raises(CourseError, match=message):
        data.augmented(x, seed, degrees)
