"""What `fit` promises: every image once an epoch, one seed one history, and nothing lost."""

import math
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli

from vaecourse.device import check_device, packed
from vaecourse.errors import CourseError
from vaecourse.networks import Autoencoder, MLPDecoder, MLPEncoder
from vaecourse.objectives import (
    Terms,
    WarmUp,
    importance_weighted_bound,
    reconstruction_loss,
)
from vaecourse.training import Objective, cosine, evaluate, fit, one_cycle
from vaecourse.vae import VAE, negative_elbo

SHAPE = (1, 4, 4)
Weights = dict[str, Tensor]


def images(count: int = 24, seed: int = 0) -> Tensor:
    return torch.rand(count, *SHAPE, generator=torch.Generator().manual_seed(seed))


def small_vae() -> VAE:
    torch.manual_seed(0)
    return VAE(MLPEncoder(4, (8,), SHAPE), MLPDecoder(2, (8,), SHAPE))


def small_autoencoder() -> Autoencoder:
    torch.manual_seed(0)
    return Autoencoder(MLPEncoder(2, (8,), SHAPE), MLPDecoder(2, (8,), SHAPE))


class QuietVAE(VAE):
    """Decodes the mean: nothing random, so that two ways to the same arithmetic can be compared."""

    def reparameterize(self, mu: Tensor, logvar: Tensor) -> Tensor:
        return mu


class Plain(nn.Module):
    """An objective that does not say that its step may be captured."""

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        self.objective = objective

    def advance(self, done: float) -> None:
        if isinstance(self.objective, WarmUp):
            self.objective.advance(done)

    def forward(self, model: nn.Module, x: Tensor) -> Terms:
        return self.objective(model, x)


def weights(model: nn.Module) -> Weights:
    return {name: value.clone() for name, value in model.state_dict().items()}


def equal(one: Weights, other: Weights) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(autouse=True)
def no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TQDM_DISABLE", "1")


# -- it learns ---------------------------------------------------------------------------------


def test_32_binary_images_are_overfitted() -> None:
    """No model can score better than log(1/32) on average: 32 images share a probability of 1.

    One that ignores z can do no better than the entropy of the pixels, taken one by one.
    """
    x = torch.rand(32, 1, 8, 8, generator=torch.Generator().manual_seed(0)).round()
    entropy = Bernoulli(x.mean(dim=0)).entropy().sum().item()
    torch.manual_seed(0)
    model = VAE(MLPEncoder(10, (128,), (1, 8, 8)), MLPDecoder(5, (128,), (1, 8, 8)))
    loss = fit(model, x, num_epochs=400, batch_size=32, lr=1e-2).train["loss"]
    assert loss[0] > entropy > 40
    assert 14 > sum(loss[-50:]) / 50 > math.log(32)
    assert (model.reconstruct(x).round() == x).float().mean() > 0.99


def test_an_autoencoder_is_fitted_by_its_own_objective() -> None:
    model, x = small_autoencoder(), images().round()
    history = fit(model, x, objective=reconstruction_loss, num_epochs=300, batch_size=24, lr=1e-2)
    assert history.train["recon_nll"][-1] < 0.7 * history.train["recon_nll"][0]
    assert history.train.keys() == {"loss", "recon_nll"}


def test_fit_takes_the_steps_of_a_plain_loop_with_adam() -> None:
    x, model = images(10), small_vae()
    by_hand = deepcopy(model)
    objective = partial(negative_elbo, beta=2.0)
    history = fit(model, x, objective=objective, num_epochs=3, batch_size=4, lr=1e-2, seed=7)

    torch.manual_seed(7)
    optimiser = torch.optim.Adam(by_hand.parameters(), lr=1e-2)
    means = []
    for _ in range(3):
        recon_nlls = []
        for index in torch.randperm(10).split(4):
            loss, terms = negative_elbo(by_hand, x[index], 2.0)
            optimiser.zero_grad()
            loss.mean().backward()
            optimiser.step()
            recon_nlls.append(terms["recon_nll"].detach())
        means.append(torch.cat(recon_nlls).mean().item())

    torch.testing.assert_close(weights(model), weights(by_hand), rtol=1e-4, atol=1e-6)
    assert history.train["recon_nll"] == pytest.approx(means, rel=1e-4)


