"""Chapter 11's longer measurements, in small."""

from pathlib import Path

import pytest
import torch

from vaecourse import data, results
from vaecourse.networks import Autoencoder, MLPDecoder, MLPEncoder
from vaecourse.studies import applications, measuring
from vaecourse.studies.run import Settings
from vaecourse.vae import VAE


def test_the_other_pictures_are_black_and_white_and_the_same_each_time() -> None:
    others = applications.other_pictures(20)
    again = applications.other_pictures(20)
    for name, x in others.items():
        assert x.shape == (20, 1, 28, 28), name
        assert set(x.unique().tolist()) == {0.0, 1.0}, name
        assert torch.equal(x, again[name]), name
    assert (others["squares"].flatten(1).sum(dim=1) == 25).all()


def test_png_is_short_for_the_simple_and_long_for_noise_and_one_shape_more_costs_something() -> (
    None
):
    black = torch.zeros(1, 1, 28, 28)
    others = applications.other_pictures(1)
    digit = data.load("digits", "test").x[:1].round()
    pictures = (black, others["squares"], digit, others["noise"])
    sizes = [applications.png_nats(x).item() for x in pictures]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[1] < sizes[2] < sizes[3]
    assert sizes[3] > 784 * torch.tensor(2.0).log()  # noise cannot be told in less


def test_a_picture_that_was_trained_on_is_at_no_distance() -> None:
    x = data.load("digits", "test").x[:5].round()
    plain, model = Autoencoder(MLPEncoder(2), MLPDecoder(2)), VAE(MLPEncoder(4), MLPDecoder(2))
    with torch.no_grad():
        found = applications.scores(plain, model, x, x)
    assert found["nearest"].abs().max() < 1e-2
    assert all(values.shape == (5,) for values in found.values())
    gained = found["−log p"] - found["−log p − PNG"]
    torch.testing.assert_close(gained, applications.png_nats(x))


@pytest.mark.parametrize("count", [10, 30])
def test_of_each_class_there_are_as_many_and_another_seed_chooses_others(count: int) -> None:
    x, y = data.load("digits", "train")
    few, labels = applications.some_of_each(x, y, count, 0)
    assert labels.bincount().tolist() == [count // 10] * 10
    assert not torch.equal(few, applications.some_of_each(x, y, count, 1)[0])
    shifted, same = applications.shifted(few, labels)
    assert len(shifted) == len(same) == 5 * count
    torch.testing.assert_close(shifted.sum(), 5 * few.sum())


def test_what_is_mixed_of_one_picture_alone_is_drawn_from_its_own_posterior() -> None:
    model = VAE(MLPEncoder(4), MLPDecoder(2)).requires_grad_(False)
    x, y = data.load("digits", "test")
    drawn, labels = applications.mixed(model, x[:3], y[:3], 12)
    assert drawn.shape == (12, 1, 28, 28)
    assert set(labels.tolist()) <= set(y[:3].tolist())


def test_what_is_measured_has_its_mean_and_each_seeds_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quick(of: int, seed: int) -> dict[str, float]:
        return {"plain": of + seed}

    monkeypatch.setattr(applications, "extra_data", quick)
    monkeypatch.setattr(applications, "strangers", quick)
    monkeypatch.setattr(applications, "fillings", lambda _: {"hole": {"error": 0.5}})
    said: list[str] = []
    measuring.measure("applications", Settings(tmp_path), num_seeds=2, say=said.append)
    measured = results.measured("applications", tmp_path)["measured"]
    assert measured["extra-10"]["mean"] == {"plain": 10.5}
    assert measured["extra-10"]["seeds"] == [{"plain": 10}, {"plain": 11}]
    assert measured["without-4"]["seeds"] == [{"plain": 4}]
    assert measured["fillings"]["hole"] == {"error": 0.5}
    assert len(said) == 1 + 5 + 10 + 1
