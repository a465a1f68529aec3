"""Laws of the Olivetti loader, on a file of the true layout."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

from vaecourse import data
from vaecourse.data import olivetti
from vaecourse.errors import CourseError


def put(place: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    path = place / olivetti.FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    monkeypatch.setattr(olivetti, "SHA256", hashlib.sha256(content).hexdigest())


def mat(**tables: np.ndarray) -> bytes:
    file = io.BytesIO()
    savemat(file, tables)
    return file.getvalue()


def test_the_file_and_its_sum_are_scikit_learns() -> None:
    from sklearn.datasets import _olivetti_faces as theirs

    assert theirs.FACES.url == olivetti.ADDRESS
    assert theirs.FACES.checksum == olivetti.SHA256
    assert theirs.FACES.filename == Path(olivetti.FILE).name


def test_faces_stand_upright_and_nobody_is_in_both_splits(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = np.random.default_rng(0).integers(0, 256, (400, 64, 64)).astype(np.uint8)
    put(data_folder, monkeypatch, mat(faces=faces.transpose(0, 2, 1).reshape(400, -1).T))
    train, test = data.load("olivetti"), data.load("olivetti", "test")
    both = torch.cat([train.x, test.x])
    assert torch.equal((both[:, 0] * 255).round().byte(), torch.from_numpy(faces))
    assert torch.bincount(train.y).tolist() == [10] * 32
    assert set(test.y.tolist()) == set(range(32, 40))


BAD = {
    "another kind of file": (b"<html>", "found none"),
    "another table": (mat(x=np.zeros((2, 2))), r"found none \(KeyError\)"),
    "too few": (mat(faces=np.zeros((4096, 39), np.uint8)), r"uint8 \(4096, 39\)"),
    "no shades": (mat(faces=np.full((4096, 400), -1.0)), "float64"),
    "NaN": (mat(faces=np.full((4096, 400), np.nan)), "float64"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD.keys())
def test_a_file_of_other_content_is_refused(
    content: bytes, message: str, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(data_folder, monkeypatch, content)
    with pytest.raises(CourseError, match=message):
        data.load("olivetti")
