"""The path of least decoder change, on surfaces whose shortest lines are known."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from vaecourse.errors import CourseError
from vaecourse.latent import decoded_steps, lerp, shortest_path
from vaecourse.networks import Autoencoder, MLPDecoder, MLPEncoder

few = settings(max_examples=8, deadline=None)
seeds = st.integers(0, 10_000)
as_it_is = nn.Identity()


class Surface(nn.Module):
    """A "decoder" in float64: a map from the plane to pictures (n, 3, 1, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.ones((), dtype=torch.float64))

    def decode(self, z: Tensor) -> Tensor:
        return self.one * torch.stack(self.at(*z.T), dim=1)[:, :, None, None]


class Sphere(Surface):
    """Latitude and longitude: parallels are straight, and not the shortest."""

    def at(self, lat: Tensor, lon: Tensor) -> list[Tensor]:
        return [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]


class Cylinder(Surface):
    """Its angle is w + w³: unrolled, a straight line in (w + w³, v) is the shortest."""

    def at(self, w: Tensor, v: Tensor) -> list[Tensor]:
        angle = w + w**3
        return [angle.cos(), angle.sin(), v]


class Flat(Surface):
    """Linear, stretched and sheared."""

    def at(self, a: Tensor, b: Tensor) -> list[Tensor]:
        return [3 * a + b, a - 0.2 * b, 0.1 * b]


def ends(seed: int = 0, dim: int = 2) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(2, dim, generator=rng, dtype=torch.float64)


def network(seed: int, dim: int = 3) -> Autoencoder:
    torch.manual_seed(seed)
    shape = (1, 4, 4)
    model = Autoencoder(
        MLPEncoder(dim, (8,), shape=shape), MLPDecoder(dim, (16, 16), shape=shape)
    ).double()
    for weight in model.parameters():
        weight.data *= 3  # far from linear
    return model


def energy(model: nn.Module, path: Tensor) -> float:
    return decoded_steps(model, path).square().sum().item()


# -- how far the pictures move ---------------------------------------------------------------------


def test_the_steps_are_the_distances_between_neighbouring_pictures() -> None:
    z = torch.tensor([[0.0, 0.0], [0.0, math.pi / 2], [math.pi / 2, 0.0]]).double()
    found = decoded_steps(Sphere(), z, as_it_is)
    torch.testing.assert_close(found, torch.full((2,), math.sqrt(2)).double())


def test_logits_become_pictures_by_a_sigmoid_unless_told_otherwise() -> None:
    z = torch.tensor([[0.0, 0.0], [1.0, 0.0]]).double()
    was, now = torch.zeros(3).double(), torch.tensor([3.0, 1.0, 0.0]).double()
    apart = (now.sigmoid() - was.sigmoid()).norm()
    torch.testing.assert_close(decoded_steps(Flat(), z), apart[None])


# -- the path --------------------------------------------------------------------------------------


@few
@given(seeds, st.integers(2, 15))
def test_the_ends_are_kept_and_the_energy_is_never_above_the_lines(seed: int, steps: int) -> None:
    model, (z_a, z_b) = network(seed), ends(seed, 3)
    path = shortest_path(model, z_a, z_b, steps)
    assert path.shape == (steps, 3)
    assert torch.equal(path[0], z_a)
    assert torch.equal(path[-1], z_b)
    assert energy(model, path) <= energy(model, lerp(z_a, z_b, steps)) * (1 + 1e-9)


@few
@given(seeds)
def test_for_a_linear_decoder_it_is_the_straight_line(seed: int) -> None:
    z_a, z_b = ends(seed)
    path = shortest_path(Flat(), z_a, z_b, 12, as_it_is)
    torch.testing.assert_close(path, lerp(z_a, z_b, 12), rtol=0, atol=1e-5)


@few
@given(seeds)
def test_it_does_not_matter_which_end_comes_first(seed: int) -> None:
    model, (z_a, z_b) = network(seed % 50), ends(seed, 3)
    there, back = (shortest_path(model, *pair, 9) for pair in ((z_a, z_b), (z_b, z_a)))
    apart = decoded_steps(model, torch.stack([there, back.flip(0)], 1).flatten(0, 1))[::2]
    assert apart.max() < 1e-2 * decoded_steps(model, there).sum() + 1e-9


