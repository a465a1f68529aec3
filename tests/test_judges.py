"""What reads faces, and what is measured with it: laws, and the figures of the cards."""

import pytest
import torch

from vaecourse import pretrained
from vaecourse.data import FACE_FACTORS, load, random_factors
from vaecourse.errors import CourseError
from vaecourse.likelihoods import optimal_std_elbo
from vaecourse.networks import build
from vaecourse.studies import disentangling, drawn, smiles
from vaecourse.studies.judges import read, scaled, trained_on


def test_scaled_factors_fill_the_range_from_zero_to_one() -> None:
    factors = scaled(random_factors(4000, seed=0))
    assert factors.shape == (4000, len(FACE_FACTORS))
    assert factors.min() >= 0
    assert factors.max() <= 1
    torch.testing.assert_close(factors.mean(dim=0), torch.full((17,), 0.5), atol=0.03, rtol=0)


def test_a_face_is_nearest_to_itself_whatever_its_contrast_and_its_mouth() -> None:
    torch.manual_seed(0)
    faces = torch.rand(20, 1, 64, 64)
    changed = 0.2 + 0.5 * faces
    changed[:, :, smiles.UPPER :] = 0
    assert smiles.same_face(changed, faces) == 1
    assert smiles.same_face(changed.roll(1, dims=0), faces) == 0
    assert smiles.same_face(faces, faces[0].expand_as(faces)) == pytest.approx(1 / 20)


def test_faces_of_few_factors_differ_in_those_alone() -> None:
    x, y = disentangling.few_factors(6, seed=0)
    assert x.shape == (6, 3, 32, 32)
    assert y.shape == (6, len(disentangling.VARIED))
    again, other = disentangling.few_factors(6, seed=0), disentangling.few_factors(6, seed=1)
    assert torch.equal(x, again[0])
    assert not torch.equal(x, other[0])


def test_the_reader_of_factors_errs_on_drawn_faces_as_its_card_says() -> None:
    x, y = load("faces", "test", count=400)
    off = (read(pretrained.load("faces-factors"), x) - scaled(y)).abs().mean(dim=0)
    figures = pretrained.card("faces-factors")["figures"]
    for name, error in zip(FACE_FACTORS, off.tolist(), strict=True):
        assert error == pytest.approx(figures[f"error_{name}"], abs=0.02, rel=0.2)


def test_the_judge_of_smiles_is_right_as_often_as_its_card_says() -> None:
    try:
        x, y = load("smiles", "test")
    except CourseError as problem:
        pytest.skip(str(problem))
    right = (read(pretrained.load("smiles-judge"), x)[:, 0] > 0) == (y == 1)
    accuracy = pretrained.card("smiles-judge")["figures"]["accuracy"]
    assert right.float().mean().item() == pytest.approx(accuracy, abs=0.003)


def test_a_vae_and_a_judge_can_be_had_of_other_labelled_faces() -> None:
    vae, judge = trained_on("faces", count=128, num_epochs=1)
    x = load("faces", "test", count=3).x
    assert vae.reconstruct(x).shape == x.shape
    assert read(judge, x).shape == (3, len(FACE_FACTORS))


def test_an_eye_to_features_changes_the_weight_of_pixels_and_no_likelihood() -> None:
    """With the same factor everywhere it is the σ-VAE itself."""
    model, x = build("colour-faces", 4), torch.rand(8, 3, 64, 64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawn, "FEATURES", (slice(None), slice(None)))
        torch.manual_seed(0)
        ours = drawn.features_elbo(model, x)[0]
        torch.manual_seed(0)
        torch.testing.assert_close(ours, optimal_std_elbo(model, x)[0])
    torch.manual_seed(0)
    assert not torch.allclose(drawn.features_elbo(model, x)[0], ours)
