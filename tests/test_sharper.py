"""Sharper pictures: what the forces do, and measures of detail that noise cannot fool."""

from copy import deepcopy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from vaecourse.errors import CourseError
from vaecourse.likelihoods import optimal_std_elbo
from vaecourse.metrics import detail_explained, power_by_frequency, sharpness
from vaecourse.networks import Autoencoder, MLPDecoder, MLPEncoder, ResidualDecoder, ResidualEncoder
from vaecourse.training import History, evaluate, fit
from vaecourse.vae import VAE
from vaecourse.variants.sharper import Discriminator, SharperLoss, as_strong

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


def sharpened(seed: int = 3, **settings: Any) -> tuple[VAE, nn.Module, History]:
    plain = small_vae()
    decoder, loss = deepcopy(plain.decoder), SharperLoss(plain, **settings)
    history = fit(decoder, pictures(), objective=loss, num_epochs=2, batch_size=16, seed=seed)
    return plain, decoder, history


def test_the_plain_vae_stays_as_it_is_and_the_new_decoder_learns() -> None:
    before = small_vae()
    plain, decoder, history = sharpened()
    assert all(map(torch.equal, weights(before), weights(plain)))
    assert not any(map(torch.equal, weights(before.decoder), weights(decoder)))
    assert history.train.keys() == {"loss", "recon_nll", "kl", "judge"}


def test_without_forces_the_decoder_trains_on_as_in_the_plain_vae() -> None:
    _, decoder, history = sharpened(features=0, adversarial=0)
    by_hand = small_vae()
    by_hand.encoder.requires_grad_(False)
    settings = {"objective": optimal_std_elbo, "num_epochs": 2, "batch_size": 16, "seed": 3}
    expected = fit(by_hand, pictures(), **settings)
    assert history.train["loss"] == pytest.approx(expected.train["loss"], rel=1e-5)
    for one, other in zip(weights(decoder), weights(by_hand.decoder), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_with_forces_it_goes_another_way() -> None:
    plain_loss = sharpened(features=0, adversarial=0)[2].train["recon_nll"]
    for forces in ({"features": 1.0, "adversarial": 0}, {"features": 0, "adversarial": 1.0}):
        assert sharpened(**forces)[2].train["recon_nll"] != plain_loss


def test_the_same_seed_gives_the_same_pictures() -> None:
    torch.manual_seed(1)
    first = sharpened()[2]
    torch.manual_seed(2)
    assert sharpened()[2] == first
    assert sharpened(seed=4)[2] != first


def test_in_evaluation_the_loss_is_minus_the_elbo_of_the_plain_codes() -> None:
    plain, decoder, _ = sharpened()
    both = deepcopy(plain)
    both.decoder = decoder
    measured = evaluate(decoder, pictures(), SharperLoss(plain))
    assert measured == pytest.approx(evaluate(both, pictures(), optimal_std_elbo), rel=1e-5)


def test_a_force_is_made_as_strong_as_another() -> None:
    x_recon = torch.rand(4, 3, 5, 5, requires_grad=True)
    strong, weak = 700 * x_recon.square().sum((1, 2, 3)), 1e-3 * x_recon.sin().sum((1, 2, 3))
    factor = as_strong(weak, strong, x_recon)
    pulls = [torch.autograd.grad(t.sum(), x_recon)[0].norm() for t in (factor * weak, strong)]
    assert pulls[0].item() == pytest.approx(pulls[1].item(), rel=1e-5)


def test_a_discriminator_learns_to_tell_squares_from_noise() -> None:
    torch.manual_seed(0)
    judge, x = Discriminator(SHAPE, widths=(8, 8)), pictures()
    optimiser = torch.optim.Adam(judge.parameters(), lr=1e-2)
    for _ in range(30):
        loss = F.softplus(-judge(x)[0]).mean() + F.softplus(judge(torch.rand_like(x))[0]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert (judge(x)[0] > 0).float().mean() > 0.95
    assert (judge(torch.rand_like(x))[0] < 0).float().mean() > 0.95


def test_a_discriminator_gives_one_number_an_image_and_what_it_saw() -> None:
    answers, features = Discriminator(SHAPE, widths=(4, 8))(pictures(5))
    assert answers.shape == (5,)
    assert [tuple(each.shape) for each in features] == [(5, 4, 8, 8), (5, 8, 4, 4)]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ({"features": -1}, "features of 0 or more"),
        ({"adversarial": float("nan")}, "adversarial of 0 or more, and finite, got nan"),
        ({"lr": "1"}, "a number for lr, got '1'"),
        ({"plain": Autoencoder(MLPEncoder(2), MLPDecoder(2))}, "expected a VAE"),
    ],
)
def test_forces_that_cannot_be_are_refused(spoil: dict[str, Any], said: str) -> None:
    with pytest.raises(CourseError, match=said):
        SharperLoss(**({"plain": small_vae()} | spoil))


def test_grey_pictures_are_no_pictures_for_a_decoder_of_colour() -> None:
    loss = SharperLoss(small_vae())
    with pytest.raises(CourseError, match=r"got \(8, 1, 16, 16\); try x.expand"):
        fit(small_vae().decoder, pictures()[:, :1], objective=loss, batch_size=8)


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