# -- what is trained on ------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "batch_size"), [(12, 4), (13, 4), (5, 5), (7, 1), (9, 8)])
def test_every_image_is_seen_once_an_epoch_in_a_new_order(count: int, batch_size: int) -> None:
    x = (torch.arange(count) / count).view(-1, 1, 1, 1).expand(-1, *SHAPE)
    seen: list[Tensor] = []

    def record(model: nn.Module, batch: Tensor) -> Terms:
        seen.append((batch[:, 0, 0, 0] * count).round().int())
        return negative_elbo(model, batch)

    fit(small_vae(), x, objective=record, num_epochs=3, batch_size=batch_size)
    num_steps = math.ceil(count / batch_size)
    assert len(seen) == 3 * num_steps
    assert all(len(batch) == batch_size for i, batch in enumerate(seen) if (i + 1) % num_steps)
    epochs = [torch.cat(seen[i * num_steps : (i + 1) * num_steps]).tolist() for i in range(3)]
    assert all(Counter(epoch) == Counter(range(count)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) == 3


def test_the_history_is_a_mean_over_images_also_where_the_last_batch_is_small() -> None:
    x = torch.cat([torch.zeros(8, *SHAPE), torch.ones(1, *SHAPE)])
    model = small_autoencoder()
    history = fit(model, x, x, objective=reconstruction_loss, num_epochs=1, batch_size=8, lr=0.0)
    expected = reconstruction_loss(model, x)[0].mean().item()
    assert history.train["recon_nll"] == pytest.approx([expected], rel=1e-5)
    assert history.validation["recon_nll"] == pytest.approx([expected] * 2, rel=1e-5)


def test_validation_images_change_nothing_in_training() -> None:
    x, model = images(), small_vae()
    other = deepcopy(model)
    with_them = fit(model, x, images(9, seed=1), num_epochs=3, batch_size=10)
    without = fit(other, x, num_epochs=3, batch_size=10)
    assert with_them.train == without.train
    assert equal(weights(model), weights(other))


def test_validation_is_measured_before_training_and_after_each_epoch() -> None:
    x, x_val, model = images(), images(9, seed=1), small_vae()
    before = evaluate(model, x_val, seed=3)
    history = fit(model, x, x_val, num_epochs=4, batch_size=10, lr=1e-2, seed=3)
    after = evaluate(model, x_val, seed=3)
    assert {name: curve[0] for name, curve in history.validation.items()} == before
    assert {name: curve[-1] for name, curve in history.validation.items()} == after
    assert before.keys() == after.keys() == {"loss", "recon_nll", "kl"}
    assert all(len(curve) == 5 for curve in history.validation.values())
    assert all(len(curve) == 4 for curve in history.train.values())


def test_without_validation_its_curves_are_empty() -> None:
    history = fit(small_vae(), images(), num_epochs=2, batch_size=10)
    assert history.validation == {}


@pytest.mark.parametrize("beta", [0.0, 3.0])
def test_the_loss_in_the_history_is_that_of_its_terms(beta: float) -> None:
    x, objective = images(), partial(negative_elbo, beta=beta)
    history = fit(small_vae(), x, x, objective=objective, num_epochs=2, batch_size=10)
    for curves in (history.train, history.validation):
        sums = [a + beta * b for a, b in zip(curves["recon_nll"], curves["kl"], strict=True)]
        assert curves["loss"] == pytest.approx(sums, rel=1e-5)


def test_whatever_an_objective_names_is_recorded_and_nothing_else() -> None:
    x = images()

    def two_numbers(model: nn.Module, x: Tensor) -> Terms:
        loss, terms = negative_elbo(model, x)
        return loss, {"ones": torch.ones_like(loss), "half": 0.5 * terms["kl"]}

    history = fit(small_vae(), x, x, objective=two_numbers, num_epochs=2, batch_size=10)
    assert history.train.keys() == history.validation.keys() == {"loss", "ones", "half"}
    assert history.train["ones"] == [1.0, 1.0]
    kl = fit(small_vae(), x, x, num_epochs=2, batch_size=10).validation["kl"]
    assert history.validation["half"] == pytest.approx([value / 2 for value in kl])
    tighter = fit(small_vae(), x, x, objective=importance_weighted_bound, batch_size=10)
    assert tighter.train.keys() == {"loss", "iw_nll"}


@pytest.mark.parametrize(
    ("spoil", "came"),
    [
        (lambda loss: (loss.mean(), {}), r"loss of shape \(10,\), got \(\)"),
        (lambda loss: (loss, {"kl": loss[:, None]}), r"kl of shape \(10,\), got \(10, 1\)"),
        (lambda loss: (loss, {"kl": 0.0}), r"kl of shape \(10,\), got float"),
        (lambda loss: (loss, loss, loss), "its terms by name, got tuple"),
        (lambda loss: loss, "its terms by name, got Tensor"),
        (lambda loss: [loss, {}], "its terms by name, got list"),
        (lambda loss: (loss, None), "its terms by name, got tuple"),
        (lambda loss: (loss, {"loss": loss}), "got one named 'loss'; try another name"),
        (lambda loss: (loss.long(), {}), r"loss in floats, got torch.int64; try .float\(\)"),
        (lambda loss: (loss, {"kl": loss + 0j}), "kl in floats, got torch.complex64"),
        (lambda loss: (loss.detach(), {}), "depends on the weights, got one without a graph"),
    ],
)
def test_an_objective_that_gives_anything_but_a_number_an_image_is_refused(
    spoil: Callable[[Tensor], Terms], came: str
) -> None:
    model = small_vae()
    before = weights(model)

    def objective(model: nn.Module, x: Tensor) -> Terms:
        return spoil(negative_elbo(model, x)[0])

    with pytest.raises(CourseError, match=came):
        fit(model, images(), objective=objective, batch_size=10)
    assert equal(weights(model), before)


def test_a_large_beta_brings_the_posterior_to_the_prior() -> None:
    kls = [
        fit(
            small_vae(),
            images(),
            objective=partial(negative_elbo, beta=beta),
            num_epochs=100,
            batch_size=24,
            lr=1e-2,
        ).train["kl"]
        for beta in (0.0, 50.0)
    ]
    assert kls[1][-1] < 0.01 < kls[0][-1]


# -- one seed, one history ---------------------------------------------------------------------


def test_the_same_seed_gives_the_same_history_and_the_same_weights() -> None:
    x, first, second = images(), small_vae(), small_vae()
    torch.manual_seed(1)
    history = fit(first, x, x, num_epochs=3, batch_size=10, seed=5)
    torch.manual_seed(2)
    assert fit(second, x, x, num_epochs=3, batch_size=10, seed=5) == history
    assert equal(weights(first), weights(second))


def test_another_seed_gives_another_history() -> None:
    x = images()
    first = fit(small_vae(), x, x, num_epochs=1, batch_size=10, seed=5)
    second = fit(small_vae(), x, x, num_epochs=1, batch_size=10, seed=6)
    assert first.train != second.train
    assert first.validation != second.validation


def test_the_random_state_of_the_caller_is_left_alone() -> None:
    model, before = small_vae(), torch.get_rng_state()
    fit(model, images(), images(), num_epochs=1, batch_size=10)
    assert torch.equal(torch.get_rng_state(), before)

    def fail(model: nn.Module, x: Tensor) -> Terms:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fit(model, images(), objective=fail, batch_size=10)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_fitted_model_is_left_in_evaluation_mode_and_was_trained_in_training_mode() -> None:
    modes: list[bool] = []

    def record(model: nn.Module, x: Tensor) -> Terms:
        modes.append(model.training)
        return negative_elbo(model, x)

    model = small_vae().eval()
    fit(model, images(), images(), objective=record, num_epochs=2, batch_size=24)
    assert modes == [False, True, False, True, False]
    assert not model.training


# -- stopped by hand ---------------------------------------------------------------------------


class Stop:
    """The VAE's objective, interrupted at one of its training steps (counted from 1)."""

    def __init__(self, at: int) -> None:
        self.at, self.steps = at, 0
        self.seen: list[Weights] = []

    def __call__(self, model: nn.Module, x: Tensor) -> Terms:
        if model.training:
            self.steps += 1
            self.seen.append(weights(model))
            if self.steps == self.at:
                raise KeyboardInterrupt
        return negative_elbo(model, x)


def test_ctrl_c_keeps_the_finished_epochs_and_the_weights_so_far(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model, x, stop = small_vae(), images(), Stop(at=2 * 4 + 3)
    whole = fit(deepcopy(model), x, x, num_epochs=2, batch_size=6)
    history = fit(model, x, x, objective=stop, num_epochs=5, batch_size=6)
    assert history.interrupted
    assert not whole.interrupted
    assert history.train == whole.train
    assert history.validation == whole.validation
    assert equal(weights(model), stop.seen[-1])  # those of step 10, not of epoch 2
    assert not equal(weights(model), stop.seen[8])
    assert not model.training
    assert "stopped by hand after 2 of 5 epochs" in capsys.readouterr().out


def test_ctrl_c_in_the_first_epoch_gives_an_empty_history() -> None:
    model, before = small_vae(), torch.get_rng_state()
    history = fit(model, images(), objective=Stop(at=1), batch_size=6)
    assert history.interrupted
    assert history.train == {}
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("presses", [1, 3])
@pytest.mark.parametrize("at", [1, 2, 3, 7, 8, 9, 10])  # 3 batches measured, 4 steps, 3 measured
def test_wherever_ctrl_c_is_pressed_what_was_borrowed_is_given_back(at: int, presses: int) -> None:
    calls = 0

    def objective(model: nn.Module, x: Tensor) -> Terms:
        nonlocal calls
        calls += 1
        for _ in range(presses if calls == at else 0):
            os.kill(os.getpid(), signal.SIGINT)
        return negative_elbo(model, x)

    model, state, handler = small_vae(), torch.get_rng_state(), signal.getsignal(signal.SIGINT)
    x, x_val = images(), images(3000, seed=1)
    settings = {"objective": objective, "batch_size": 6, "precision": "bfloat16"}
    history = fit(model, x, x_val, **settings)
    assert history.interrupted
    assert calls - at <= 1  # the last of the epoch may be followed by the first of the next
    num_epochs = len(history.train.get("loss", []))
    assert num_epochs == (at == 10)  # what was measured whole counts
    measured = {len(curve) for curve in history.validation.values()}
    assert measured == (set() if at < 3 else {num_epochs + 1})
    assert torch.equal(torch.get_rng_state(), state)
    assert signal.getsignal(signal.SIGINT) is handler
    assert not model.training
    assert not any(part._forward_hooks for part in model.modules())
    assert len(fit(model, x, num_epochs=1, batch_size=6).train["loss"]) == 1


def test_a_training_in_a_thread_leaves_ctrl_c_to_the_main_one() -> None:
    handler, histories = signal.getsignal(signal.SIGINT), []

    def objective(model: nn.Module, x: Tensor) -> Terms:
        assert signal.getsignal(signal.SIGINT) is handler
        return negative_elbo(model, x)

    settings = {"objective": objective, "num_epochs": 2, "batch_size": 6}
    thread = threading.Thread(
        target=lambda: histories.append(fit(small_vae(), images(), **settings))
    )
    thread.start()
    thread.join()
    assert not histories[0].interrupted


STOPPED_EARLY = """
import threading, time, os, signal, sys
import torch
from vaecourse.networks import MLPDecoder, MLPEncoder
from vaecourse.training import fit
from vaecourse.vae import VAE

def press() -> None:
    time.sleep(float(sys.argv[1]))
    os.kill(os.getpid(), signal.SIGINT)

model, x = VAE(MLPEncoder(4), MLPDecoder(2)), torch.rand(100, 1, 28, 28)
threading.Thread(target=press, daemon=True).start()
first = fit(model, x, num_epochs=10**6, batch_size=10)
second = fit(model, x, num_epochs=1, batch_size=10)
print("first interrupted:", first.interrupted, "second whole:", len(second.train["loss"]) == 1)
"""


@pytest.mark.parametrize("seconds", [0.02, 1.0])
def test_ctrl_c_in_the_first_seconds_of_a_process_leaves_it_able_to_train(seconds: float) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_EARLY, str(seconds)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"TQDM_DISABLE": "1"},
    )
    assert "first interrupted: True second whole: True" in done.stdout, done.stderr


