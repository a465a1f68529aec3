"""The factor on the learning rate, from the part of the training that is done."""

import math
from collections.abc import Callable

from vaecourse.errors import CourseError, check_number

Schedule = Callable[[float], float]


def one_cycle(done: float, warm_up: float = 0.25) -> float:
    """The factor on lr when the part `done` (0 to 1) of the training is over.

    It rises by a straight line from a twenty-fifth to 1 while `warm_up` lasts, then falls along
    half a cosine to 0 (after Smith and Topin, arXiv:1708.07120).
    """
    if done < warm_up:
        return 0.04 + 0.96 * done / warm_up
    return 0.5 + 0.5 * math.cos(math.pi * (done - warm_up) / (1 - warm_up))


def cosine(done: float, floor: float = 0.0) -> float:
    """The factor on lr when the part `done` (0 to 1) of the training is over.

    It falls from 1 along half a cosine to `floor`, the last rate as a part of the first: from 5e-4
    to 1e-6 it is 1e-6 / 5e-4 (Loshchilov and Hutter, arXiv:1608.03983, equation 5, one run). Give
    `fit` a floor by `partial(cosine, floor=0.002)`. Raises CourseError for a floor outside [0, 1].
    """
    check_number("floor", floor, "floor=1e-6 / 5e-4")
    if floor > 1:
        raise CourseError(
            f"expected floor as a part of lr, 1 at most, got {floor}; try the last rate divided by "
            "the first, floor=1e-6 / 5e-4"
        )
    return floor + (1 - floor) * (0.5 + 0.5 * math.cos(math.pi * done))
