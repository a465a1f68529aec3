"""The score of drawn images, against hand counts and the controls that it must pass."""

import math

import pytest
import torch
from torch import Tensor

from vaecourse.data import load
from vaecourse.errors import CourseError
from vaecourse.metrics import agreement


def shades(*values: float) -> Tensor:
    """Images of one pixel."""
    return torch.tensor(values).view(-1, 1, 1, 1)


REAL, LABELS = shades(0.0, 0.1, 0.2, 0.8, 0.9, 1.0), torch.tensor([7, 7, 3, 3, 5, 5])


def test_it_is_the_share_of_the_commonest_class_among_the_nearest() -> None:
    share, classes = agreement(shades(0.0, 1.0, 0.5), REAL, LABELS, num_neighbours=2)
    torch.testing.assert_close(share, torch.tensor([1.0, 1.0, 1.0]))  # 0.2 and 0.8 are threes
    assert classes == pytest.approx(3)
    share, _ = agreement(shades(0.0, 1.0), REAL, LABELS, num_neighbours=3)
    torch.testing.assert_close(share, torch.tensor([2 / 3, 2 / 3]))


def test_the_number_of_classes_is_the_exponential_of_the_entropy() -> None:
    drawn = shades(0.0, 0.0, 1.0, 0.5)
    _, classes = agreement(drawn, REAL, LABELS, num_neighbours=2)
    assert classes == pytest.approx(2**1.5)  # shares of ½, ¼, ¼: 1½ bits
    _, classes = agreement(drawn[:2], REAL, LABELS, num_neighbours=2)
    assert classes == pytest.approx(1)


def test_real_images_agree_with_themselves() -> None:
    share, classes = agreement(REAL, REAL, LABELS, num_neighbours=1)
    assert torch.equal(share, torch.ones(6))
    assert classes == pytest.approx(3)


def test_the_labels_names_do_not_matter() -> None:
    drawn = torch.rand(50, 1, 1, 1, generator=torch.Generator().manual_seed(0))
    share, classes = agreement(drawn, REAL, LABELS, num_neighbours=3)
    renamed = agreement(drawn, REAL, 100 * LABELS - 50, num_neighbours=3)
    assert torch.equal(share, renamed[0])
    assert classes == renamed[1]


def test_the_score_passes_its_controls() -> None:
    """Real held-out digits do well, cross-fades less so, noise badly; one digit is one class."""
    (x, y), (x_val, y_val) = load("digits", "train"), load("digits", "test")
    x_val, y_val = x_val[:300], y_val[:300]
    other = (torch.arange(300) * 7 + 3) % 300
    unlike = y_val != y_val[other]
    faded = ((x_val + x_val[other]) / 2)[unlike]
    noise = torch.rand(100, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    (real, classes), (between, _), (none, _) = (
        agreement(images, x, y) for images in (x_val, faded, noise)
    )
    assert 9.5 < classes <= 10
    assert real.mean() > between.mean() + 0.05
    assert between.mean() > none.mean() + 0.1
    ones, classes = agreement(x_val[y_val == 1], x, y)
    assert ones.mean() > 0.9
    assert classes < 2


@pytest.mark.parametrize(
    ("images", "y", "num_neighbours", "said"),
    [
        (
            shades(0.5).expand(1, 1, 2, 2),
            LABELS,
            2,
            r"the real ones' shape \(1, 1, 1\), got \(1, 2, 2",
        ),
        (shades(math.nan), LABELS, 2, "expected images"),
        (shades(2.0), LABELS, 2, "expected images"),
        (shades(0.5), LABELS[:5], 2, r"label for each of the 6 real images, got \(5,\); try x, y"),
        (shades(0.5), LABELS.float(), 2, "a whole-numbered label"),
        (shades(0.5), LABELS.tolist(), 2, "got list"),
        (shades(0.5), LABELS, 7, "num_neighbours up to the 6 real images, got 7; try"),
        (shades(0.5), LABELS, 0, "num_neighbours of 1 or more, got 0"),
        (shades(0.5), LABELS, 2.5, "a whole number for num_neighbours"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    images: Tensor, y: Tensor, num_neighbours: int, said: str
) -> None:
    with pytest.raises(CourseError, match=said):
        agreement(images, REAL, y, num_neighbours)