def test_ctrl_c_in_an_epoch_that_was_spoiled_says_so_and_takes_it_back() -> None:
    model, at_start = small_vae(), []

    def spoil(model: nn.Module, x: Tensor) -> Terms:
        at_start.append(weights(model))
        if len(at_start) == 4 + 3:
            raise KeyboardInterrupt
        loss, terms = negative_elbo(model, x)
        return (loss * math.nan if len(at_start) == 4 + 2 else loss), terms

    with pytest.raises(CourseError, match="got nan at step 2 of epoch 2; the weights from the st"):
        fit(model, images(), objective=spoil, num_epochs=5, batch_size=6)
    assert equal(weights(model), at_start[4])


# -- a loss that is no number ------------------------------------------------------------------


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("step", [1, 2, 4])
def test_a_loss_that_is_not_finite_is_named_and_the_epoch_taken_back(bad: float, step: int) -> None:
    at_start: list[Weights] = []
    steps = 0

    def spoil(model: nn.Module, x: Tensor) -> Terms:
        nonlocal steps
        if steps % 4 == 0:
            at_start.append(weights(model))
        steps += 1
        loss, terms = negative_elbo(model, x)
        return (loss * bad if steps == 4 + step else loss), terms

    model = small_vae()
    with pytest.raises(CourseError, match=rf"got .* at step {step} of epoch 2; .*try a smaller lr"):
        fit(model, images(), objective=spoil, num_epochs=5, batch_size=6)
    assert len(at_start) == 2
    assert equal(weights(model), at_start[1])
    assert not equal(at_start[0], at_start[1])


