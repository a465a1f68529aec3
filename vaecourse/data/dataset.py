"""What has to be known of a data set: the columns of the table."""

import hashlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from torch import Tensor


class Prepared(NamedTuple):
    """One split as it is kept.

    x: uint8 (n, channels, height, width) in 0…255, or float32 in [0, 1].
    y: (n, …) labels.
    warning: what every load has to say of it, such as the pictures that were skipped; "" mostly.
    """

    x: Tensor
    y: Tensor
    warning: str = ""


class DataSet(NamedTuple):
    """A data set.

    about: what its pictures and labels show.
    splits: how many images each split has.
    source, licence: where they come from, and what one may do with them.
    make: from a split's name and a size in pixels to that split, downloaded where need be.
    identity: a short string that changes when the content does; it reads no picture.
    there: where a folder that is unpacked already, whole or in part, may stand in for the archive,
        a short string for the one on this machine; "" where there is none.
    scaled: whether the pictures are scaled to the size that `load` is given.
    kept: whether the prepared tensors are kept; not, where making them is as fast.
    files: what `make` downloads unless it is there, as paths below the data folder.
    """

    name: str
    about: str
    splits: Mapping[str, int]
    source: str
    licence: str
    make: Callable[[str, int], Prepared]
    identity: Callable[[], str]
    scaled: bool = False
    kept: bool = True
    files: tuple[str, ...] = ()
    there: Callable[[], str] = str  # which gives ""


def short_hash(content: bytes) -> str:
    """The first 16 hexadecimal digits of the sha256 sum."""
    return hashlib.sha256(content).hexdigest()[:16]
