"""The trained models that come with the package, and what becomes of damaged ones."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from vaecourse import files, networks, pretrained
from vaecourse.data import load
from vaecourse.errors import CourseError
from vaecourse.studies.rows import DIGITS
from vaecourse.studies.training import OBJECTIVES, OBJECTIVES_OF
from vaecourse.training import Objective, evaluate


def test_an_unknown_model_or_network_is_refused() -> None:
    with pytest.raises(CourseError, match="no trained model"):
        pretrained.load("mnist-mlp-3d")
    with pytest.raises(CourseError, match="no network"):
        networks.build("mpl", 2)


def objective_of(card: dict[str, Any]) -> Objective:
    protocol = card["protocol"]
    if "of" in protocol:
        return OBJECTIVES_OF[protocol["objective"]](pretrained.load(protocol["of"]))
    return OBJECTIVES[protocol["objective"]]


def of_data(*names: str) -> list[str]:
    """The trained models whose pictures are those."""
    return [n for n in pretrained.names() if pretrained.card(n)["protocol"]["data"] in names]


OF_DIGITS = of_data(DIGITS)
JUDGES = [n for n in pretrained.names() if "judge" in pretrained.card(n)["protocol"]["network"]]
OTHERS = sorted(set(pretrained.names()) - {*OF_DIGITS, *JUDGES})


def test_all_weights_together_are_small() -> None:
    sizes = [path.stat().st_size for path in pretrained.FOLDER.glob("*.safetensors")]
    assert len(sizes) == len(pretrained.names()) > 0
    assert sum(sizes) < 12_000_000


@pytest.mark.parametrize("name", OF_DIGITS)
def test_a_trained_model_scores_on_the_built_in_digits_what_its_card_says(name: str) -> None:
    model, card = pretrained.load(name), pretrained.card(name)
    means = evaluate(model, load("digits", "test").x, objective_of(card))
    assert means.keys() - {"loss"}
    for term in means.keys() - {"loss"}:
        assert means[term] == pytest.approx(card["figures"][f"digits_{term}"], abs=0.05)


@pytest.mark.parametrize("name", OTHERS)
def test_a_trained_model_scores_on_its_sets_test_pictures_what_its_card_says(name: str) -> None:
    card = pretrained.card(name)
    try:
        x = load(card["protocol"]["data"], "test").x
    except CourseError as problem:
        pytest.skip(str(problem))
    means = evaluate(pretrained.load(name), x, objective_of(card))
    # the card has the mean of twenty draws of z, this is one
    for term in means:
        assert means[term] == pytest.approx(card["figures"][term], rel=2e-3, abs=0.2)


@pytest.mark.parametrize("name", OF_DIGITS)
@pytest.mark.skipif(
    not (Path(os.environ.get("VAECOURSE_DATA", "")) / "MNIST" / "raw").is_dir(),
    reason="full MNIST is not at hand",
)
def test_a_trained_model_scores_on_mnists_test_images_what_its_card_says(name: str) -> None:
    card = pretrained.card(name)
    means = evaluate(pretrained.load(name), load("mnist", "test").x, objective_of(card))
    # the card has the mean of twenty draws of z, this is one
    for term in means:
        assert means[term] == pytest.approx(card["figures"][term], abs=0.2)


# -- storing, and what is damaged --------------------------------------------------------------

NAME = "mnist-conv-2d"
KNOWN: dict[str, Any] = {
    "protocol": {"network": "conv", "latent_dim": 2, "objective": "negative_elbo"},
    "figures": {"loss": 1.0},
}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder with one trained model."""
    for path in pretrained.FOLDER.glob(f"{NAME}.*"):
        shutil.copy(path, tmp_path)
    return tmp_path


def test_a_stored_model_comes_back_rounded_to_half_precision(tmp_path: Path) -> None:
    model = networks.build("conv", 2)
    pretrained.store("small", model, KNOWN, tmp_path)
    loaded = pretrained.load("small", tmp_path)
    assert pretrained.names(tmp_path) == ["small"]
    assert pretrained.card("small", tmp_path)["figures"] == {"loss": 1.0}
    for kept, original in zip(loaded.parameters(), model.parameters(), strict=True):
        assert torch.equal(kept, original.half().float())


@pytest.mark.parametrize("failing", [1, 2])
def test_a_store_that_fails_leaves_a_model_that_loads(
    copied: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    before, calls, sync = pretrained.card(NAME, copied), [], os.fsync

    def full(number: int) -> None:
        calls.append(number)
        if len(calls) == failing:
            raise OSError(28, "No space left on device")
        sync(number)

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        with pytest.raises(CourseError, match="No space left"):
            pretrained.store(NAME, networks.build("conv", 2), KNOWN, copied)
    assert sorted(path.suffix for path in copied.iterdir()) == [".json", ".safetensors"]
    assert pretrained.card(NAME, copied) == before
    pretrained.load(NAME, copied)


def test_weights_that_are_not_those_of_the_card_are_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        pretrained.store(name, networks.build("conv", 2), KNOWN, tmp_path)
    shutil.copy(tmp_path / "one.safetensors", tmp_path / "two.safetensors")
    pretrained.load("one", tmp_path)
    with pytest.raises(CourseError, match=r"others than those of its card, two\.json"):
        pretrained.load("two", tmp_path)


@pytest.mark.parametrize("length", [0, 5, 100, 200_000])
def test_a_truncated_file_of_weights_is_refused(copied: Path, length: int) -> None:
    path = copied / f"{NAME}.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CourseError, match=rf"{NAME}\.safetensors.*install"):
        pretrained.load(NAME, copied)


def test_missing_weights_and_those_of_another_network_are_refused(copied: Path) -> None:
    weights = copied / f"{NAME}.safetensors"
    shutil.copy(pretrained.FOLDER / "mnist-conv3-2d.safetensors", weights)
    with pytest.raises(CourseError, match=r"cannot|can be read"):
        pretrained.load(NAME, copied)
    weights.unlink()
    with pytest.raises(CourseError, match="No such file"):
        pretrained.load(NAME, copied)


CARDS: dict[str, Any] = {
    "no JSON": "{",
    "a list": [],
    "without protocol": {"figures": {}},
    "protocol a list": KNOWN | {"protocol": []},
    "no latent_dim": KNOWN | {"protocol": {"network": "conv", "objective": ""}},
    "latent_dim a text": KNOWN | {"protocol": KNOWN["protocol"] | {"latent_dim": "2"}},
    "latent_dim vast": KNOWN | {"protocol": KNOWN["protocol"] | {"latent_dim": 10**40}},
    "latent_dim 0": KNOWN | {"protocol": KNOWN["protocol"] | {"latent_dim": 0}},
    "network unknown": KNOWN | {"protocol": KNOWN["protocol"] | {"network": "conv-9"}},
    "a figure a text": KNOWN | {"figures": {"loss": "1"}},
    "a sum that is none": KNOWN | {"sha256": 3},
}


@pytest.mark.parametrize("wrong", CARDS)
def test_a_damaged_card_is_refused_in_one_line(copied: Path, wrong: str) -> None:
    card = CARDS[wrong]
    (copied / f"{NAME}.json").write_text(card if isinstance(card, str) else json.dumps(card))
    with pytest.raises(CourseError, match=NAME) as refused:
        pretrained.load(NAME, copied)
    assert "\n" not in str(refused.value)
