"""Each bug of the clinic breaks a law, named here after it; the healthy VAE keeps them all."""

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from vaecourse import clinic
from vaecourse.clinic import BUGS, HEALTHY, LAWS, examine, patient
from vaecourse.device import evaluating
from vaecourse.errors import CourseError
from vaecourse.training import fit
from vaecourse.vae import bernoulli_nll

SHAPE = (1, 6, 6)
LATENT_DIM = 4

CAUGHT_BY = {
    "kl-without-its-half": "the loss is that of torch.distributions",
    "mean-over-latents": "the loss is that of torch.distributions",
    "negated-kl": "the loss is that of torch.distributions",
    "beta-times-784": "the loss is that of torch.distributions",
    "sigma-as-logvar": "the noise is standard, and each image's own",
    "z-not-sampled": "the noise is standard, and each image's own",
    "one-eps-for-the-batch": "the noise is standard, and each image's own",
    "decoder-ignores-z": "the pictures depend on the images",
    "sigmoid-twice": "a picture can be dark",
    "evaluation-in-training-mode": "evaluation repeats itself",
}


def small(name: str = HEALTHY) -> clinic.Patient:
    return patient(name, latent_dim=LATENT_DIM, hidden=12, shape=SHAPE)


def images(count: int = 10) -> Tensor:
    rng = torch.Generator().manual_seed(1)
    return torch.rand(count, *SHAPE, generator=rng)


def terms(name: str) -> dict[str, Tensor]:
    """What a patient logs, its loss included, and the two right terms of the same draw."""
    model, objective = small(name)
    with evaluating(model):
        torch.manual_seed(0)
        loss, logged = objective(model, images())
        torch.manual_seed(0)
        logits, mu, logvar = model(images())
        kl = kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(dim=1)
        return {"loss": loss, **logged, "true_nll": bernoulli_nll(logits, images()), "true_kl": kl}


def draws(name: str) -> tuple[Tensor, Tensor, Tensor]:
    """5,000 draws z of each image, with its mu and logvar."""
    model, _ = small(name)
    with evaluating(model):
        mu, logvar = model.encode(images())
        torch.manual_seed(0)
        z = torch.stack([model.reparameterize(mu, logvar) for _ in range(5000)])
    return z, mu, logvar


# -- all laws on all patients ----------------------------------------------------------------------


def test_the_healthy_vae_keeps_every_law_untrained_and_trained() -> None:
    model, objective = small()
    assert all(examine(model, images(), objective).values())
    fit(model, images(), objective=objective, num_epochs=5, batch_size=5)
    assert all(examine(model, images(), objective).values())


@pytest.mark.parametrize("name", BUGS)
def test_a_bug_breaks_its_law_and_no_other(name: str) -> None:
    model, objective = small(name)
    kept = examine(model, images(), objective)
    assert kept.keys() == LAWS.keys()
    assert [law for law, holds in kept.items() if not holds] == [CAUGHT_BY[name]]


def test_every_bug_has_a_law_and_every_law_a_bug() -> None:
    assert CAUGHT_BY.keys() == BUGS.keys()
    assert set(CAUGHT_BY.values()) == LAWS.keys()


def test_examining_leaves_the_model_and_the_random_state_alone() -> None:
    model, objective = small()
    model.train()
    before = torch.get_rng_state()
    examine(model, images(), objective)
    assert torch.equal(torch.get_rng_state(), before)
    assert model.training
    assert next(model.parameters()).dtype == torch.float32


# -- each bug by its own law -----------------------------------------------------------------------


def test_the_kl_without_its_half_is_twice_that_of_torch_distributions() -> None:
    found = terms("kl-without-its-half")
    torch.testing.assert_close(found["kl"], 2 * found["true_kl"])
    torch.testing.assert_close(found["loss"], found["true_nll"] + found["kl"])


def test_the_mean_over_latents_is_the_kl_divided_by_their_number() -> None:
    found = terms("mean-over-latents")
    torch.testing.assert_close(found["kl"], found["true_kl"] / LATENT_DIM)
    torch.testing.assert_close(found["loss"], found["true_nll"] + found["kl"])


def test_the_negated_kl_is_below_zero_by_as_much_as_the_kl_is_above() -> None:
    found = terms("negated-kl")
    assert (found["kl"] < 0).all()
    torch.testing.assert_close(found["kl"], -found["true_kl"])


def test_beta_times_784_is_a_mean_over_pixels_beside_a_sum_over_latents() -> None:
    """784 is the number of pixels of a digit; here it is 36."""
    found = terms("beta-times-784")
    torch.testing.assert_close(36 * found["loss"], found["true_nll"] + 36 * found["true_kl"])


