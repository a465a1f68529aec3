"""Sharper pictures: what the forces do, and measures of detail that noise cannot fool."""

from copy import deepcopy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vaecourse.errors import CourseError
from vaecourse.networks import Autoencoder, MLPDecoder, MLPEncoder, ResidualDecoder, ResidualEncoder
from vaecourse.vae import VAE, normal_nll
from vaecourse.variants.sharper import Discriminator, combined, sharpen
from vaecourse.variants.sharpness import detail_explained, power_by_frequency, sharpness

SHAPE = (3, 16, 16)


@pytest.fixture(autouse=True)
def no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TQDM_DISABLE", "1")


def small_vae() -> VAE:
    torch.manual_seed(0)
    widths = (4, 4)
    return VAE(ResidualEncoder(6, SHAPE, widths), ResidualDecoder(3, SHAPE, widths))


def pictures(count: int = 40) -> Tensor:
    """Squares of unlike places and shades."""
    generator = torch.Generator().manual_seed(0)
    x = torch.full((count, *SHAPE), 0.2)
    for picture in x:
        row, column = (int(i) for i in torch.randint(0, 10, (2,), generator=generator))
        shade = torch.rand(3, 1, 1, generator=generator)
        picture[:, row : row + 5, column : column + 5] = shade
    return x


def weights(model: torch.nn.Module) -> list[Tensor]:
    return [weight.detach().clone() for weight in model.parameters()]


# -- the training ------------------------------------------------------------------------------


def test_the_encoder_stays_and_the_decoder_learns() -> None:
    model, x = small_vae(), pictures()
    before = weights(model.encoder), weights(model.decoder)
    history = sharpen(model, x, num_epochs=2, batch_size=16)
    assert all(map(torch.equal, before[0], weights(model.encoder)))
    assert not any(map(torch.equal, before[1], weights(model.decoder)))
    assert history.keys() == {"recon_nll", "judge", "taken for real"}
    assert all(len(values) == 2 for values in history.values())
    assert not model.training


def test_without_forces_the_decoder_trains_on_as_by_hand() -> None:
    model, x = small_vae(), pictures(12)
    by_hand = deepcopy(model)
    sharpen(model, x, features=0, adversarial=0, num_epochs=1, batch_size=12, lr=1e-2, seed=4)

    mu, logvar = (each.detach() for each in by_hand.encode(x))
    std = (x - by_hand.decode(mu).sigmoid()).detach().square().mean().sqrt()
    torch.manual_seed(4)
    Discriminator(SHAPE)  # it takes its share of the random numbers
    index = torch.randperm(12)
    z = mu[index] + torch.exp(0.5 * logvar[index]) * torch.randn(12, 3)
    optimiser = torch.optim.Adam(by_hand.decoder.parameters(), lr=1e-2, betas=(0.5, 0.999))
    normal_nll(by_hand.decode(z).sigmoid(), x[index], std).mean().backward()
    optimiser.step()
    for one, other in zip(weights(model), weights(by_hand), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_same_seed_gives_the_same_pictures() -> None:
    histories = []
    for draws_before in (1, 2):
        torch.manual_seed(draws_before)
        histories.append(sharpen(small_vae(), pictures(), num_epochs=2, batch_size=16, seed=3))
    assert histories[0] == histories[1]
    assert sharpen(small_vae(), pictures(), num_epochs=2, batch_size=16, seed=4) != histories[0]


def test_bfloat16_goes_nearly_the_same_way() -> None:
    settings = {"num_epochs": 2, "batch_size": 16}
    wide = sharpen(small_vae(), pictures(), **settings)
    half = sharpen(small_vae(), pictures(), precision="bfloat16", **settings)
    assert half["judge"] == pytest.approx(wide["judge"], rel=0.05)


@given(st.floats(0, 5), st.floats(0, 5))
def test_a_force_is_as_strong_as_its_weight_says(first: float, second: float) -> None:
    """The pulls are at right angles here, so the squares of their lengths add."""
    pulls = [scale * row for scale, row in zip((3.0, 0.01, 700.0), torch.eye(3), strict=True)]
    total = combined(pulls, (first, second))
    expected = torch.tensor([3.0, 3 * first, 3 * second])
    torch.testing.assert_close(total, expected)


def test_a_force_of_zero_length_pulls_nowhere() -> None:
    assert torch.equal(combined([torch.ones(4), torch.zeros(4)], (2.0,)), torch.ones(4))


def test_a_discriminator_learns_to_tell_squares_from_noise() -> None:
    torch.manual_seed(0)
    judge, x = Discriminator(SHAPE), pictures()
    optimiser = torch.optim.Adam(judge.parameters(), lr=3e-3)
    for _ in range(60):
        loss = F.softplus(-judge(x)).mean() + F.softplus(judge(torch.rand_like(x))).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert (judge(x) > 0).float().mean() > 0.95
    assert (judge(torch.rand_like(x)) < 0).float().mean() > 0.95


def test_a_discriminator_gives_one_number_an_image_by_its_features() -> None:
    judge, x = Discriminator(SHAPE, widths=(4, 8)), pictures(5)
    features = judge.features(x)
    assert [tuple(each.shape) for each in features] == [(5, 4, 8, 8), (5, 8, 4, 4)]
    assert judge(x).shape == (5,)
    assert torch.equal(judge(x), judge.judge(features))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ({"features": -1}, "features of 0 or more"),
        ({"adversarial": float("nan")}, "adversarial of 0 or more, and finite, got nan"),
        ({"num_epochs": 0}, "num_epochs of 1 or more, got 0"),
        ({"batch_size": 1.5}, "a whole number for batch_size"),
        ({"lr": "1"}, "a number for lr, got '1'"),
        ({"precision": "half"}, "there is no precision 'half'"),
        ({"x": pictures()[:, :1]}, r"got \(40, 1, 16, 16\); try x.expand"),
        ({"x": None}, "expected images of shape .*, got NoneType"),
        ({"model": Autoencoder(MLPEncoder(2), MLPDecoder(2))}, "expected a VAE"),
    ],
)
def test_what_cannot_be_sharpened_is_refused(spoil: dict[str, Any], said: str) -> None:
    with pytest.raises(CourseError, match=said):
        sharpen(**({"model": small_vae(), "x": pictures()} | spoil))


