"""The geometry of lines, arcs and grids in the latent space."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Normal

from vaecourse.errors import CourseError
from vaecourse.latent import lerp, prior_grid, slerp

few = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 10_000)
steps = st.integers(2, 12)


def pair(seed: int, dim: int = 5) -> Tensor:
    """Two ends z, as rows."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(2, dim, generator=rng, dtype=torch.float64)


# -- straight lines ----------------------------------------------------------------------------


@few
@given(seeds, steps)
def test_lerp_goes_from_end_to_end_in_equal_steps(seed: int, num_steps: int) -> None:
    z_a, z_b = pair(seed)
    line = lerp(z_a, z_b, num_steps)
    assert line.shape == (num_steps, 5)
    assert torch.equal(line[0], z_a)
    assert torch.equal(line[-1], z_b)
    stride = (z_b - z_a) / (num_steps - 1)
    torch.testing.assert_close(line.diff(dim=0), stride.expand(num_steps - 1, 5))


def test_the_middle_of_lerp_is_the_mean_of_its_ends() -> None:
    z_a, z_b = pair(0)
    torch.testing.assert_close(lerp(z_a, z_b, 3)[1], (z_a + z_b) / 2)


def test_in_200_dimensions_the_middle_of_lerp_is_shorter_by_the_root_of_a_half() -> None:
    ends = torch.randn(2, 500, 200, generator=torch.Generator().manual_seed(0))
    middles = torch.stack([lerp(z_a, z_b, 3)[1] for z_a, z_b in ends.unbind(1)])
    ratio = middles.norm(dim=1).mean() / ends.norm(dim=2).mean()
    assert ratio.item() == pytest.approx(math.sqrt(0.5), abs=0.01)


# -- arcs --------------------------------------------------------------------------------------


@few
@given(seeds, steps)
def test_slerp_goes_from_end_to_end(seed: int, num_steps: int) -> None:
    z_a, z_b = pair(seed)
    arc = slerp(z_a, z_b, num_steps)
    assert arc.shape == (num_steps, 5)
    torch.testing.assert_close(arc[0], z_a)
    torch.testing.assert_close(arc[-1], z_b)


@few
@given(seeds)
def test_slerp_between_points_of_one_norm_keeps_it(seed: int) -> None:
    z_a, z_b = pair(seed)
    z_b = z_b / z_b.norm() * z_a.norm()
    norms = slerp(z_a, z_b).norm(dim=1)
    torch.testing.assert_close(norms, z_a.norm().expand(10))


@few
@given(seeds)
def test_slerp_turns_by_equal_angles_while_the_norm_goes_evenly(seed: int) -> None:
    z_a, z_b = pair(seed)
    arc = slerp(z_a, z_b)
    cosines = torch.cosine_similarity(arc[:-1], arc[1:])
    whole = torch.cosine_similarity(z_a, z_b, dim=0).acos()
    torch.testing.assert_close(cosines.acos(), (whole / 9).expand(9))
    stride = (z_b.norm() - z_a.norm()) / 9
    torch.testing.assert_close(arc.norm(dim=1).diff(), stride.expand(9))


@few
@given(seeds)
def test_slerp_stays_in_the_plane_of_its_ends(seed: int) -> None:
    z_a, z_b = pair(seed)
    singular = torch.linalg.svdvals(torch.stack([z_a, z_b, *slerp(z_a, z_b)]))
    assert (singular[2:] < 1e-9 * singular[0]).all()


def test_a_quarter_turn_passes_through_the_diagonal() -> None:
    arc = slerp(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0]), 3)
    torch.testing.assert_close(arc[1], torch.tensor([math.sqrt(2), math.sqrt(2)]))


