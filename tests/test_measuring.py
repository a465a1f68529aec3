"""The studies of faces: what they keep can be read back, whatever the networks are worth."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vaecourse import results
from vaecourse.data import Images
from vaecourse.errors import CourseError
from vaecourse.networks import build
from vaecourse.studies import disentangling, measuring, smiles
from vaecourse.studies.rows import choose
from vaecourse.studies.run import Settings
from vaecourse.studies.training import Pictures


@pytest.fixture
def few_faces(monkeypatch: pytest.MonkeyPatch) -> tuple[Tensor, Tensor]:
    """Forty faces in place of the data set, every other of which smiles."""
    torch.manual_seed(0)
    x, y = torch.rand(40, 1, 64, 64), torch.arange(40) % 2
    own = x[torch.arange(40) % 5 < 3]
    monkeypatch.setattr(smiles, "load", lambda *_: Images(x, y))
    monkeypatch.setattr(smiles, "pictures", lambda _: Pictures(torch.cat([own, own]), x, True))
    return x, y


def test_every_share_of_faces_lies_between_none_and_all(few_faces: tuple[Tensor, Tensor]) -> None:
    found = smiles.measure_one(build("grey-faces", 4), build("grey-judge", 1))
    assert found["always_no"] == 0.5
    for edit in found["edits"].values():
        for shares in edit.values():
            assert len(shares) == len(smiles.ALPHAS)
            assert all(0 <= share <= 1 for share in shares)
    starts = {tuple(edit[name][0] for name in edit) for edit in found["edits"].values()}
    assert len(starts) == 1, "at α = 0 no direction has done anything"
    assert found["identity"]["another_face"] < found["identity"]["reconstructions"] + 0.5
    json.dumps(found, allow_nan=False)


def test_what_is_measured_can_be_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disentangling, "BETAS", (1,))
    monkeypatch.setattr(disentangling, "NUM_TRAIN", 64)
    monkeypatch.setattr(disentangling, "NUM_TEST", 64)
    monkeypatch.setattr(disentangling, "NUM_EPOCHS", 1)
    monkeypatch.setattr(disentangling, "keep_networks", lambda _: None)
    said: list[str] = []
    measuring.measure("faces", Settings(tmp_path), num_seeds=2, say=said.append)
    measured = results.measured("faces", tmp_path)["measured"]
    assert measured.keys() == {"factors", "beta 1, seed 0", "beta 1, seed 1"}
    assert len(measured["beta 1, seed 0"]["gap"]) == len(disentangling.VARIED)
    assert len(said) == 3


def test_results_without_their_origin_are_refused(tmp_path: Path) -> None:
    (tmp_path / "faces.json").write_text('{"measured": {}}')
    with pytest.raises(CourseError, match="expected 'commit'"):
        results.measured("faces", tmp_path)
    with pytest.raises(CourseError, match="found no such file"):
        results.measured("smiles", tmp_path)


def test_a_study_that_does_not_exist_is_named_beside_those_that_do() -> None:
    with pytest.raises(CourseError, match="did you mean 'faces'"):
        choose(["face-study"])