def test_a_discriminator_refuses_pictures_of_another_size() -> None:
    with pytest.raises(CourseError, match=r"expected images of shape \(batch, 3, 16, 16\)"):
        Discriminator(SHAPE)(torch.rand(2, 3, 16, 17))


# -- the measures ------------------------------------------------------------------------------

sizes = st.tuples(st.integers(1, 3), st.sampled_from([1, 3]), st.integers(2, 9), st.integers(2, 9))


@settings(max_examples=30, deadline=None)
@given(sizes)
def test_the_power_of_all_frequencies_is_the_mean_square_of_the_pixels(
    size: tuple[int, int, int, int],
) -> None:
    x = torch.randn(size, generator=torch.Generator().manual_seed(0)).double()
    torch.testing.assert_close(power_by_frequency(x).sum(), x.square().mean())


@pytest.mark.parametrize("cycles", [1, 3, 8])
def test_a_wave_has_its_power_in_the_ring_of_its_cycles(cycles: int) -> None:
    wave = torch.sin(2 * torch.pi * cycles * torch.arange(64) / 64).expand(1, 1, 64, 64)
    power = power_by_frequency(wave)
    assert power[cycles].item() == pytest.approx(0.5, rel=1e-5)
    assert power.sum().item() == pytest.approx(0.5, rel=1e-5)


def blurred(x: Tensor, passes: int = 1) -> Tensor:
    kernel = torch.tensor([1.0, 2.0, 1.0]) / 4
    kernel = torch.outer(kernel, kernel)[None, None].expand(3, 1, 3, 3)
    for _ in range(passes):
        x = F.conv2d(F.pad(x, (1, 1, 1, 1), "circular"), kernel, groups=3)
    return x


def test_real_pictures_score_one_blurred_ones_less_and_noisy_ones_more() -> None:
    x, noise = pictures(), 0.1 * torch.randn(40, *SHAPE, generator=torch.Generator().manual_seed(1))
    scores = [sharpness(blurred(x, passes), x) for passes in (0, 1, 2, 4)]
    assert scores[0] == 1
    assert scores == sorted(scores, reverse=True)
    assert scores[1] < 0.8
    assert sharpness(x + noise, x) > 1.05


def test_noise_that_is_as_sharp_as_real_pictures_explains_none_of_their_detail() -> None:
    x = pictures()
    noise = torch.randn(40, *SHAPE, generator=torch.Generator().manual_seed(1))
    noise = noise / sharpness(noise, x)
    assert sharpness(noise, x) == pytest.approx(1)
    assert detail_explained(noise, x) == pytest.approx(-1, abs=0.1)  # two unlike details: 1 − 2


def test_a_copy_explains_all_detail_a_flat_picture_none_and_a_blurred_one_some() -> None:
    x = pictures()
    assert detail_explained(x, x) == 1
    assert detail_explained(x.mean((2, 3), keepdim=True).expand_as(x), x) == pytest.approx(0)
    assert 0.2 < detail_explained(blurred(x), x) < 0.95


def test_the_detail_of_other_pictures_is_worse_than_none() -> None:
    x = pictures()
    assert sharpness(x.flip(0), x) == pytest.approx(1)
    assert detail_explained(x.flip(0), x) < -0.3


@pytest.mark.parametrize("measure", [sharpness, detail_explained])
@pytest.mark.parametrize(
    ("images", "x", "said"),
    [
        (torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 9), "pictures of one shape, got"),
        (torch.rand(2, 3, 8, 8), torch.full((2, 3, 8, 8), 0.5), "detail finer than 4 pix"),
        (torch.rand(3, 8, 8), torch.rand(2, 3, 8, 8), r"got \(3, 8, 8\); try x\[:1\]"),
        (torch.rand(2, 3, 8, 8), None, "got NoneType"),
        (torch.rand(0, 3, 8, 8), torch.rand(2, 3, 8, 8), "not empty"),
    ],
)
def test_what_has_no_score_is_refused(measure: Any, images: Tensor, x: Any, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        measure(images, x)


def test_a_reconstruction_is_asked_for_each_picture() -> None:
    with pytest.raises(CourseError, match="of each of 3 pictures, got 2"):
        detail_explained(torch.rand(2, 3, 8, 8), torch.rand(3, 3, 8, 8))


def test_finer_than_two_pixels_there_is_nothing() -> None:
    with pytest.raises(CourseError, match="2 pixels or more, the finest there is, got 1"):
        sharpness(torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8), finer_than=1)