@pytest.mark.parametrize("angle", [1e-3, 1e-2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_slerp_agrees_with_lerp_for_a_small_angle(angle: float, dtype: torch.dtype) -> None:
    z_a, z_b = torch.tensor([[1, 0], [math.cos(angle), math.sin(angle)]], dtype=dtype)
    torch.testing.assert_close(slerp(z_a, z_b), lerp(z_a, z_b), rtol=0, atol=angle**2)


def test_slerp_along_one_direction_is_lerp() -> None:
    z_a, _ = pair(0)
    torch.testing.assert_close(slerp(z_a, 3 * z_a), lerp(z_a, 3 * z_a))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_slerp_ends_at_its_end_however_small_the_angle(dtype: torch.dtype) -> None:
    z_a, z_b = torch.tensor([[1, 0], [1, 9e-5]], dtype=dtype)
    torch.testing.assert_close(slerp(z_a, z_b)[-1], z_b)


@pytest.mark.parametrize("ends", [(0.0, 1.0), (1.0, 0.0), (0.0, 0.0)])
def test_slerp_refuses_an_end_at_the_origin(ends: tuple[float, float]) -> None:
    z_a, z_b = (torch.full((3,), end) for end in ends)
    with pytest.raises(CourseError, match=r"off the origin.*try lerp"):
        slerp(z_a, z_b)


def test_slerp_refuses_opposite_directions() -> None:
    z_a, _ = pair(0)
    with pytest.raises(CourseError, match=r"opposite.*try lerp"):
        slerp(z_a, -2 * z_a)


@pytest.mark.parametrize("line", [lerp, slerp])
@pytest.mark.parametrize("num_steps", [1, 0, -1])
def test_a_line_of_fewer_than_two_points_is_refused(line: type, num_steps: int) -> None:
    with pytest.raises(CourseError, match=f"num_steps of 2 or more, got {num_steps}; try"):
        line(*pair(0), num_steps)


@pytest.mark.parametrize("line", [lerp, slerp])
def test_a_line_has_the_precision_of_its_ends(line: type) -> None:
    assert line(*pair(0)).dtype == torch.float64
    assert line(*pair(0).float()).dtype == torch.float32


# -- grids over the prior ----------------------------------------------------------------------


@few
@given(st.integers(1, 40))
def test_the_axis_of_the_prior_grid_is_ascending_symmetric_and_finite(side: int) -> None:
    _, axis = prior_grid(side)
    assert axis.shape == (side,)
    assert axis.isfinite().all()
    assert (axis.diff() > 0).all()
    torch.testing.assert_close(axis, -axis.flip(0), atol=1e-5, rtol=0)


@few
@given(st.integers(2, 40))
def test_every_point_of_the_prior_grid_stands_in_the_middle_of_an_equal_share(side: int) -> None:
    _, axis = prior_grid(side)
    cdf = Normal(0.0, 1.0).cdf(axis)
    torch.testing.assert_close(cdf.diff(), torch.full((side - 1,), 1 / side), atol=1e-5, rtol=0)
    assert cdf[0].item() == pytest.approx(0.5 / side, abs=1e-5)
    assert cdf[-1].item() == pytest.approx(1 - 0.5 / side, abs=1e-5)


@few
@given(st.integers(1, 12))
def test_the_prior_grid_is_read_like_a_page_from_the_largest_z2_down(side: int) -> None:
    z, axis = prior_grid(side)
    assert z.shape == (side**2, 2)
    for row in range(side):
        for column in range(side):
            z1, z2 = z[row * side + column]
            assert z1 == axis[column]
            assert z2 == axis[side - 1 - row]


@pytest.mark.parametrize("num_per_side", [0, -1])
def test_a_grid_of_no_points_is_refused(num_per_side: int) -> None:
    with pytest.raises(CourseError, match=f"of 1 or more, got {num_per_side}"):
        prior_grid(num_per_side)


@pytest.mark.parametrize("path", [lerp, slerp])
def test_ends_of_whole_numbers_are_as_good_as_any(path: Callable[..., Tensor]) -> None:
    whole = path(torch.tensor([1, -1]), torch.tensor([5, 3]), 5)
    assert torch.equal(whole, path(torch.tensor([1.0, -1.0]), torch.tensor([5.0, 3.0]), 5))


@pytest.mark.parametrize("path", [lerp, slerp])
def test_ends_that_are_no_points_are_refused(path: Callable[..., Tensor]) -> None:
    one = torch.ones(2)
    for z_a, z_b in ((one.expand(5, 2),) * 2, (one, torch.ones(3)), ([1, 1], one), (one, [1, 1])):
        with pytest.raises(CourseError, match="expected two points of shape"):
            path(z_a, z_b, 5)


@pytest.mark.parametrize("path", [lerp, slerp])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_ends_that_are_not_finite_are_refused(path: Callable[..., Tensor], bad: float) -> None:
    for ends in ((torch.tensor([bad, 1]), torch.ones(2)), (torch.ones(2), torch.tensor([1, bad]))):
        with pytest.raises(CourseError, match="two finite points"):
            path(*ends)


@pytest.mark.parametrize("number", [2.5, "5", None, True])
def test_a_number_of_points_that_is_not_whole_is_refused(number: int) -> None:
    for make in (lambda: lerp(*pair(0), number), lambda: prior_grid(number)):
        with pytest.raises(CourseError, match="a whole number for num_"):
            make()
