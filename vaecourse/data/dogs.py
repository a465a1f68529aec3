"""Stanford Dogs: 20,580 photos of 120 breeds (Khosla et al., 2011), research and teaching only.

An unpacked folder `stanford_dogs/Images` below the data folder is used as it is, a part of the set
too; else the archive is downloaded, which goes on where it stopped. Breeds are numbered in the
order of their folders' names. Of the sorted paths every fifth is test, as for any folder: the
authors' own split, 100 train photos a breed, lies in another archive.
"""

import re
import tarfile
from typing import IO

from vaecourse.data.archives import reading, tar_members
from vaecourse.data.dataset import DataSet, Prepared
from vaecourse.data.downloads import downloaded
from vaecourse.data.folders import folder_set, read_pictures
from vaecourse.data.images import check_colour
from vaecourse.data.kept import data_root, is_folder, shown
from vaecourse.errors import CourseError

ADDRESS = "http://vision.stanford.edu/aditya86/ImageNetDogs/images.tar"
SHA256 = "a443fc2f9a851aa1a7b8e4fa4af94b8459fce2c9f5a2f4dd4669cf9673a4ec58"
FILE = "stanford_dogs/images.tar"
PICTURE = re.compile(r"[Ii]mages/(n\d+-[^/]+/[^/]+\.jpg)")
LARGEST = 2**24  # bytes of a photo
SPLITS = {"train": 16_464, "test": 4_116}


def read(split: str, size: int) -> Prepared:
    """Photos (n, 3, size, size), the middle squares, and the numbers of their breeds.

    Photos that cannot be read are skipped, counted and named in a warning.
    """
    folder = _folder()
    made = folder.make(split, size) if folder else _from_archive(split, size)
    check_colour("stanford-dogs", made.x)
    return made


def there() -> str:
    """A sum over the names, sizes and times of an unpacked folder's photos, "" without one."""
    folder = _folder()
    return folder.identity() if folder else ""


def identity() -> str:
    return SHA256[:16]


def _folder() -> DataSet | None:
    place = data_root() / "stanford_dogs" / "Images"
    return folder_set(str(place.absolute())) if is_folder(place) else None


def _from_archive(split: str, size: int) -> Prepared:
    archive = downloaded("stanford-dogs", FILE, f"sha256:{SHA256}", [ADDRESS], resumable=True)
    with reading("stanford-dogs", archive), tarfile.open(archive, "r:") as tar:
        members = tar_members("stanford-dogs", archive, tar, PICTURE, LARGEST)
        photos = {member.name.partition("/")[2]: member for member in members}

        if not photos:
            raise CourseError(
                f"expected the photos of stanford-dogs in {shown(archive)}, as Images/BREED/….jpg, "
                "found none; try removing this file, and `vaecourse data stanford-dogs`"
            )

        def opened(name: str) -> IO[bytes]:
            return tar.extractfile(photos[name])  # type: ignore[return-value]

        return read_pictures(archive, sorted(photos), opened, split, size)