def test_on_a_sphere_it_follows_the_great_circle() -> None:
    z_a, z_b = torch.tensor([[0.8, -1.0], [0.8, 1.0]]).double()
    (a,), (b,) = (Sphere().decode(z[None]).flatten(1).detach() for z in (z_a, z_b))
    exact = torch.arccos(a @ b).item()
    path = shortest_path(Sphere(), z_a, z_b, 40, as_it_is)
    assert decoded_steps(Sphere(), path, as_it_is).sum().item() == pytest.approx(exact, rel=1e-3)
    along = decoded_steps(Sphere(), lerp(z_a, z_b, 40), as_it_is).sum().item()
    assert along == pytest.approx(2 * math.cos(0.8), rel=1e-3)  # the parallel
    assert exact < 0.95 * along
    assert path[20, 0] > 0.8 + 0.1  # nearer to the pole


def test_on_a_cylinder_it_is_straight_once_unrolled() -> None:
    z_a, z_b = torch.tensor([[0.0, 0.0], [1.0, 1.0]]).double()
    path = shortest_path(Cylinder(), z_a, z_b, 40, as_it_is)
    steps = decoded_steps(Cylinder(), path, as_it_is)
    assert steps.sum().item() == pytest.approx(math.sqrt(2**2 + 1), rel=1e-3)
    assert steps.max() < 1.01 * steps.min()  # in equal steps
    w, v = path.T
    torch.testing.assert_close((w + w**3) / 2, v, rtol=0, atol=1e-3)


def test_it_is_the_same_each_time_and_touches_nothing() -> None:
    model, (z_a, z_b) = network(3), ends(3, 3)
    model.train()
    state = torch.get_rng_state()
    with torch.no_grad():
        first, second = (shortest_path(model, z_a, z_b, 9) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(state, torch.get_rng_state())
    assert all(weight.grad is None for weight in model.parameters())
    assert model.training
    assert not first.requires_grad


def test_a_path_has_the_precision_of_its_ends() -> None:
    model = network(0).float()
    for z_a, z_b in (ends(0, 3), ends(0, 3).float()):
        assert shortest_path(model, z_a, z_b, 5).dtype == z_a.dtype


def test_where_the_pictures_do_not_change_it_is_the_line() -> None:
    model, (z_a, z_b) = network(0), ends(0, 3)
    for weight in model.decoder.parameters():
        weight.data.zero_()
    torch.testing.assert_close(shortest_path(model, z_a, z_b, 6), lerp(z_a, z_b, 6))


# -- bad input -------------------------------------------------------------------------------------


def test_ends_that_are_no_points_are_refused() -> None:
    one = torch.ones(3).double()
    for z_a, z_b in ((one, torch.ones(2)), (one[None], one[None]), ([1.0], one)):
        with pytest.raises(CourseError, match=r"two points of shape.*try"):
            shortest_path(network(0), z_a, z_b)
    with pytest.raises(CourseError, match=r"two finite points.*try"):
        shortest_path(network(0), one, one * math.nan)


def test_ends_of_another_dimension_than_the_models_are_refused() -> None:
    with pytest.raises(CourseError, match="expected"):
        shortest_path(network(0), *ends(0, 2))


@pytest.mark.parametrize("name", ["num_steps", "max_iterations"])
@pytest.mark.parametrize("value", [0, -3, 2.5, "9", None])
def test_settings_that_are_no_counts_are_refused(name: str, value: int) -> None:
    with pytest.raises(CourseError, match=rf"{name}.*got .*; try"):
        shortest_path(network(0), *ends(0, 3), **{name: value})


def test_a_model_that_cannot_decode_is_refused() -> None:
    for model in (nn.Linear(3, 3), None):
        with pytest.raises(CourseError, match=r"a model with `decode`.*try"):
            shortest_path(model, *ends(0, 3))
        with pytest.raises(CourseError, match=r"a model with `decode`.*try"):
            decoded_steps(model, ends(0, 3))


def test_pictures_that_are_not_finite_are_refused() -> None:
    model = network(0)
    next(model.decoder.parameters()).data.fill_(math.nan)
    with pytest.raises(CourseError, match=r"finite pictures.*try"):
        shortest_path(model, *ends(0, 3))
