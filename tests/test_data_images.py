"""Laws of what models train on."""

import numpy as np
import pytest
import torch
from torch import Tensor

from vaecourse import data
from vaecourse.errors import CourseError


def test_images_that_are_right_pass() -> None:
    data.check_images(torch.rand(2, 3, 4, 5))
    data.check_images(torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1).half())


def with_one(value: float) -> Tensor:
    x = torch.full((4, 1, 3, 3), 0.5)
    x[2, 0, 1, 1] = value
    return x


BAD = {
    "bytes": (torch.zeros(2, 1, 3, 3, dtype=torch.uint8), r"\(2, 1, 3, 3\) of torch.uint8.*255"),
    "an array": (np.zeros((2, 1, 3, 3)), "got ndarray; try torch.as_tensor"),
    "no channels": (torch.zeros(2, 3, 3), r"\(2, 3, 3\).*unsqueeze"),
    "flat": (torch.zeros(2, 9), r"\(2, 9\).*reshape"),
    "empty": (torch.zeros(0, 1, 3, 3), "is empty"),
    "0 to 255": (with_one(255), r"from 0.5 to 255, with 0 NaN.*x\[2\].*divide by 255"),
    "-1 to 1": (with_one(-1), r"from -1 to 0.5.*x\[2\].*\(x \+ 1\) / 2"),
    "a NaN": (with_one(float("nan")), r"from 0.5 to 0.5, with 1 NaN.*x\[2\]"),
    "infinite": (with_one(float("inf")), r"to inf, with 0 NaN.*x\[2\]"),
    "all NaN": (torch.full((1, 1, 2, 2), torch.nan), r"no number, with 4 NaN.*x\[0\]"),
}


@pytest.mark.parametrize(("x", "message"), BAD.values(), ids=BAD.keys())
def test_images_that_are_wrong_are_told_apart(x: Tensor, message: str) -> None:
    with pytest.raises(CourseError, match=message) as told:
        data.check_images(x)
    assert "\n" not in str(told.value)
