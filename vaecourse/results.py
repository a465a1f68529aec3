"""What was measured for the source reports: reading `results/<study>.json`.

`vaecourse reproduce` writes these files. Reading them needs neither torch nor a training.
"""

import json
import reprlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vaecourse.errors import CourseError
from vaecourse.files import course_folder, reason

if TYPE_CHECKING:
    from torch import Tensor

# A shape is a type; [shape], a list that is not empty; or {key: shape}, a mapping that has these
# keys, where the key `str` stands for all others.
Shape = Any
TRAINED: Shape = {  # a run that is not scored yet
    "seed": int,
    "protocol": dict,
    "precision": str,
    "device": str,
    "seconds": float,
    "curves": {"train_loss": [float], str: [float]},
}
RUN: Shape = TRAINED | {"figures": {str: float}}
ROW: Shape = {
    "source": str,
    "published": {str: float},
    "mean": {str: float},
    "interval": {str: float},
    "runs": [RUN],
}
STUDY: Shape = {"rows": {str: ROW}}
MEASURED: Shape = {
    "commit": str,
    "versions": {str: str},
    "device": str,
    "seconds": float,
    "measured": {str: dict},
}

LARGEST = 1e100  # a number beyond is no measurement, and sums of such may overflow
KINDS = {
    int: "a whole number",
    float: "a finite number",
    str: "a text",
    list: "a list that is not empty",
    dict: "names with values",
}


def read(study: str, folder: Path | str = "results") -> dict[str, Any]:
    """The results of a study: `["rows"][name]` is what was measured for a row, in nats an image.

    A row has its "source" in the report, the "published" figures, the "mean" of its runs, the
    "interval" (half the width of the mean's 95 % confidence interval; empty for one run), and its
    "runs". A run has its "seed", "protocol", "precision", "device", "seconds", "commit",
    "versions", "figures", and "curves" by epoch. "by" says whose training a row is: "report", or
    "course" for one of our own.

    Where there is no folder `results`, beside a notebook that was downloaded say, those that came
    with the course are read. Raises CourseError for a study without results in `folder`, and for a
    file that is damaged.
    """
    return _found(study, folder, STUDY)


def measured(study: str, folder: Path | str = "results") -> dict[str, Any]:
    """What a study measured that has no rows of a report: `["measured"]`, by seed or by setting.

    Beside it stand "commit", "versions", "device" and "seconds". Errors as `read`.
    """
    return _found(study, folder, MEASURED)


def _file(study: str, folder: Path | str, suffix: str) -> Path:
    """Where the results are: in `folder`; else, where there is no such folder, the course's own."""
    path = Path(folder)
    if not path.is_dir() and path == Path("results"):
        path = course_folder() / "book" / "results"
    return path / f"{study}{suffix}"


def _found(study: str, folder: Path | str, shape: Shape) -> dict[str, Any]:
    path = _file(study, folder, ".json")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(found, allow_nan=False, ensure_ascii=False).encode()  # it can be written again
    except FileNotFoundError as problem:
        there = ", ".join(sorted(other.stem for other in path.parent.glob("*.json")))
        raise CourseError(
            f"expected the results of {study!r} in {path}, found no such file, but those of: "
            f"{there or 'no study'}; try: vaecourse reproduce {study}"
        ) from problem
    except (OSError, ValueError, RecursionError) as problem:
        what = reason(problem) if isinstance(problem, OSError) else str(problem)
        raise _damaged(path, f"found a file that cannot be read ({what})") from problem
    difference = mismatch(found, shape)
    if difference:
        raise _damaged(path, difference)
    return found


class Drawings(NamedTuple):
    """What trained rows draw: images in [0, 1]."""

    x: "Tensor"  # (n, channels, height, width): held-out images
    reconstructions: "Tensor"  # (rows, n, channels, height, width): of x, from posterior means
    samples: "Tensor"  # (rows, m, channels, height, width): from the same z of the prior
    about: dict[str, Any]  # "rows", "seed", and by row the scores of 1,000 samples


DRAWN: Shape = {
    "rows": [str],
    "seed": int,
    "agreement": [float],
    "classes": [float],
    "control": {"agreement": float, "classes": float},
}


def read_drawings(study: str, folder: Path | str = "results") -> Drawings:
    """What the rows of a study draw, beside held-out images; this needs torch.

    In `about`, "agreement" and "classes" are `metrics.agreement` of 1,000 samples of each row, and
    "control" that of as many held-out images. Raises CourseError where there are no drawings of
    that study in `folder`, and for a file that is damaged.
    """
    from safetensors import SafetensorError, safe_open

    path = _file(study, folder, ".safetensors")
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {})["about"])
            x, reconstructions, samples = (file.get_tensor(name) for name in Drawings._fields[:3])
    except FileNotFoundError as problem:
        raise CourseError(
            f"expected the drawings of {study!r} in {path}, found no such file; try: "
            f"vaecourse reproduce {study} --resume --draw"
        ) from problem
    except (OSError, SafetensorError, KeyError, ValueError, RecursionError) as problem:
        raise _damaged(path, f"found a file that cannot be read ({problem})") from problem
    difference = mismatch(about, DRAWN)
    if difference:
        raise _damaged(path, difference)
    each = len(about["rows"])
    if {len(reconstructions), len(samples), len(about["agreement"]), len(about["classes"])} != {
        each
    }:
        raise _damaged(path, f"expected drawings and scores of {each} rows, found others")
    return Drawings(x.float() / 255, reconstructions.float() / 255, samples.float() / 255, about)


def mismatch(value: Any, shape: Shape, place: str = "") -> str:
    """Where a value read from JSON first differs from a shape, as "expected …, got …"; or ""."""
    kind = shape if isinstance(shape, type) else type(shape)
    if not _is(value, kind) or (kind is list and not value):
        return f"expected {KINDS[kind]} {place or 'at the top'}, got {_short(value)}"
    if isinstance(shape, list):
        items = [(f"{place}[{i}]", item, shape[0]) for i, item in enumerate(value)]
    elif isinstance(shape, dict):
        missing = [key for key in shape if key is not str and key not in value]
        if missing:
            return f"expected {missing[0]!r} {place or 'at the top'}, found {_short(value)}"
        items = [
            (f"{place} {key!r}" if place else f"in {key!r}", item, shape.get(key, shape.get(str)))
            for key, item in value.items()
        ]
    else:
        items = []
    found = (mismatch(item, part, where) for where, item, part in items if part is not None)
    return next(filter(None, found), "")


def _is(value: Any, kind: type) -> bool:
    if kind in (int, float):
        numbers = int if kind is int else int | float
        is_number = isinstance(value, numbers) and not isinstance(value, bool)
        return is_number and -LARGEST < value < LARGEST
    return isinstance(value, kind)


def _short(value: Any) -> str:
    text = reprlib.repr(value)
    return text if len(text) <= 60 else text[:60] + "…"


def _damaged(path: Path, what: str) -> CourseError:
    return CourseError(
        f"expected the results of a study in {path}: {what}; try `git checkout` for the file as it "
        f"was, or delete it and then: vaecourse reproduce {path.stem}"
    )
