"""MNIST and Fashion-MNIST: gzipped idx files, in the folders where torchvision keeps them too.

Their names, md5 sums and addresses are torchvision's, written down here because importing
torchvision takes seconds.
"""

import gzip
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaecourse.data.dataset import Prepared, short_hash
from vaecourse.data.downloads import downloaded


class Archives(NamedTuple):
    """The four files of a data set.

    folder: below the data folder.
    mirrors: addresses that a file's name is put behind, the first one to be tried first.
    md5: the sum of each file; images come before labels.
    """

    name: str
    folder: str
    mirrors: tuple[str, ...]
    md5: dict[str, str]

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(f"{self.folder}/{file}" for file in self.md5)

    def identity(self) -> str:
        return short_hash(repr(list(self.md5.items())).encode())


MNIST = Archives(
    "mnist",
    "MNIST/raw",
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ),
    {
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    },
)
FASHION_MNIST = Archives(
    "fashion-mnist",
    "FashionMNIST/raw",
    ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
    {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    },
)


def read(archives: Archives, split: str, size: int) -> Prepared:
    """Pictures (n, 1, 28, 28), whatever the size, and their classes.

    Raises CourseError for a file that can be neither found nor downloaded.
    """
    prefix = "train-" if split == "train" else "t10k-"
    x, y = (
        _array(
            downloaded(archives.name, f"{archives.folder}/{file}", f"md5:{md5}", archives.mirrors)
        )
        for file, md5 in archives.md5.items()
        if file.startswith(prefix)
    )
    return Prepared(x.unsqueeze(1), y.long())


def _array(content: bytes) -> Tensor:
    """The bytes in a gzipped idx file: a header with the number and the sizes of its dimensions.

    The file's sum was checked, so what is in it need not be.
    """
    data = gzip.decompress(content)
    dims = data[3]
    shape = np.frombuffer(data, ">u4", dims, offset=4).tolist()
    return torch.tensor(np.frombuffer(data, np.uint8, offset=4 + 4 * dims)).reshape(shape)
