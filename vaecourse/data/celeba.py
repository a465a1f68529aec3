"""CelebA: 202,599 faces of the famous with 40 attributes (Liu et al., 2015), for research only.

The files are not downloaded here, because their owners ask whoever wants them to agree first:
they are looked for where torchvision keeps them too, in the folder `celeba` below the data folder.
"""

import hashlib
import io
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from vaecourse import progress
from vaecourse.data.archives import reading
from vaecourse.data.dataset import Prepared, short_hash
from vaecourse.data.images import check_colour
from vaecourse.data.kept import data_root, is_folder, shown
from vaecourse.errors import CourseError
from vaecourse.files import reason

ZIP, FOLDER = "img_align_celeba.zip", "img_align_celeba"
ATTRIBUTES, PARTITION = "list_attr_celeba.txt", "list_eval_partition.txt"
FILES = tuple(f"celeba/{file}" for file in (ZIP, ATTRIBUTES, PARTITION))
MD5 = {  # torchvision's
    ZIP: "00d2c5bc6d35e252742224ab0c1e8fcb",
    ATTRIBUTES: "75e246fa4810816ffd6ee81facbd244c",
    PARTITION: "d32c9cbf5e040fd4025c592c306e6668",
}
SPLITS = {"train": 162_770, "valid": 19_867, "test": 19_962}
WIDTH, HEIGHT, CROP = 178, 218, 148  # pixels
LARGEST = 2**20  # bytes of a picture
CELEBA_ATTRIBUTES = (
    "5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs",
    "Big_Lips", "Big_Nose", "Black_Hair", "Blond_Hair", "Blurry", "Brown_Hair", "Bushy_Eyebrows",
    "Chubby", "Double_Chin", "Eyeglasses", "Goatee", "Gray_Hair", "Heavy_Makeup", "High_Cheekbones",
    "Male", "Mouth_Slightly_Open", "Mustache", "Narrow_Eyes", "No_Beard", "Oval_Face", "Pale_Skin",
    "Pointy_Nose", "Receding_Hairline", "Rosy_Cheeks", "Sideburns", "Smiling", "Straight_Hair",
    "Wavy_Hair", "Wearing_Earrings", "Wearing_Hat", "Wearing_Lipstick", "Wearing_Necklace",
    "Wearing_Necktie", "Young",
)  # fmt: skip


def read(split: str, size: int) -> Prepared:
    """Faces (n, 3, size, size), of which the middle 148 pixels are kept; y int64 (n, 40), 0 or 1.

    The splits are the authors': no person is in two of them. `train` takes 2 GB at size 64 while it
    is made, and 8 GB as float32: `load` with `count` gives the first so many.
    """
    root = data_root() / "celeba"
    has = _attributes(_text(root, ATTRIBUTES))
    parts = _partition(_text(root, PARTITION))
    if has.keys() != parts.keys():
        raise _no_match(f"{PARTITION} and {ATTRIBUTES}", has.keys() ^ parts.keys())
    number = str(list(SPLITS).index(split))
    names = sorted(name for name in has if parts[name] == number)
    with ExitStack() as stack:
        picture = _pictures(root, has, stack)
        x = torch.empty(len(names), 3, size, size, dtype=torch.uint8)
        for i, name in enumerate(
            tqdm(names, desc=f"reading celeba {split}", delay=1, file=progress.place())
        ):
            x[i] = _cropped(name, picture(name), size)
    check_colour("celeba", x)
    return Prepared(x, torch.tensor([has[name] for name in names]))


def identity() -> str:
    return short_hash(repr(sorted(MD5.items())).encode())


def there() -> str:
    """Short for "the unpacked folder is used"; its pictures are those of the archive."""
    root = data_root() / "celeba"
    if is_folder(root / FOLDER) and not (root / ZIP).is_file():
        return f"{identity()}-unpacked"
    return ""


def _text(root: Path, file: str) -> list[list[str]]:
    """The words of each line of a text file, which is checked."""
    return [line.split() for line in _checked(root, file).read_text("ascii").splitlines()]


