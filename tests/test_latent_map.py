"""t-SNE's map of codes: what it keeps, and what it refuses."""

from typing import Any

import pytest
import torch
from exact import randn
from torch import Tensor

from vaecourse.errors import CourseError
from vaecourse.latent import tsne


def two_clouds() -> Tensor:
    """Codes (60, 5): thirty about the origin, then thirty far away."""
    z = 0.1 * randn(60, 5)
    z[30:] += 10
    return z


def test_each_point_of_the_map_has_neighbours_from_its_own_cloud() -> None:
    plane = tsne(two_clouds(), perplexity=10)
    assert plane.shape == (60, 2)
    distances = torch.cdist(plane, plane).fill_diagonal_(torch.inf)
    nearest = distances.topk(10, largest=False).indices
    own = (nearest < 30) == (torch.arange(60) < 30)[:, None]
    assert own.all()


def test_the_same_seed_draws_the_same_map_and_torchs_random_numbers_are_left_alone() -> None:
    z = two_clouds()
    before = torch.get_rng_state()
    first, again = tsne(z, perplexity=10, seed=1), tsne(z, perplexity=10, seed=1)
    assert torch.equal(first, again)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_map_has_the_type_of_the_codes_and_no_gradient() -> None:
    z = two_clouds().double().requires_grad_()
    plane = tsne(z, perplexity=5)
    assert plane.dtype == torch.float64
    assert not plane.requires_grad


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"perplexity": 60}, r"below the number of codes, 60, got 60; .* perplexity=6$"),
        ({"perplexity": 100.5}, "below the number of codes, 60, got 100.5"),
        ({"perplexity": 0}, "perplexity of 1 or more, and finite, got 0"),
        ({"perplexity": float("nan")}, "perplexity of 1 or more, and finite, got nan"),
        ({"perplexity": "30"}, "a number for perplexity, got '30'"),
        ({"seed": 0.5}, "seed"),
        ({"z": torch.zeros(60, 5)}, "codes that differ, .* got 60 equal codes"),
        ({"z": randn(60, 1)}, "two dimensions or more, got codes of one dimension"),
        ({"z": randn(1, 5), "perplexity": 1}, "below the number of codes, 1, got 1"),
        ({"z": randn(60)}, r"a floating tensor \(n, latent_dim\), not empty, got \(60,\)"),
        ({"z": randn(60, 5) / 0}, "finite codes, got NaN or infinity, first in row 0"),
        ({"z": [[0.0, 1.0]]}, "a floating tensor .* got list"),
    ],
)
def test_what_has_no_map_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(CourseError, match=said):
        tsne(**({"z": two_clouds()} | given))
