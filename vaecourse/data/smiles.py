"""SMILEs: real grey faces, smiling or not, from photos in the news (Hromada's SMILEsmileD).

What we found in the 13,165 pictures: seven of them are there twice, byte for byte, five of these
under both labels; thirteen photos are there twice in another brightness (correlation of 16 × 16
means above 0.935). Well-known people recur with other photos, and nothing says who is who: the same
person may be in train and in test.
"""

import hashlib
import io
import re
import tarfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from vaecourse.data.archives import reading, tar_members
from vaecourse.data.dataset import Prepared
from vaecourse.data.downloads import downloaded
from vaecourse.data.kept import shown
from vaecourse.errors import CourseError

COMMIT = "6afac66f50061948eed7da5a351cecd9c4a99fe3"
ADDRESS = f"https://github.com/hromi/SMILEsmileD/archive/{COMMIT}.tar.gz"
FILE = "smiles/SMILEsmileD.tar.gz"
# Over names and contents: what GitHub packs differs from time to time, what is inside does not.
SHA256 = "9ebcb0c24d35df71284ecf2414b820c2a43e086599440a77d87697330d534245"
SPLITS = {"train": 11_165, "test": 2_000}
PICTURE = re.compile(r"[^/]+/SMILEs/(negatives/negatives7|positives/positives7)/\d+\.jpg")
LARGEST = 2**16  # bytes of a picture; the largest has 2,886

# Numbers of the pictures that are there twice: all of them are train.
TWINS = frozenset({
    5, 29, 334, 427, 591, 824, 1005, 1637, 2337, 2422, 2986, 3308, 3535, 3732, 4083, 4101, 5245,
    5751, 6277, 7288, 7358, 7798, 7910, 8308, 9139, 9166, 9921, 9956, 10249, 10646, 11776, 11858,
    12190, 12847, 12918,
})  # fmt: skip


def read(split: str, size: int) -> Prepared:
    """Faces (n, 1, 64, 64), whatever the size; y: 1 smiling, 0 not.

    The order is that of the sha256 sums of the files, so it mixes both kinds and the archive's own
    order is nothing to it. Of each kind the first are test, as many as its share of 2,000, photos
    that are there twice left out; all others are train.
    """
    archive = downloaded("smiles", FILE, None, [ADDRESS])
    files = _checked(archive)
    test = _test(files)
    mine = [name for name in _in_order(files) if (name in test) == (split == "test")]
    pictures = [np.asarray(Image.open(io.BytesIO(files[name]), formats=["JPEG"])) for name in mine]
    y = torch.tensor([int(name.startswith("positives")) for name in mine])
    return Prepared(torch.from_numpy(np.stack(pictures)).unsqueeze(1), y)


def identity() -> str:
    """A sum over the pictures and over who is test."""
    return hashlib.sha256(f"{SHA256} {sorted(TWINS)} {SPLITS}".encode()).hexdigest()[:16]


def _checked(archive: Path) -> dict[str, bytes]:
    """The pictures in an archive by their names below SMILEs/; CourseError for other content."""
    files = {}
    with reading("smiles", archive), tarfile.open(archive) as tar:
        for member in tar_members("smiles", archive, tar, PICTURE, LARGEST):
            name = member.name.partition("/SMILEs/")[2]
            files[name] = tar.extractfile(member).read()  # type: ignore[union-attr]
    if _sum(files) != SHA256:
        raise CourseError(
            f"expected the {sum(SPLITS.values()):,} pictures of SMILEsmileD in {shown(archive)}, "
            f"found {len(files):,} and another sum; try removing this file, and `vaecourse data "
            "smiles` with a network"
        )
    return files


def _sum(files: dict[str, bytes]) -> str:
    """sha256 over names and contents, in the order of the names."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name} {len(files[name])} ".encode() + files[name])
    return total.hexdigest()


def _in_order(files: dict[str, bytes]) -> list[str]:
    return sorted(files, key=lambda name: (hashlib.sha256(files[name]).digest(), name))


def _test(files: dict[str, bytes]) -> set[str]:
    """The names of the test pictures."""
    smiling = [name for name in _in_order(files) if name.startswith("positives")]
    others = [name for name in _in_order(files) if name.startswith("negatives")]
    num_smiling = round(SPLITS["test"] * len(smiling) / len(files))
    test: set[str] = set()
    for names, n in [(smiling, num_smiling), (others, SPLITS["test"] - num_smiling)]:
        once = [name for name in names if int(Path(name).stem) not in TWINS]
        test.update(once[:n])
    return test