def _checked(root: Path, file: str) -> Path:
    try:
        with (root / file).open("rb") as content:
            found = hashlib.file_digest(content, "md5").hexdigest()
    except OSError as problem:
        raise CourseError(
            f"celeba needs {shown(root / file)}, which cannot be read ({reason(problem)}); try "
            "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html, or torchvision.datasets.CelebA("
            f"{str(root.parent)!r}, download=True), or the drawn 'faces'"
        ) from problem
    if found != MD5[file]:
        raise CourseError(
            f"expected CelebA's own {shown(root / file)}, found another content (md5 {found}); try "
            "downloading it again, or load('a/folder/of/pictures') for other pictures"
        )
    return root / file


def _attributes(lines: list[list[str]]) -> dict[str, list[int]]:
    """Attributes by picture, 1 or 0: the file has their number, their names, then 1 or −1 each."""
    if len(lines) < 3 or tuple(lines[1]) != CELEBA_ATTRIBUTES:
        raise CourseError(
            f"expected the 40 attributes' names in the second line of {ATTRIBUTES}, found others; "
            "try downloading it again"
        )
    wrong = [line for line in lines[2:] if len(line) != 41 or not {*line[1:]} <= {"1", "-1"}]
    if wrong or lines[0] != [str(len(lines) - 2)]:
        came = f"{' '.join(wrong[0])[:60]!r}" if wrong else f"{len(lines) - 2:,} lines"
        raise CourseError(
            f"expected {' '.join(lines[0])} lines of a name and 40 times 1 or -1 in {ATTRIBUTES}, "
            f"found {came}; try downloading it again"
        )
    return {line[0]: [int(word == "1") for word in line[1:]] for line in lines[2:]}


def _partition(lines: list[list[str]]) -> dict[str, str]:
    """The part each picture belongs to: "0", "1" or "2"."""
    wrong = [line for line in lines if len(line) != 2 or line[1] not in ("0", "1", "2")]
    if wrong:
        raise CourseError(
            f"expected a name and 0, 1 or 2 in each line of {PARTITION}, found "
            f"{' '.join(wrong[0])[:60]!r}; try downloading it again"
        )
    return dict(lines)


def _pictures(root: Path, has: dict[str, list[int]], stack: ExitStack) -> Callable[[str], bytes]:
    """What reads a picture by its name: from the archive, or where it is unpacked."""
    folder = root / FOLDER
    if there():
        stack.enter_context(reading("celeba", folder))
        files = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
        _check_names(f"{FOLDER} and {ATTRIBUTES}", files, has)
        return lambda name: (folder / name).read_bytes()
    archive = _checked(root, ZIP)
    stack.enter_context(reading("celeba", archive))
    pack = stack.enter_context(ZipFile(archive))
    infos = {
        info.filename.partition("/")[2]: info.file_size
        for info in pack.infolist()
        if not info.is_dir() and info.filename.startswith(f"{FOLDER}/")
    }
    _check_names(f"{ZIP} and {ATTRIBUTES}", infos, has)
    return lambda name: pack.read(f"{FOLDER}/{name}")


def _check_names(which: str, files: dict[str, int], has: dict[str, list[int]]) -> None:
    """CourseError unless the pictures are those with attributes, of a size that pictures have."""
    pictures = {name for name, size in files.items() if size <= LARGEST}
    if pictures != has.keys():
        raise _no_match(which, pictures ^ has.keys())


def _no_match(which: str, odd: set[str]) -> CourseError:
    some = ", ".join(shown(name) for name in sorted(odd)[:3])
    return CourseError(
        f"expected the same pictures in {which}, found {len(odd):,} in one only, such as {some}; "
        "try downloading both again"
    )


def _cropped(name: str, content: bytes, size: int) -> Tensor:
    """The middle square as uint8 (3, size, size)."""
    image = None
    try:
        with Image.open(io.BytesIO(content), formats=["JPEG", "PNG"]) as opened:
            found = f"{opened.width} × {opened.height}"
            if opened.size == (WIDTH, HEIGHT):
                image = opened.convert("RGB")
    except Exception:  # Pillow raises almost anything for a damaged file
        found = "none that can be read"
    if image is None:
        raise CourseError(
            f"expected a picture of {WIDTH} × {HEIGHT} pixels in {shown(name)} of celeba, found "
            f"{found}; try downloading the pictures again"
        )
    left, top = (WIDTH - CROP) // 2, (HEIGHT - CROP) // 2
    square = image.crop((left, top, left + CROP, top + CROP))
    square = square.resize((size, size), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(square)).permute(2, 0, 1)