def test_a_learning_rate_far_too_high_is_an_error_and_no_silent_nan() -> None:
    model = small_vae()
    with pytest.raises(CourseError, match="try a smaller lr"):
        fit(model, images(), num_epochs=50, batch_size=6, lr=1e4)
    assert all(value.isfinite().all() for value in weights(model).values())


def spoil_the_gradient(model: nn.Module, x: Tensor) -> Terms:
    """A loss that is finite, as its gradient, that of √0, is not."""
    loss, terms = negative_elbo(model, x)
    zero = 0 * next(model.parameters()).sum()
    return loss + zero.sqrt(), terms


@pytest.mark.parametrize("num_epochs", [1, 2])
def test_a_gradient_that_is_not_finite_leaves_no_spoiled_weights(num_epochs: int) -> None:
    model = small_vae()
    before = weights(model)
    with pytest.raises(CourseError):
        fit(
            model,
            images(),
            objective=spoil_the_gradient,
            num_epochs=num_epochs,
            batch_size=24,
        )
    assert equal(weights(model), before)


# -- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda x: x * 255, r"in \[0, 1\]"),
        (lambda x: x - 0.5, r"in \[0, 1\]"),
        (lambda x: x.where(x > 0.01, math.nan), "NaN"),
        (lambda x: x.where(x > 0.01, math.inf), r"in \[0, 1\]"),
        (lambda x: x[:, 0], r"batch, channels, height, width"),
    ],
)
def test_images_that_are_none_are_refused_before_anything_changes(
    spoil: Callable[[Tensor], Tensor], said: str
) -> None:
    model = small_vae()
    before = weights(model)
    x = images(100)
    for train, validation in [(spoil(x), None), (x, spoil(x))]:
        with pytest.raises(CourseError, match=said):
            fit(model, train, validation, batch_size=10)
    assert equal(weights(model), before)


@pytest.mark.parametrize("batch_size", [0, -1, 25, 1000])
def test_a_batch_that_the_data_cannot_fill_is_refused(batch_size: int) -> None:
    with pytest.raises(
        CourseError,
        match=f"from 1 to the 24 images given, got {batch_size}; try batch_size=24",
    ):
        fit(small_vae(), images(24), batch_size=batch_size)


