"""The trained models that come with the package."""

import os
from pathlib import Path
from typing import Any

import pytest

from vaecourse import pretrained
from vaecourse.data import load
from vaecourse.errors import CourseError
from vaecourse.studies import OBJECTIVES
from vaecourse.training import Objective, evaluate


def test_an_unknown_model_or_network_is_refused() -> None:
    with pytest.raises(CourseError, match=r"no trained model|there is none"):
        pretrained.load("mnist-mlp-3d")
    with pytest.raises(CourseError, match="no network"):
        pretrained.build("mpl", 2)


def objective_of(card: dict[str, Any]) -> Objective:
    return OBJECTIVES[card["protocol"]["objective"]]


def test_all_weights_together_are_small() -> None:
    sizes = [path.stat().st_size for path in pretrained.FOLDER.glob("*.safetensors")]
    assert sum(sizes) < 12_000_000


@pytest.mark.parametrize("name", pretrained.names())
def test_a_trained_model_scores_on_the_built_in_digits_what_its_card_says(name: str) -> None:
    model, known = pretrained.load(name), pretrained.card(name)
    recon_nll, kl = evaluate(model, load("digits", "test").x, objective_of(known))
    assert recon_nll == pytest.approx(known["figures"]["digits_recon_nll"], abs=0.05)
    assert kl == pytest.approx(known["figures"]["digits_kl"], abs=0.05)


@pytest.mark.parametrize("name", pretrained.names())
@pytest.mark.skipif(
    not (Path(os.environ.get("VAECOURSE_DATA", "")) / "MNIST" / "raw").is_dir(),
    reason="full MNIST is not at hand",
)
def test_a_trained_model_scores_on_mnists_test_images_what_its_card_says(name: str) -> None:
    card = pretrained.card(name)
    recon_nll, kl = evaluate(pretrained.load(name), load("mnist", "test").x, objective_of(card))
    known = card["figures"]
    # the card has the mean of twenty draws of z, this is one
    assert recon_nll == pytest.approx(known["recon_nll"], abs=0.2)
    assert kl == pytest.approx(known["kl"], abs=0.05)
