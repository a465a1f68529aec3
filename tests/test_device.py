"""Threads, seeds, modes and Ctrl-C: what is borrowed is given back."""

import os
import signal
from functools import partial

import psutil
import pytest
import torch
from torch import Tensor, nn

from vaecourse import device
from vaecourse.networks import Autoencoder, MLPDecoder, MLPEncoder
from vaecourse.objectives import WarmUp, importance_weighted_bound, reconstruction_loss
from vaecourse.training import fit
from vaecourse.vae import negative_elbo


class Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(2, 2), nn.Dropout()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.one(x), self.other(x)


# -- threads -----------------------------------------------------------------------------------


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads to choose from, and no choice made yet; as it was afterwards."""
    before = torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    device.set_threads.cache_clear()
    torch.set_num_threads(2)
    yield
    device.set_threads.cache_clear()
    torch.set_num_threads(before)


def looks(monkeypatch: pytest.MonkeyPatch, *percent: list[float]) -> None:
    """What psutil will find, look by look; the last for ever."""
    found = list(percent)
    monkeypatch.setattr(
        psutil, "cpu_percent", lambda *_, percpu: found.pop(0) if len(found) > 1 else found[0]
    )


@pytest.mark.parametrize(
    ("busy", "chosen"), [([0, 0], 2), ([3, 8], 2), ([100, 2], 1), ([100, 100], 1), ([0] * 8, 2)]
)
@pytest.mark.usefixtures("threads")
def test_there_are_as_many_threads_as_idle_cores_but_one_at_least(
    busy: list[float], chosen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks(monkeypatch, busy)
    assert device.set_threads() == torch.get_num_threads() == chosen


@pytest.mark.usefixtures("threads")
def test_what_stirs_for_a_moment_is_not_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    looks(monkeypatch, [90, 70], [10, 100], [0, 5], [80, 80])
    assert device.set_threads() == 2


@pytest.mark.usefixtures("threads")
def test_the_choice_of_a_process_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    looks(monkeypatch, [0, 100])
    assert device.set_threads() == 1
    looks(monkeypatch, [0, 0])
    assert device.set_threads() == 1


@pytest.mark.usefixtures("threads")
def test_who_sets_omp_num_threads_has_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    looks(monkeypatch, [100, 100])
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert device.set_threads() == 2


# -- modes and seeds ---------------------------------------------------------------------------


def test_evaluation_mode_is_for_the_block_and_each_part_gets_its_own_back() -> None:
    model = Layers()
    model.other.eval()
    with pytest.raises(KeyError), device.evaluating(model):  # noqa: PT012
        assert not any(part.training for part in model.modules())
        assert torch.is_inference_mode_enabled()
        raise KeyError
    assert (model.training, model.one.training, model.other.training) == (True, True, False)
    assert not torch.is_inference_mode_enabled()


def test_a_seed_is_for_the_block() -> None:
    before = torch.get_rng_state()
    with device.seeded(3):
        first = torch.rand(2)
    with device.seeded(3):
        assert torch.equal(torch.rand(2), first)
    assert torch.equal(torch.get_rng_state(), before)


# -- Ctrl-C ------------------------------------------------------------------------------------


def test_ctrl_c_waits_until_the_block_is_done() -> None:
    done = False
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), device.interrupts_held():  # noqa: PT012
        os.kill(os.getpid(), signal.SIGINT)
        done = True
    assert done
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_in_the_block_comes_through_and_ctrl_c_works_again() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyError), device.interrupts_held():
        raise KeyError
    assert signal.getsignal(signal.SIGINT) is before


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_is_answered_once_where_the_block_looks_for_it() -> None:
    with device.interrupts_held() as look:
        look()
        press()
        with pytest.raises(KeyboardInterrupt):
            look()
        press()
        look()  # and at the end of the block


def test_a_block_in_a_block_hands_ctrl_c_on() -> None:
    with device.interrupts_held() as look:
        with device.interrupts_held():
            press()
        with pytest.raises(KeyboardInterrupt):
            look()


def test_what_hangs_is_stopped_by_pressing_again_after_some_patience() -> None:
    with device.interrupts_held(patience=0.0):
        press()
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012
            while True:
                press()


def test_a_ctrl_c_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with device.interrupts_held() as look:
            press()
            look()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


# -- halves and graphs -------------------------------------------------------------------------


def test_networks_that_give_tuples_are_widened_too() -> None:
    outer = nn.Sequential(Layers())
    with device.widened(outer), torch.autocast("cpu", torch.bfloat16):
        first, second = outer(torch.ones(1, 2))
    assert first.dtype == second.dtype == torch.float32
    assert not any(part._forward_hooks for part in outer.modules())


def test_an_encoder_of_two_tensors_trains_in_bfloat16() -> None:
    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = MLPEncoder(2)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.layers(x), torch.zeros(len(x))

    class FirstOfTwo(Autoencoder):
        def encode(self, x: Tensor) -> Tensor:
            return self.encoder(x)[0]

    model = FirstOfTwo(Encoder(), MLPDecoder(2))
    x = torch.rand(8, 1, 28, 28)
    settings = {"objective": reconstruction_loss, "num_epochs": 1, "batch_size": 4}
    assert fit(model, x, precision="bfloat16", **settings).train["loss"][0] > 0


def test_only_what_says_so_may_be_captured() -> None:
    assert device.may_be_captured(negative_elbo)
    assert device.may_be_captured(partial(negative_elbo, beta=2.0))
    assert device.may_be_captured(WarmUp())
    assert device.may_be_captured(importance_weighted_bound)
    assert not device.may_be_captured(lambda model, x: negative_elbo(model, x))