@pytest.mark.parametrize(
    ("argument", "value", "said"),
    [
        ("num_epochs", 0, "num_epochs of 1 or more, got 0"),
        ("num_epochs", -1, "num_epochs of 1 or more, got -1"),
        ("num_epochs", 1.5, "a whole number for num_epochs, got 1.5"),
        ("num_epochs", "3", "a whole number for num_epochs, got '3'"),
        ("batch_size", 8.0, "a whole number for batch_size, got 8.0"),
        ("batch_size", None, "a whole number for batch_size, got None"),
        ("batch_size", True, "a whole number for batch_size, got True"),
        ("lr", "1e-3", "a number for lr, got '1e-3'"),
        ("lr", math.nan, "lr of 0 or more, and finite, got nan"),
        ("lr", math.inf, "lr of 0 or more, and finite, got inf"),
        ("lr", 1j, "a number for lr, got 1j"),
        ("seed", "1", "a whole number for seed, got '1'"),
        ("seed", None, "a whole number for seed, got None"),
        ("seed", -1, "seed of 0 or more, got -1"),
        ("seed", 2**70, "seed below 2"),
        ("precision", 16, "there is no precision '16'"),
        ("device", None, "device 'None' was asked for"),
        ("schedule", 0.5, "a schedule to call with the part .* got 0.5; try schedule=one_cycle"),
        ("schedule", lambda _: math.nan, "that schedule gives of 0 or more, and finite, got nan"),
        ("schedule", lambda _: -1.0, "that schedule gives of 0 or more, and finite, got -1"),
        ("schedule", lambda _: "1", "a number for the factor that schedule gives, got '1'"),
        ("schedule", lambda _: None, "a number for the factor that schedule gives, got None"),
        ("objective", None, r"an objective to call with \(model, x\), got None"),
        ("objective", "negative_elbo", "got 'negative_elbo'; try objective=negative_elbo"),
        ("objective", WarmUp, r"try .* WarmUp\(\) for the class WarmUp"),
    ],
)
def test_an_argument_of_the_wrong_kind_is_refused_and_nothing_changes(
    argument: str, value: object, said: str
) -> None:
    model = small_vae()
    before = weights(model)
    with pytest.raises(CourseError, match=said):
        fit(model, images(), **({"batch_size": 8} | {argument: value}))
    assert equal(weights(model), before)


def test_numbers_of_numpy_are_numbers() -> None:
    x, plain = images(), fit(small_vae(), images(), num_epochs=2, batch_size=8, lr=0.5, seed=3)
    of_numpy = {"num_epochs": np.int64(2), "batch_size": np.int32(8), "lr": np.float32(0.5)}
    assert fit(small_vae(), x, seed=np.int64(3), **of_numpy) == plain


