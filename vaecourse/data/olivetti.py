"""Olivetti: 400 grey faces of 40 people, ten each, 64 × 64 (AT&T Laboratories Cambridge, 1994).

The file that scikit-learn's `fetch_olivetti_faces` downloads. It is read here, because what
scikit-learn keeps of it is a pickle, and a pickle runs what it holds.
"""

from pathlib import Path

import numpy as np
import torch

from vaecourse.data.dataset import Prepared
from vaecourse.data.downloads import downloaded
from vaecourse.data.kept import shown
from vaecourse.errors import CourseError

ADDRESS = "https://ndownloader.figshare.com/files/5976027"
SHA256 = "b612fb967f2dc77c9c62d3e1266e0c73d5fca46a4b8906c18e454d41af987794"
FILE = "olivetti/olivettifaces.mat"
PEOPLE = 40
SPLITS = {"train": 320, "test": 80}


def read(split: str, size: int) -> Prepared:
    """Faces (n, 1, 64, 64), whatever the size; y: the person, 0 … 39.

    The first 32 people are train and the last eight test: nobody is in both. The shades are the
    file's own over 255; scikit-learn stretches them to the darkest and the brightest in it.
    """
    archive = downloaded("olivetti", FILE, f"sha256:{SHA256}", [ADDRESS])
    x = torch.from_numpy(_faces(archive)).unsqueeze(1)
    y = torch.arange(PEOPLE).repeat_interleave(10)
    mine = slice(SPLITS["train"]) if split == "train" else slice(SPLITS["train"], None)
    return Prepared(x[mine].contiguous(), y[mine].clone())


def identity() -> str:
    return SHA256[:16]


def _faces(archive: Path) -> np.ndarray:
    """uint8 (400, 64, 64); the file has a face a column, each column of it after the other."""
    from scipy.io import loadmat  # takes a moment

    try:
        table = loadmat(archive, variable_names=["faces"])["faces"]
    except Exception as problem:  # SciPy raises almost anything for a file of another kind
        raise _other(archive, f"none ({type(problem).__name__})") from problem
    if table.shape != (4096, 10 * PEOPLE) or not (table.min() >= 0 and table.max() <= 255):
        raise _other(archive, f"{table.dtype} {table.shape}")
    return np.ascontiguousarray(table.T.reshape(-1, 64, 64).transpose(0, 2, 1).astype(np.uint8))


def _other(archive: Path, came: str) -> CourseError:
    return CourseError(
        f"expected faces of shape (4096, 400) and shades 0 to 255 in {shown(archive)}, found "
        f"{came}; try removing this file, and `vaecourse data olivetti` with a network"
    )