def test_sigma_as_logvar_draws_with_another_width_than_the_kl_is_told() -> None:
    z, _, logvar = draws("sigma-as-logvar")
    torch.testing.assert_close(z.std(dim=0), logvar.abs(), rtol=0.05, atol=1e-6)
    assert not torch.allclose(z.std(dim=0), (logvar / 2).exp(), rtol=0.05)


def test_z_not_sampled_has_no_width_at_all() -> None:
    z, mu, _ = draws("z-not-sampled")
    assert torch.equal(z, mu.expand_as(z))


def test_one_eps_for_the_batch_makes_the_noise_of_two_images_the_same() -> None:
    z, mu, logvar = draws("one-eps-for-the-batch")
    eps = (z - mu) / (logvar / 2).exp()
    torch.testing.assert_close(eps[:, 0], eps[:, 1])
    assert eps.std().item() == pytest.approx(1, abs=0.02)
    z, mu, logvar = draws(HEALTHY)
    eps = (z - mu) / (logvar / 2).exp()
    assert (eps[:, 0] * eps[:, 1]).mean().abs() < 0.05


def test_a_decoder_that_ignores_z_sends_no_gradient_to_the_encoder() -> None:
    for name, reaches in ((HEALTHY, True), ("decoder-ignores-z", False)):
        model, _ = small(name)
        logits, _, _ = model(images())
        (gradient,) = torch.autograd.grad(
            bernoulli_nll(logits, images()).sum(), model.encoder[1].weight, materialize_grads=True
        )
        assert bool(gradient.any()) == reaches


def test_logits_through_a_sigmoid_twice_are_never_darker_than_one_half() -> None:
    model, _ = small("sigmoid-twice")
    z = 1e3 * torch.randn(100, LATENT_DIM)
    pictures = model.decode(z).sigmoid()
    assert pictures.min() >= 0.5
    assert pictures.max() <= torch.tensor(1.0).sigmoid()
    assert small().model.decode(z).sigmoid().min() < 0.01


def test_evaluation_in_training_mode_gives_an_image_two_posteriors() -> None:
    for name, equal in ((HEALTHY, True), ("evaluation-in-training-mode", False)):
        model = small(name).model.eval()
        assert torch.equal(model.encode(images())[0], model.encode(images())[0]) == equal


# -- the ward --------------------------------------------------------------------------------------


def test_all_patients_start_from_the_same_weights_and_leave_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    first = small().model.state_dict()
    for name in BUGS:
        for key, weight in small(name).model.state_dict().items():
            assert torch.equal(weight, first[key])
    assert torch.equal(torch.get_rng_state(), before)


def test_two_bugs_may_hide_each_other() -> None:
    """The mean over latents, weighed by their number, is the sum."""
    found = terms("mean-over-latents")
    hidden = found["true_nll"] + LATENT_DIM * found["kl"]
    torch.testing.assert_close(hidden, terms(HEALTHY)["loss"])


def test_the_letters_name_every_bug_once_and_not_in_the_order_of_the_list() -> None:
    names = clinic.letters(seed=0)
    assert list(names) == list("ABCDEFGHIJ")
    assert sorted(names.values()) == sorted(BUGS)
    assert list(names.values()) != list(BUGS)
    assert names == clinic.letters(seed=0) != clinic.letters(seed=1)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: patient("kl-without-half"), "did you mean 'kl-without-its-half'"),
        (lambda: patient(3), "expected one of"),
        (lambda: patient(latent_dim=0), "expected latent_dim of 1 or more, got 0"),
        (lambda: patient(hidden=2.5), "expected a whole number for hidden"),
        (
            lambda: examine(small().model, images(1)),
            "expected two images or more, .* got \\(1, 1, 6, 6\\)",
        ),
        (lambda: examine(small().model, 3), "expected two images or more, .* got int"),
        (lambda: examine(torch.nn.Linear(2, 2), images()), "expected a VAE"),
    ],
)
def test_bad_input_is_a_sentence(wrong, says: str) -> None:
    with pytest.raises(CourseError, match=says):
        wrong()


@pytest.mark.parametrize("logvar", [-1e9, 1e9, float("nan")])
def test_a_posterior_of_no_width_or_of_an_infinite_one_is_a_broken_law(logvar: float) -> None:
    model = small().model
    last = model.encoder[-1]
    with torch.no_grad():
        last.bias[model.latent_dim :] = logvar
    assert not examine(model, images())["the loss is that of torch.distributions"]
