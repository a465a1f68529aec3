"""Files that are downloaded once, checked, and kept below the data folder."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pooch
from tqdm import tqdm

from vaecourse import progress
from vaecourse.data.kept import data_root, shown
from vaecourse.errors import CourseError
from vaecourse.files import reason

if TYPE_CHECKING:
    import requests

SECONDS = 30  # without an answer, and the next address is tried


def downloaded(
    name: str, file: str, known_hash: str | None, mirrors: Sequence[str], resumable: bool = False
) -> Path:
    """A file below the data folder; it is downloaded when it is missing or damaged.

    `name` is the data set's, for messages; `known_hash` is "md5:…" or "sha256:…", or None for a
    caller that checks what is inside; the addresses in `mirrors` are tried in turn: of the file, or
    of its folder where they end in "/". A download that breaks off begins anew, or, a `resumable`
    one, goes on where it stopped: what came so far is kept beside the file, as ….part.

    A damaged file stays until a whole one takes its place, and a whole one is never touched.
    Raises CourseError where the file can be neither found nor downloaded, or its place cannot be
    read or written.
    """
    path = data_root() / file
    try:
        problems = []
        for mirror in mirrors:
            try:
                _fetch(path, mirror, known_hash, resumable)
                return path
            except (ValueError, _network_error()) as problem:
                problems.append(_why(problem, mirror))
    except OSError as problem:
        cause = problem.__cause__ if isinstance(problem.__cause__, OSError) else problem
        raise CourseError(
            f"{name} needs {shown(path)}, which cannot be read or written ({reason(cause)}); try "
            "freeing some space, or setting VAECOURSE_DATA to a folder that can be written"
        ) from problem
    found = "is damaged" if path.exists() else "is not there"
    raise CourseError(
        f"{name} needs {shown(path)}, which {found} and could not be downloaded "
        f"({'; '.join(problems)}); try connecting to the network once and running `vaecourse data "
        f"{name}`, or setting VAECOURSE_DATA to a folder that has it, or using the built-in "
        "'digits'"
    )


def _fetch(path: Path, mirror: str, known_hash: str | None, resumable: bool) -> None:
    address = mirror + path.name if mirror.endswith("/") else mirror
    registry, urls = {path.name: known_hash}, {path.name: address}
    place = pooch.create(path.parent, "", registry=registry, urls=urls, retry_if_failed=1)
    part = path.with_name(f"{path.name}.part")
    place.fetch(path.name, downloader=partial(_resume, part) if resumable else _download)


def _download(url: str, file: str, place: pooch.Pooch) -> None:
    """pooch's own download, which it puts in place when the sum is right; with a progress bar."""
    download = pooch.HTTPDownloader(progressbar=True, chunk_size=2**16, timeout=SECONDS)
    download(url, file, place)
    umask = os.umask(0)
    os.umask(umask)
    Path(file).chmod(0o666 & ~umask)  # pooch's temporary file is for its owner's eyes only


def _resume(part: Path, url: str, file: str, place: pooch.Pooch) -> None:
    """The rest of what lies in `part`, or all of it; then it is pooch's, which looks at the sum."""
    import requests

    begun = part.stat().st_size if part.exists() else 0
    asked = {"Range": f"bytes={begun}-"} if begun else {}
    with requests.get(url, headers=asked, stream=True, timeout=SECONDS) as answer:
        if answer.status_code != 416:  # or nothing was missing
            answer.raise_for_status()
            more = answer.headers.get("Content-Range", "").startswith(f"bytes {begun}-")
            _append(part, answer, begun if more else 0)
    part.replace(file)


def _append(part: Path, answer: "requests.Response", begun: int) -> None:
    total = begun + int(answer.headers.get("Content-Length", 0))
    with (
        part.open("ab" if begun else "wb") as whole,
        tqdm(
            total=total,
            initial=begun,
            unit="B",
            unit_scale=True,
            desc=part.stem,
            file=progress.place(),
        ) as bar,
    ):
        for piece in answer.iter_content(2**16):
            whole.write(piece)
            bar.update(len(piece))


def _network_error() -> type[OSError]:
    from requests import RequestException  # takes a moment, and pooch too waits with it

    return RequestException


def _why(problem: Exception, mirror: str) -> str:
    """What went wrong with a download, in a few words."""
    host = urlsplit(mirror).netloc
    if isinstance(problem, ValueError):
        return f"{host} sent something else: its sum is wrong"
    answer = getattr(problem, "response", None)
    if answer is not None:
        return f"{host} answered {answer.status_code} {answer.reason}"
    return f"no whole answer from {host}: {type(problem).__name__}"