@pytest.mark.parametrize("second", [{"b"}, {"a", "b"}, set()])
def test_terms_that_change_their_names_are_refused(second: set[str]) -> None:
    count = 0

    def objective(model: nn.Module, x: Tensor) -> Terms:
        nonlocal count
        count += 1
        loss, terms = negative_elbo(model, x)
        return loss, dict.fromkeys({"a"} if count == 1 else sorted(second), terms["kl"])

    with pytest.raises(CourseError, match="expected the terms loss, a in each batch, got loss"):
        fit(small_vae(), images(), objective=objective, batch_size=8)
    count = 0
    with pytest.raises(CourseError, match="expected the terms loss, a in each batch, got loss"):
        evaluate(small_vae(), images(), objective, batch_size=8)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (None, "a model to train, got NoneType"),
        (VAE, "a model to train, got the class VAE"),
        ([small_vae()], "a model to train, got list"),
    ],
)
def test_what_is_no_model_is_refused(model: nn.Module, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        fit(model, images(), batch_size=8)


def test_bfloat16_is_for_weights_of_float32() -> None:
    with pytest.raises(CourseError, match=r"got torch.float64; try model.float\(\)"):
        fit(small_vae().double(), images(), batch_size=8, precision="bfloat16")


def test_a_student_sees_the_error_of_their_own_objective() -> None:
    def objective(model: nn.Module, x: Tensor) -> Terms:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit(small_vae(), images(), objective=objective, batch_size=8)


def test_a_model_spread_over_devices_is_told_to_bring_what_it_wraps() -> None:
    with pytest.raises(CourseError, match=r"got it in DataParallel; try fit\(model.module"):
        fit(nn.DataParallel(small_vae()), images(), batch_size=8)


def test_images_that_carry_a_graph_are_trained_on_without_it() -> None:
    x = images().requires_grad_() * 1.0  # a non-leaf
    history = fit(small_vae(), x, x, num_epochs=1, batch_size=8)
    assert history == fit(small_vae(), images(), images(), num_epochs=1, batch_size=8)
    assert x.grad_fn is not None


@pytest.mark.parametrize("x_val", [None, images()])  # it fails in training, and before
def test_a_failed_training_gives_each_part_its_own_mode_back(x_val: Tensor | None) -> None:
    def fail(model: nn.Module, x: Tensor) -> Terms:
        raise RuntimeError

    model = small_vae().train()
    model.decoder.eval()
    with pytest.raises(RuntimeError):
        fit(model, images(), x_val, objective=fail, batch_size=8)
    assert (model.training, model.encoder.training, model.decoder.training) == (True, True, False)


@pytest.mark.parametrize("device", ["gpu", "cuda", "cuda:7", "CPU", ""])
def test_a_device_that_is_not_here_is_named_beside_those_that_are(device: str) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(CourseError, match=f"'{device}' was asked for, but .*cpu.*; try device='c"):
        fit(small_vae(), images(), batch_size=10, device=device)


def test_the_cpu_is_always_here() -> None:
    assert check_device("cpu") == torch.device("cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("objective", [negative_elbo, WarmUp(until=1.0)])
def test_a_cuda_graph_takes_the_steps_of_the_plain_loop(objective: Objective) -> None:
    x = images()
    graph, plain = (QuietVAE(m.encoder, m.decoder) for m in (small_vae(), small_vae()))
    settings = {"num_epochs": 4, "batch_size": 10, "lr": 1e-3, "device": "cuda"}
    history = fit(graph, x, x, objective=objective, **settings)
    by_steps = fit(plain, x, x, objective=Plain(objective), **settings)
    for name in ("loss", "recon_nll", "kl"):
        assert history.train[name] == pytest.approx(by_steps.train[name], rel=1e-4)
    torch.testing.assert_close(weights(graph), weights(plain), rtol=1e-3, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_images_that_lie_on_the_device_as_bytes_cost_what_they_cost_on_the_cpu() -> None:
    x = (images() * 255).round() / 255
    on_cpu, on_gpu = (
        fit(QuietVAE(m.encoder, m.decoder), x, num_epochs=1, batch_size=10, lr=0.0, device=device)
        for m, device in ((small_vae(), "cpu"), (small_vae(), "cuda"))
    )
    assert on_gpu.train["loss"] == pytest.approx(on_cpu.train["loss"], rel=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_cuda_device_leaves_both_random_states_alone() -> None:
    before = torch.get_rng_state(), torch.cuda.get_rng_state()
    model = small_vae()
    fit(model, images(), images(), num_epochs=3, batch_size=10, device="cuda")
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.equal(torch.cuda.get_rng_state(), before[1])
    assert next(model.parameters()).is_cuda


# -- measuring ---------------------------------------------------------------------------------


def test_evaluate_gives_the_means_over_images_whatever_the_batch_size() -> None:
    model, x = small_autoencoder(), images(23)
    mean = pytest.approx(reconstruction_loss(model, x)[0].mean().item(), rel=1e-5)
    for batch_size in (1, 5, 23, 1000):
        measured = evaluate(model, x, reconstruction_loss, batch_size=batch_size)
        assert measured == {"loss": mean, "recon_nll": mean}


def test_evaluate_draws_the_same_eps_for_the_same_seed_whatever_was_drawn_before() -> None:
    model, x = small_vae(), images()
    torch.manual_seed(1)
    first = evaluate(model, x, seed=4)
    torch.manual_seed(2)
    assert evaluate(model, x, seed=4) == first
    assert evaluate(model, x, seed=5) != first
    torch.manual_seed(4)
    loss, terms = negative_elbo(model, x)
    means = {name: values.mean().item() for name, values in ({"loss": loss} | terms).items()}
    assert first == pytest.approx(means, rel=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_evaluate_leaves_the_model_and_the_random_state_as_they_were(training: bool) -> None:
    model = small_vae().train(training)
    before, state = weights(model), torch.get_rng_state()
    evaluate(model, images())
    assert model.training is training
    assert equal(weights(model), before)
    assert all(weight.grad is None for weight in model.parameters())
    assert torch.equal(torch.get_rng_state(), state)


def test_evaluate_keeps_no_graph() -> None:
    kept: list[bool] = []

    def record(model: nn.Module, x: Tensor) -> Terms:
        terms = negative_elbo(model, x)
        kept.append(terms[0].requires_grad)
        return terms

    evaluate(small_vae(), images(), record)
    assert kept == [False]


def test_evaluate_measures_in_evaluation_mode() -> None:
    model = small_autoencoder()
    model.encoder = nn.Sequential(nn.Dropout(0.9), model.encoder)
    model.train()
    first, second = (evaluate(model, images(), reconstruction_loss, seed=i) for i in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ({"x": images() * 255}, r"in \[0, 1\]"),
        ({"x": images()[:0]}, "it is empty"),
        ({"x": images().tolist()}, "got list"),
        ({"x": (images() * 255).byte()}, "of torch.uint8; try x.float"),
        ({"batch_size": 0}, "batch_size of 1 or more, got 0"),
        ({"batch_size": 1.5}, "a whole number for batch_size, got 1.5"),
        ({"seed": None}, "a whole number for seed, got None"),
        ({"objective": None}, "an objective to call"),
    ],
)
def test_evaluate_refuses_what_fit_refuses(spoil: dict[str, Any], said: str) -> None:
    with pytest.raises(CourseError, match=said):
        evaluate(**({"model": small_vae(), "x": images()} | spoil))


def test_evaluate_brings_the_images_to_the_weights() -> None:
    model, x = small_vae(), images()
    assert evaluate(model, x.double()) == evaluate(model, x)


# -- the bar -----------------------------------------------------------------------------------


def test_one_bar_counts_all_the_steps(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TQDM_DISABLE")
    fit(small_vae(), images(), num_epochs=2, batch_size=6)
    shown = capsys.readouterr()
    assert "/8 [" in shown.err
    assert shown.out == ""


def test_tqdm_disable_hides_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    fit(small_vae(), images(), num_epochs=2, batch_size=6)
    assert capsys.readouterr() == ("", "")


def test_validation_images_of_another_size_are_refused() -> None:
    model = Autoencoder(MLPEncoder(2), MLPDecoder(2))
    x = torch.zeros(4, 1, 28, 28)
    with pytest.raises(CourseError, match=r"the shape of x, \(1, 28, 28\), got \(1, 28, 27\)"):
        fit(model, x, x[..., 1:], objective=reconstruction_loss, batch_size=2)


def test_a_learning_rate_below_zero_is_refused() -> None:
    model = Autoencoder(MLPEncoder(2), MLPDecoder(2))
    with pytest.raises(CourseError, match="expected lr of 0 or more, and finite, got -1"):
        fit(model, torch.zeros(4, 1, 28, 28), objective=reconstruction_loss, lr=-1, batch_size=2)


def test_images_of_another_precision_are_brought_to_that_of_the_model() -> None:
    histories = []
    for dtype in (torch.float32, torch.float64):
        torch.manual_seed(0)
        model = Autoencoder(MLPEncoder(2), MLPDecoder(2))
        x = torch.ones(4, 1, 28, 28, dtype=dtype)
        settings = {"objective": reconstruction_loss, "num_epochs": 1, "batch_size": 2}
        histories.append(fit(model, x, x, **settings))
    assert histories[0] == histories[1]


def test_a_frozen_model_is_refused() -> None:
    model = Autoencoder(MLPEncoder(2), MLPDecoder(2)).requires_grad_(False)
    with pytest.raises(CourseError, match="frozen model; try"):
        fit(model, torch.zeros(4, 1, 28, 28), objective=reconstruction_loss, batch_size=2)


def test_an_autoencoder_without_its_objective_is_told_which_to_use() -> None:
    model = Autoencoder(MLPEncoder(2), MLPDecoder(2))
    with pytest.raises(CourseError, match="got Autoencoder; try objective=reconstruction_loss"):
        fit(model, torch.zeros(4, 1, 28, 28), batch_size=2)


# -- schedules and precision -------------------------------------------------------------------


def test_one_cycle_rises_to_one_and_falls_to_zero() -> None:
    assert one_cycle(0.0) == pytest.approx(0.04)
    assert one_cycle(0.25) == pytest.approx(1.0)
    assert one_cycle(1.0) == pytest.approx(0.0)
    assert one_cycle(0.125) == pytest.approx(0.52)  # half-way up, by a straight line
    assert one_cycle(0.25, warm_up=0.5) == pytest.approx(0.52)
    assert one_cycle(0.625) == pytest.approx(0.5)  # half-way down, by a cosine
    rising = [one_cycle(i / 100) for i in range(26)]
    falling = [one_cycle(i / 100) for i in range(25, 101)]
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)


def test_a_schedule_is_asked_once_a_step_for_the_part_that_is_done() -> None:
    asked: list[float] = []

    def schedule(done: float) -> float:
        asked.append(done)
        return 1.0

    fit(small_vae(), images(20), num_epochs=2, batch_size=8, schedule=schedule)
    assert asked == pytest.approx([i / 6 for i in range(6)])


def test_a_schedule_of_ones_changes_nothing_and_one_of_zeros_stops_the_weights() -> None:
    x = images(20)
    plain = fit(small_vae(), x, x, num_epochs=2, batch_size=8)
    assert fit(small_vae(), x, x, num_epochs=2, batch_size=8, schedule=lambda _: 1.0) == plain
    model = small_vae()
    before = deepcopy(model.state_dict())
    fit(model, x, num_epochs=2, batch_size=8, schedule=lambda _: 0.0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_bfloat16_trains_nearly_as_float32_does_and_leaves_a_float32_model() -> None:
    x = images(64)
    wide, half = small_vae(), small_vae()
    settings = {"num_epochs": 30, "batch_size": 16, "lr": 1e-2}
    exact = fit(wide, x, x, **settings)
    near = fit(half, x, x, precision="bfloat16", **settings)
    assert near != exact
    assert near.validation["loss"][0] == exact.validation["loss"][0]  # measured in float32
    assert near.validation["loss"][-1] == pytest.approx(exact.validation["loss"][-1], rel=0.02)
    assert all(weight.dtype == torch.float32 for weight in half.parameters())
    assert not any(part._forward_hooks for part in half.children())


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(CourseError, match="bfloat16"):
        fit(small_vae(), images(8), batch_size=4, precision="float16")


def test_images_are_packed_into_bytes_only_where_nothing_is_lost() -> None:
    levels = torch.arange(256, dtype=torch.float32).reshape(1, 1, 16, 16) / 255
    levels_as_bytes = packed(levels)
    assert levels_as_bytes.dtype == torch.uint8
    assert torch.equal(levels_as_bytes.float() / 255, levels)
    between = levels.clone()
    between[0, 0, 3, 3] += 0.001
    assert packed(between) is between


# -- AdamW, clipping, and a schedule to a floor ------------------------------------------------


def push(model: nn.Module, x: Tensor) -> Terms:
    """A loss whose gradient is 3 in the first weight of the model and 4 in the second."""
    first, second = next(iter(model.parameters())).flatten()[:2]
    return (3 * first + 4 * second).expand(len(x)), {}


def silent(model: nn.Module, x: Tensor) -> Terms:
    """A loss whose gradient is 0 in all weights."""
    return (0 * sum(weight.sum() for weight in model.parameters())).expand(len(x)), {}


def test_weight_decay_shrinks_weights_by_lr_times_it_where_the_gradient_is_zero() -> None:
    model = small_vae()
    before = weights(model)
    settings = {"objective": silent, "num_epochs": 2, "batch_size": 8, "lr": 0.1}
    fit(model, images(), weight_decay=0.5, **settings)
    shrunk = {name: value * (1 - 0.1 * 0.5) ** 6 for name, value in before.items()}  # six steps
    torch.testing.assert_close(weights(model), shrunk)


def test_weight_decay_is_apart_from_the_gradient() -> None:
    """In one step Adam moves each weight by lr, whatever the gradient's size, and decay by its own:
    as a part of the gradient it would be divided out."""
    model, plain = small_vae(), small_vae()
    before = weights(model)
    settings = {"objective": push, "num_epochs": 1, "batch_size": 24, "lr": 0.01}
    fit(plain, images(), **settings)
    fit(model, images(), weight_decay=2.0, **settings)
    name = next(iter(before))
    moved = (weights(model)[name] - weights(plain)[name]).flatten()[:2]
    torch.testing.assert_close(moved, -0.01 * 2.0 * before[name].flatten()[:2])


@pytest.mark.parametrize(
    ("clip_norm", "expected"), [(None, 5.0), (100.0, 5.0), (1.0, 1.0), (0.25, 0.25)]
)
def test_a_gradient_is_shortened_to_clip_norm_where_it_is_longer_and_keeps_its_direction(
    clip_norm: float | None, expected: float
) -> None:
    model = small_vae()
    fit(model, images(), objective=push, num_epochs=1, batch_size=24, clip_norm=clip_norm)
    first, *others = [weight.grad for weight in model.parameters() if weight.grad is not None]
    gradient = torch.cat([first.flatten(), *(other.flatten() for other in others)])
    assert gradient.norm().item() == pytest.approx(expected, rel=1e-4)
    torch.testing.assert_close(gradient[:2] / gradient.norm(), torch.tensor([0.6, 0.8]))
    assert not gradient[2:].any()


def test_without_decay_and_clipping_training_is_as_it_was() -> None:
    x = images()
    plain = fit(small_vae(), x, x, num_epochs=2, batch_size=10)
    loose = {"weight_decay": 0.0, "clip_norm": 1e9}
    assert fit(small_vae(), x, x, num_epochs=2, batch_size=10, **loose) == plain
    tight = {"weight_decay": 10.0, "clip_norm": 1e-3}
    assert fit(small_vae(), x, x, num_epochs=2, batch_size=10, **tight) != plain


def test_a_gradient_that_is_not_finite_is_not_hidden_by_clipping() -> None:
    model = small_vae()
    before = weights(model)
    with pytest.raises(CourseError, match="try a smaller lr"):
        fit(model, images(), objective=spoil_the_gradient, batch_size=24, clip_norm=1.0)
    assert equal(weights(model), before)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"weight_decay": -1e-5}, "weight_decay of 0 or more"),
        ({"weight_decay": None}, "a number for weight_decay, got None"),
        ({"clip_norm": 0}, "expected clip_norm above 0, got 0; try clip_norm=1, or None"),
        ({"clip_norm": -1.0}, "clip_norm of 0 or more"),
        ({"clip_norm": "1"}, "a number for clip_norm, got '1'"),
    ],
)
def test_a_decay_or_a_norm_that_is_none_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(CourseError, match=said):
        fit(small_vae(), images(), batch_size=8, **settings)


def test_cosine_falls_from_one_to_its_floor() -> None:
    floor = 1e-6 / 5e-4
    assert cosine(0.0, floor) == 1
    assert cosine(1.0, floor) == pytest.approx(floor)
    assert 5e-4 * cosine(0.5, floor) == pytest.approx((5e-4 + 1e-6) / 2)
    falling = [cosine(i / 100, floor) for i in range(101)]
    assert falling == sorted(falling, reverse=True)
    assert cosine(1.0) == pytest.approx(0.0)


@pytest.mark.parametrize(("floor", "said"), [(1.5, "1 at most, got 1.5"), (-1, "0 or more")])
def test_a_floor_that_is_no_part_is_refused(floor: float, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        cosine(0.5, floor)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_cuda_graph_decays_and_clips_as_the_plain_loop_does() -> None:
    x = images()
    graph, plain = (QuietVAE(m.encoder, m.decoder) for m in (small_vae(), small_vae()))
    settings = {"num_epochs": 4, "batch_size": 10, "lr": 1e-3, "device": "cuda"}
    settings |= {"weight_decay": 0.1, "clip_norm": 0.5, "schedule": cosine}
    fit(graph, x, **settings)
    fit(plain, x, objective=Plain(negative_elbo), **settings)
    torch.testing.assert_close(weights(graph), weights(plain), rtol=1e-3, atol=1e-5)
